"""``dhcpcallout callouts list``."""

import hashlib
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dhcpcallout.cli import app
from dhcpcallout.loaders import Registry

DATA = Path(__file__).parents[1] / "data" / "registry"
SOURCES = Path(__file__).parents[1] / "contracts" / "loader"
KEY = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\DHCPServer\Parameters"
LEAST = '[server]\nlisten = ["127.0.0.1:6767"]\n[[subnet]]\nnetwork = "10.0.0.0/8"\n'
GOOD = """
from dhcpcallout import Callout
callout = Callout("good")
callout.new_packet(print)
callout.control(print)
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["callouts", "list", *map(str, arguments)])


def listed(*arguments: str | Path, exit_code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def configure(tmp_path: Path) -> Callable[..., Path]:
    """Write a configuration file whose ``CalloutDlls`` are these entries."""

    def configure(*entries: str | Path, more: str = "CalloutEnabled = 1") -> Path:
        file = tmp_path / "dhcp.toml"
        file.write_text(f"[callouts]\n{more}\nCalloutDlls = {json.dumps([str(one) for one in entries])}\n{LEAST}")
        return file

    return configure


def test_each_callout_is_tried_in_order_and_what_became_of_it_is_told(
    configure: Callable[..., Path], tmp_path: Path
) -> None:
    sources = {
        "broken.py": "raise RuntimeError('broken')",
        "crash.py": "import os\nos._exit(3)",
        "good.py": GOOD,
        "late.py": "raise AssertionError('was run')",
        "open.py": "raise AssertionError('was run')",
    }
    paths = {name: tmp_path / name for name in sources}
    for name, source in sources.items():
        paths[name].write_text(source)
    paths["open.py"].chmod(0o666)
    config = configure(*reversed(paths.values()), "rel.py")
    found = listed("-c", config, exit_code=1)
    assert (found["source"], found["enabled"], found["policy"]) == (f"{config}, [callouts]", 1, "first")
    in_chain = f"the chain that {paths['good.py']} was given"
    open_file = paths["open.py"]
    everybody = f"{open_file}: is refused: everybody may write to {open_file}: chmod go-w {open_file}"
    broken = f"{paths['broken.py']}: importing it raised RuntimeError: broken ({paths['broken.py']}:1)"
    assert [(one["entry"], one["state"], one["event-id"], one["reason"]) for one in found["callouts"]] == [
        (str(paths["broken.py"]), "not loaded", 1032, broken),
        (
            str(paths["crash.py"]),
            "not loaded",
            1032,
            f"{paths['crash.py']}: its worker failed while it was loaded: it exited with status 3",
        ),
        (str(paths["good.py"]), "loaded", 1033, ""),
        (str(paths["late.py"]), "not tried", None, f"it is in {in_chain}"),
        (
            str(open_file),
            "not loaded",
            1034,
            f"left out of {in_chain}: {everybody}",
        ),
        (
            "rel.py",
            "not loaded",
            1034,
            f"left out of {in_chain}: rel.py: is a relative path; write the absolute one: {tmp_path}/rel.py",
        ),
    ]
    assert [one["slots"] for one in found["callouts"]] == [[], [], ["control", "new_packet"], [], [], []]
    assert [one["sha256"] for one in found["callouts"][:4]] == [digest(path) for path in list(paths.values())[:4]]
    assert {one["loader"] for one in found["callouts"][:5]} == {"python"}
    assert {one["isolation"] for one in found["callouts"]} == {"none"}


def test_a_native_callouts_slots_are_told_and_its_hooks_are_not_called(
    configure: Callable[..., Path], compile_callout: Callable[[Path], Path], tmp_path: Path
) -> None:
    library = compile_callout(SOURCES / "callout.c")
    record = tmp_path / "record"
    isolation = f"CalloutEnabled = 1\nisolation = 'process'\nworker-environment = {{ CONTRACT_RECORD = '{record}' }}"
    (one,) = listed("-c", configure(library, more=isolation))["callouts"]
    assert (one["state"], one["loader"], one["isolation"], one["sha256"]) == (
        "loaded",
        "native",
        "process",
        digest(library),
    )
    assert one["slots"] == [
        *("control", "new_packet", "packet_drop", "packet_send", "address_delete", "address_offer"),
        *("handle_options", "delete_client"),
    ]
    assert [line.split()[0] for line in record.read_text().splitlines()] == ["load"]


def test_the_table_is_for_people(configure: Callable[..., Path], tmp_path: Path) -> None:
    good = tmp_path / "good.py"
    good.write_text(GOOD)
    config = configure(f'"{good}"', "/\x1b.so", more="CalloutEnabled = 1\npolicy = 'all'")
    result = run("-c", config)
    assert result.exit_code == 1
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[:-2] == [
        f"The list is that of {config}, [callouts].",
        "CalloutEnabled is 1; the policy is all.",
        "",
        "     STATE        LOADER  EVENT  CALLOUT",
        r"  1  not loaded   native  1034   /\x1b.so",
        r"     why     /\x1b.so: cannot open shared object file: No such file or directory",
        f"  2  loaded       python  1033   {good}",
    ]
    assert lines[-2:] == ["     slots   control, new_packet", f"     sha256  {digest(good)}"]


def test_nothing_is_run_where_that_is_not_wanted(configure: Callable[..., Path], tmp_path: Path) -> None:
    file = tmp_path / "looked_at.py"
    file.write_text("raise AssertionError('was run')")
    found = listed("-c", configure(file, "/none.so"), "--no-load")["callouts"]
    assert [(one["entry"], one["state"], one["sha256"]) for one in found] == [
        ("/none.so", "to be tried", ""),
        (str(file), "to be tried", digest(file)),
    ]
    found = listed("-c", configure("rel.so"), "--no-load", exit_code=1)["callouts"]
    assert [one["state"] for one in found] == ["not loaded"]


@pytest.mark.parametrize("load", ["--load", "--no-load"])
@pytest.mark.parametrize(
    ("more", "reason", "told"),
    [
        ("CalloutEnabled = 0", "CalloutEnabled is 0", "CalloutEnabled is 0; the policy is first."),
        (
            "",
            "CalloutEnabled is not there; 1 enables the callouts",
            "CalloutEnabled is not there, which disables them; the policy is first.",
        ),
    ],
)
def test_disabled_callouts_are_listed_and_no_failure(
    load: str, more: str, reason: str, told: str, configure: Callable[..., Path]
) -> None:
    config = configure("/b.so", "/A.so", more=more)
    found = listed("-c", config, load)["callouts"]
    assert [(one["entry"], one["state"], one["reason"]) for one in found] == [
        ("/A.so", "not tried", reason),
        ("/b.so", "not tried", reason),
    ]
    assert run("-c", config, load).stdout.splitlines()[1] == told


def test_an_empty_list_is_said_to_be_one(configure: Callable[..., Path]) -> None:
    result = run("-c", configure())
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "CalloutDlls names no callouts."


def test_the_list_of_a_windows_machine_is_that_of_its_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ProgramFiles", raising=False)
    (tmp_path / "Räume").mkdir()
    (tmp_path / "Räume" / "audit.dll").write_text("x")
    export = DATA / "server.reg"
    found = listed("--registry", export, "--no-load", "--path-map", f"c:\\PROGRAM FILES={tmp_path}", exit_code=1)
    assert (found["source"], found["policy"]) == (f"{export}, {KEY}", "first")
    assert [(one["entry"], one["path"], one["state"]) for one in found["callouts"]] == [
        ("%ProgramFiles%\\Policy\\policy.dll", "", "not loaded"),
        ("C:\\Callouts\\mac filter.dll", "", "not loaded"),
        ("C:\\Program Files\\Räume\\audit.dll", f"{tmp_path}/Räume/audit.dll", "to be tried"),
    ]
    text = run(
        "--registry", export, "--no-load", "--policy", "all", "--path-map", f"C:\\Program Files={tmp_path}"
    ).stdout
    assert f"     file    {tmp_path}/Räume/audit.dll" in text.splitlines()
    assert "the policy is all." in text


def test_an_export_in_the_old_format_is_read_by_its_code_page() -> None:
    found = listed("--registry", DATA / "japanese.reg", "--code-page", "932", "--no-load", exit_code=1)
    assert [one["entry"] for one in found["callouts"]] == ["C:\\表\\監査.dll"]


def test_the_list_of_this_machine_is_that_of_its_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(("/none.so",), 1, source="the registry")
    monkeypatch.setattr("dhcpcallout.loaders.read_windows_registry", lambda: registry)
    found = listed("--windows", "--no-load")
    assert (found["source"], [one["entry"] for one in found["callouts"]]) == ("the registry", ["/none.so"])


@pytest.mark.parametrize("arguments", [(), ("--windows", "-c", "x.toml"), ("--registry", "x.reg", "--windows")])
def test_one_list_is_to_be_named(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "give one of --config, --registry and --windows" in result.stderr


@pytest.mark.parametrize("pair", ["C:", "=/opt", "\\=/opt"])
def test_a_map_that_is_none_is_a_mistake(pair: str) -> None:
    result = run("--registry", DATA / "server.reg", "--path-map", pair)
    assert result.exit_code == 2
    assert "is not THERE=HERE" in result.stderr


def test_mistakes_in_a_file_end_with_status_2_and_their_line(tmp_path: Path) -> None:
    file = tmp_path / "server.reg"
    file.write_text("REGEDIT4\n[HKEY_LOCAL_MACHINE\n")
    result = run("--registry", file)
    assert result.exit_code == 2
    assert result.stderr == f"{file}:2: a key's name has no closing bracket\n"


def test_logging_is_as_it_was_afterwards(configure: Callable[..., Path], caplog: pytest.LogCaptureFixture) -> None:
    assert run("-c", configure("rel.so")).exit_code == 1
    assert not caplog.records
    logging.getLogger("dhcpcallout.test").warning("heard")
    assert [record.getMessage() for record in caplog.records] == ["heard"]


def test_what_the_server_itself_would_load_finds_its_environment_and_no_other_python(
    configure: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANTED_BY_A_CALLOUT", "1")
    policy = tmp_path / "policy.py"
    policy.write_text(
        "import os\nfrom dhcpcallout import Callout\nos.environ['WANTED_BY_A_CALLOUT']\ncallout = Callout('policy')\n"
    )
    more = 'CalloutEnabled = 1\nisolation = "process"\nworker-command = ["/no/such/python"]'
    file = configure(policy, more=more)
    with file.open("a") as config:
        config.write(f'\n[[callouts.entry]]\nname = "{policy}"\nisolation = "none"\n')
    (one,) = listed("-c", file)["callouts"]
    assert (one["state"], one["isolation"]) == ("loaded", "none")
