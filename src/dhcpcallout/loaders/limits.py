"""What a worker process takes from itself, for good, before and after it loads a callout that is not trusted."""

import os
from collections.abc import Mapping

from ..errors import CalloutLoadError

__all__ = ["NAMES", "apply", "lock"]

NAMES = ("memory_mib", "cpu_s", "open_files", "no_new_files", "no_new_processes")
"""The limits that there are: ``Isolation``'s attributes."""


def apply(limits: Mapping[str, int | None]) -> None:
    """Set the limits that hold while the callout is loaded, too.

    Raises:
        CalloutLoadError: This system has no limits, or not these.
    """
    if not any(limits.values()):
        return
    try:
        import resource
    except ImportError:
        raise CalloutLoadError(
            "this worker's system has no resource limits; set them around it in worker-command, or not at all"
        ) from None
    wanted = (
        (resource.RLIMIT_AS, limits["memory_mib"], 1 << 20),
        (resource.RLIMIT_CPU, limits["cpu_s"], 1),
        (resource.RLIMIT_NOFILE, limits["open_files"], 1),
        (resource.RLIMIT_FSIZE, 0 if limits["no_new_files"] else None, 1),
    )
    for what, value, unit in wanted:
        if value is not None:
            _set(what, value * unit)


def lock(limits: Mapping[str, int | None]) -> None:
    """Set the limits that nothing could be loaded under.

    Raises:
        CalloutLoadError: They cannot be set.
    """
    if limits["no_new_files"] or limits["no_new_processes"]:
        import resource

        if limits["no_new_files"]:
            # The lowest number that is free: what is open stays open, and nothing else can be.
            free = os.open(os.devnull, os.O_RDONLY)
            os.close(free)
            _set(resource.RLIMIT_NOFILE, free)
        if limits["no_new_processes"]:
            _set(resource.RLIMIT_NPROC, 0)


def _set(what: int, value: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    try:
        resource.setrlimit(what, (value, value))
    except (OSError, ValueError) as error:
        raise CalloutLoadError(f"a resource limit cannot be set: {error}") from error
