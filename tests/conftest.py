"""What every test may use."""

import os
import shutil
from collections.abc import Callable

import pytest


@pytest.fixture
def require_system() -> Callable[..., None]:
    """Skip the test, with its reason, where the system lacks what it names; fail under REQUIRE_SYSTEM=1.

    Call it with programs' names and, for root, ``root=True``; or with ``reason=`` where the test has found out
    by itself that something is missing.
    """

    def require(*programs: str, root: bool = False, reason: str = "") -> None:
        missing = [f"program {name!r} is not installed" for name in programs if shutil.which(name) is None]
        if root and (not hasattr(os, "geteuid") or os.geteuid() != 0):
            missing.append("root is needed")
        if reason:
            missing.append(reason)
        if not missing:
            return
        if os.environ.get("REQUIRE_SYSTEM") == "1":
            pytest.fail("; ".join(missing))
        pytest.skip("; ".join(missing))

    return require
