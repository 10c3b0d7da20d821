"""The main job, end to end, over loopback: a server with callouts, clients that lease from it, leases on disk.

Prints what the server logs, each hook as it fires, beside what the clients get. Exit status 0 if all went as it should.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

EXAMPLES = Path(__file__).resolve().parent
DHCPCALLOUT = [sys.executable, "-m", "dhcpcallout"]
SERVER = "127.0.0.1:6767"
READY_WITHIN_S = 20
ALICE, BOB, MALLORY = "02:00:00:00:00:01", "02:00:00:00:00:09", "02:00:00:00:0b:ad"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="dhcpcallout-") as name:
        folder = Path(name)
        config = Path(shutil.copy(EXAMPLES / "quickstart.toml", folder))
        shutil.copytree(
            EXAMPLES / "callouts", folder / "callouts", ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
        native = build_native_callout(folder / "callouts")
        with Serving(config) as serving:
            lease_addresses()
            serving.stop()
        show_leases(config)
        serving.check_hooks("policy.py: ", ["control START", "new_packet", "address_offer", "control STOP"])
        if native:
            serving.check_hooks("audit.c ", ["DhcpControlHook START", "DhcpNewPktHook", "DhcpControlHook STOP"])
    say("all went as it should")
    return 0


def say(text: str) -> None:
    print(f"== {text}", flush=True)


def build_native_callout(callouts: Path) -> bool:
    """Build audit.c where there is a C compiler; the server goes on without it where there is none."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        say("no C compiler here: audit.so is not built, and the server will log that it cannot load it (1034)")
        return False
    say("building the native callout: cc -shared -fPIC $(dhcpcallout sdk --cflags) -o audit.so audit.c")
    sdk = subprocess.run([*DHCPCALLOUT, "sdk", "--cflags"], check=True, capture_output=True, text=True)
    source, library = callouts / "audit.c", callouts / "audit.so"
    subprocess.run([compiler, "-shared", "-fPIC", *shlex.split(sdk.stdout), "-o", library, source], check=True)
    return True


class Serving:
    """``dhcpcallout serve`` as a process, its log printed as it comes."""

    def __init__(self, config: Path) -> None:
        say(f"dhcpcallout serve -c {config.name}")
        self.lines: list[str] = []
        self._ready = threading.Event()
        self._process = subprocess.Popen(
            [*DHCPCALLOUT, "serve", "-c", config],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=os.environ | {"CALLOUTS": str(config.parent / "callouts")},
        )
        self._printer = threading.Thread(target=self._print)

    def __enter__(self) -> Self:
        self._printer.start()
        if not self._ready.wait(READY_WITHIN_S) or self._process.poll() is not None:
            self.__exit__()
            raise SystemExit("the server did not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._printer.join()

    def _print(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line.rstrip())
            print("   server |", line, end="", flush=True)
            if " ready: " in line:
                self._ready.set()
        self._ready.set()

    def stop(self) -> None:
        """Ask the server to end, as a service manager does."""
        self._process.terminate()
        if self._process.wait(timeout=20) != 0:
            raise SystemExit(f"the server ended with exit status {self._process.returncode}")
        self._printer.join()

    def check_hooks(self, marker: str, expected: Sequence[str]) -> None:
        """Fail unless the log has these, in this order, among the lines of one callout."""
        fired = iter([line.partition(marker)[2] for line in self.lines if marker in line])
        for hook in expected:
            if not any(line.startswith(hook) for line in fired):
                raise SystemExit(f"{marker.strip(' :')} did not log {hook!r} in its place")


def request(*arguments: str, refused: bool = False) -> str:
    """Run ``dhcpcallout request``; give the address that it got."""
    say(f"dhcpcallout request {SERVER} {' '.join(arguments)}")
    command = [*DHCPCALLOUT, "request", SERVER, *arguments]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    print(f"   client | {(done.stdout or done.stderr).strip()}", flush=True)
    if done.returncode != (1 if refused else 0):
        raise SystemExit(f"exit status {done.returncode}: {done.stderr}")
    return "" if refused else str(json.loads(done.stdout)["address"])


def lease_addresses() -> None:
    address = request("--mac", ALICE, "--hostname", "alice")
    if request("--mac", BOB) != "10.0.0.9":
        raise SystemExit("the reserved address went astray")
    if request("--mac", ALICE, "--renew", address) != address:
        raise SystemExit("the renewal gave another address")
    request("--mac", MALLORY, "--timeout", "0.3", refused=True)


def show_leases(config: Path) -> None:
    say(f"dhcpcallout leases list -c {config.name}")
    command = [*DHCPCALLOUT, "leases", "list", "-c", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout, flush=True)
    if "10.0.0.9" not in done.stdout or "alice" not in done.stdout:
        raise SystemExit("a lease is not on disk")


if __name__ == "__main__":
    sys.exit(main())
