"""How a callout is kept apart from the server: settings, as a configuration or a program gives them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Isolation", "Mode", "OnFailure"]

Mode = Literal["none", "process"]
"""Where a callout is loaded: into the server itself, or into a worker process."""
OnFailure = Literal["continue", "drop"]
"""What becomes of a packet that a worker fails at."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """Whether, and how, a callout is kept apart from the server.

    Attributes:
        mode: ``none`` loads it into the server itself, ``process`` into a worker process.
        timeout_ms: How long the worker may take to answer a hook, in milliseconds.
        on_failure: What becomes of a packet that the worker fails at, or arrives while there is none: it goes on as
            if the callout were not there, or is dropped.
        max_failures: So many failures within a minute, and the callout is taken out: no worker is started any more.
        worker_command: What starts the Python that is the worker, with its arguments; ``-m`` and the module's name
            are added. The server's own Python by default. It needs this package.
        memory_mib: How much memory the worker may have, in MiB of address space.
        cpu_s: How many seconds of a processor it may use in its life.
        open_files: How many files it may have open.
        no_new_files: Whether, once the callout is loaded, it may open nothing, and never write to a file.
        no_new_processes: Whether, once the callout is loaded, it may start no process and no thread. For an ordinary
            user only: root may.
        user: Whose rights it has, and no others: a user's name or number. The server must be root, or have the
            capabilities ``CAP_SETUID``, ``CAP_SETGID`` and ``CAP_KILL``.
        environment: Environment variables that it gets besides those that every worker gets.
        start_timeout_s: How long it may take to start and load the callout, and to start or stop the service (the
            control hook), in seconds.
    """

    mode: Mode = "none"
    timeout_ms: int = 250
    on_failure: OnFailure = "continue"
    max_failures: int = 5
    worker_command: Sequence[str] | None = None
    memory_mib: int | None = None
    cpu_s: int | None = None
    open_files: int | None = None
    no_new_files: bool = False
    no_new_processes: bool = False
    user: str | int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    start_timeout_s: float = 10.0
