"""The examples and the README's code, run as a new user would."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(program: str | Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, program], cwd=folder, check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_pytest(folder: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", ".", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_quickstart_does_the_main_job(tmp_path: Path) -> None:
    printed = run(EXAMPLES / "quickstart.py", tmp_path)
    assert "policy.py: new_packet from 02:00:00:00:0b:ad: refused" in printed
    assert "policy.py: address_offer 10.0.0.9 to 02:00:00:00:00:09 for 4000 s, NEW" in printed
    assert "10.1.0.0" in printed
    assert printed.endswith("all went as it should\n")
    assert ("audit.c DhcpControlHook STOP" in printed) == (shutil.which("cc") is not None)
    assert list(tmp_path.iterdir()) == []


def test_the_example_of_a_callouts_test_passes(tmp_path: Path) -> None:
    for name in ("policy.py", "test_policy.py"):
        shutil.copy(EXAMPLES / "callouts" / name, tmp_path)
    assert "2 passed" in run_pytest(tmp_path)


def test_the_readmes_test_of_a_callout_passes(readme_folder: Path) -> None:
    (block,) = [block for block in readme_blocks("python") if "dhcp_callouts" in block]
    (readme_folder / "test_it.py").write_text(block)
    assert "1 passed" in run_pytest(readme_folder)


def readme_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def readme_folder(tmp_path: Path) -> Path:
    """A folder with the files that the README shows."""
    (configuration,) = readme_blocks("toml")
    (tmp_path / "dhcp.toml").write_text(configuration.replace("127.0.0.1:6767", "127.0.0.1:0"))
    shutil.copy(EXAMPLES / "callouts" / "mac_filter.py", tmp_path)
    return tmp_path


def test_the_readme_shows_the_callouts_as_they_are() -> None:
    for name, language in (("mac_filter.py", "python"), ("mac_filter.c", "c")):
        assert (EXAMPLES / "callouts" / name).read_text(encoding="utf-8") in readme_blocks(language)


def test_the_readmes_server_from_a_file_serves(readme_folder: Path) -> None:
    (block,) = [block for block in readme_blocks("python") if "from_file" in block]
    program = block.replace("await server.serve_forever()", "return") + "\n\nasyncio.run(main())\n"
    (readme_folder / "program.py").write_text(program)
    assert run("program.py", readme_folder).startswith("serving on (('127.0.0.1', ")


def test_the_readmes_server_from_plain_objects_leases(readme_folder: Path) -> None:
    (block,) = [block for block in readme_blocks("python") if "Client(" in block]
    (readme_folder / "program.py").write_text(block)
    assert run("program.py", readme_folder) == "10.0.0.9 600\n"


def test_the_readmes_engine_answers(readme_folder: Path) -> None:
    (block,) = [block for block in readme_blocks("python") if "engine.finish" in block]
    (readme_folder / "program.py").write_text(block)
    assert run("program.py", readme_folder) == "10.0.0.10\n"
