"""``dhcpcallout serve`` and ``dhcpcallout request`` as processes, over the loopback."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "dhcpcallout"]
MAC = "00:0c:01:02:03:04"
CONFIGURATION = f"""
[server]
listen = ["127.0.0.1:0"]
authoritative = true
[leases]
store = "sqlite:leases.db"
[callouts]
CalloutEnabled = 1
CalloutDlls = ["%FOLDER%/zz.py", "%FOLDER%/broken.py", "%FOLDER%/missing.so"]
[options]
domain-name-servers = ["10.0.0.53"]
[[subnet]]
network = "10.0.0.0/8"
pools = ["10.1.0.0-10.200.255.254"]
lease-time = 4000
options = {{ routers = ["10.0.0.1"] }}
[[subnet.reservation]]
hardware-address = "{MAC}"
address = "10.0.0.9"
"""
CALLOUT = """
import sys
from dhcpcallout import Callout
callout = Callout("zz")
callout.control(lambda event: print("zz", event.code.name, file=sys.stderr))
"""


class Serving:
    """A server process and what it has logged."""

    def __init__(self, file: Path) -> None:
        self.process = subprocess.Popen([*COMMAND, "serve", "-c", str(file)], stderr=subprocess.PIPE, text=True)
        self.log = ""
        self.address = ""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log += line
            ready = re.search(r"ready: listening on (127\.0\.0\.1:\d+)$", line)
            if ready:
                self.address = ready[1]
                break

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        self.log += self.process.communicate(timeout=20)[1]
        return self.process.returncode


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setenv("FOLDER", str(tmp_path))
    (tmp_path / "dhcp.toml").write_text(CONFIGURATION)
    (tmp_path / "zz.py").write_text(CALLOUT)
    (tmp_path / "broken.py").write_text("raise RuntimeError('broken on purpose')\n")
    server = Serving(tmp_path / "dhcp.toml")
    yield server
    if server.process.poll() is None:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def request_of(serving: Serving) -> Callable[..., subprocess.CompletedProcess[str]]:
    def request(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "request", serving.address, *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)

    return request


Request = Callable[..., subprocess.CompletedProcess[str]]


def test_request_prints_what_it_got(request_of: Request) -> None:
    done = request_of("--mac", MAC, "--hostname", "printer", "--json")
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["address"] == "10.0.0.9"
    assert got["server"] == "127.0.0.1"
    assert got["lease-time"] == 4000
    assert got["options"]["routers"] == "10.0.0.1"
    assert got["options"]["domain-name-servers"] == "10.0.0.53"
    done = request_of("--mac", "02:00:00:00:00:01", "--release")
    assert done.returncode == 0
    assert done.stdout.startswith("10.1.0.0 from 127.0.0.1 for 02:00:00:00:00:01, 4000 s\n")
    assert "  routers: 10.0.0.1\n" in done.stdout
    assert done.stdout.endswith("released\n")


def test_request_renews(request_of: Request) -> None:
    assert request_of("--mac", MAC).returncode == 0
    assert request_of("--mac", MAC, "--renew", "10.0.0.9").returncode == 0


def test_request_tells_of_a_nak(request_of: Request) -> None:
    done = request_of("--mac", MAC, "--renew", "10.1.0.7")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "refused (NAK)" in done.stderr
    assert "Traceback" not in done.stderr


def test_request_tells_of_silence() -> None:
    command = [*COMMAND, "request", "127.0.0.1:9", "--timeout", "0.01"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "no answer from 127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["nowhere:x"], ["127.0.0.1:1", "--mac", "zz"], ["127.0.0.1:1", "--renew", "x"]])
def test_request_refuses_what_it_cannot_use(arguments: list[str]) -> None:
    done = subprocess.run([*COMMAND, "request", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_cleanly_when_it_is_told_to(serving: Serving, request_of: Request, number: int) -> None:
    assert request_of("--mac", MAC).returncode == 0
    assert serving.stop(number) == 0
    assert serving.log.count(" ready: ") == 1
    assert re.search(r"zz START\n(.*\n)*.*zz STOP\n.*stopped\n$", serving.log)


def test_what_cannot_be_loaded_is_logged_and_the_next_is_tried(serving: Serving) -> None:
    serving.stop(signal.SIGTERM)
    assert re.search(r"ERROR .*\[1032\].*broken\.py.*", serving.log)
    assert "broken on purpose" in serving.log
    assert re.search(r"ERROR .*\[1034\].*missing\.so.*", serving.log)
    assert re.search(r"INFO .*\[1033\].*zz\.py.*loaded", serving.log)


def test_every_mistake_in_the_file_is_told_and_ends_with_2(tmp_path: Path) -> None:
    file = tmp_path / "dhcp.toml"
    file.write_text('[server]\nlisten = ["127.0.0.1:0"]\nautoritative = true\n[[subnet]]\nnetwork = "10.0.0.0/33"\n')
    done = subprocess.run([*COMMAND, "serve", "-c", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert re.match(rf"{re.escape(str(file))}:3: server\.autoritative: .*authoritative", lines[0])
    assert re.match(rf"{re.escape(str(file))}:5: subnet\[0\]\.network: ", lines[1])


def test_a_foreign_lease_file_stops_the_start_with_a_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "dhcp.toml"
    file.write_text(CONFIGURATION)
    (tmp_path / "leases.db").write_bytes(b"my diary, page 1\n" * 100)
    done = subprocess.run([*COMMAND, "serve", "-c", str(file)], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "leases.db" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "leases.db").read_bytes() == b"my diary, page 1\n" * 100
