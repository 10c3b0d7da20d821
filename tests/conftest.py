"""What every test may use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

import dhcpcallout

# Machines that are slow or busy, and the tables that hypothesis builds when a text is first drawn.
hypothesis.settings.register_profile(
    "suite", hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
)
# What `make soak` runs: more examples than anybody waits for.
hypothesis.settings.register_profile(
    "soak",
    hypothesis.settings.get_profile("suite"),
    max_examples=int(os.environ.get("EXAMPLES", "5000")),
    stateful_step_count=60,
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture(scope="session")
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


@pytest.fixture
def compile_callout(
    require_system: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Compile a native callout; skip the test where there is no C compiler.

    Call it with the source's path and, after it, further arguments for the compiler. Every call makes a library of
    its own, whose variables have their first values.
    """
    require_system("cc")
    sdk = Path(dhcpcallout.__file__).parent / "sdk"

    def compile_callout(source: Path, *arguments: str) -> Path:
        library = tmp_path_factory.mktemp("native") / f"{source.stem}.so"
        warnings = ("-Wall", "-Wextra", "-pedantic", "-Werror")
        flags = ("-std=c99", *warnings, "-shared", "-fPIC", f"-I{sdk}", f"-I{sdk / 'posix'}")
        subprocess.run(["cc", *flags, *arguments, "-o", str(library), str(source)], check=True)
        return library

    return compile_callout


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run a program in a fresh interpreter; give what it prints."""

    def run(program: str) -> str:
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        return done.stdout

    return run
