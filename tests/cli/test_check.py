from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhcpcallout.cli import app

LEAST = '[server]\nlisten = ["127.0.0.1:6767"]\n[[subnet]]\nnetwork = "10.0.0.0/8"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dhcp.toml"


def test_a_file_without_mistakes_is_ok_and_summed_up(file: Path) -> None:
    file.write_text(
        '[server]\ninterfaces = ["eth1"]\nlisten = ["127.0.0.1:6767", "10.0.0.1"]\n'
        '[leases]\nstore = "memory:"\n'
        '[callouts]\nCalloutEnabled = 1\nCalloutDlls = ["python:policy", "/audit.so"]\n'
        '[[subnet]]\nnetwork = "10.0.0.0/8"\npools = ["10.1.0.0/16", "10.2.0.1"]\n'
        '[[subnet.reservation]]\nhardware-address = "00:0c:01:02:03:04"\naddress = "10.0.0.9"\n'
        '[[subnet]]\nnetwork = "192.0.2.0/24"\npools = ["192.0.2.0/24"]\n'
    )
    result = CliRunner().invoke(app, ["check", "-c", str(file)])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{file}: ok",
        "  listens on eth1, 127.0.0.1:6767, 10.0.0.1:67",
        "  serves 2 subnets with 65,791 addresses in pools and 1 reservation",
        "  keeps leases in memory:",
        "  tries these callouts, and calls the first that loads: /audit.so, python:policy",
    ]


def test_shared_networks_classes_and_reservations_are_summed_up(file: Path) -> None:
    file.write_text(
        "[server]\nlisten = ['127.0.0.1:6767']\n[leases]\nstore = 'memory:'\n"
        "[[option-definition]]\ncode = 224\nname = 'asset-tag'\ntype = 'string'\n"
        "[[class]]\nname = 'lab'\ntest = { option = 'asset-tag', prefix = 'LAB-' }\n"
        "[[shared-network]]\nname = 'hall'\n"
        "[[shared-network.subnet]]\nnetwork = '10.0.0.0/24'\npools = ['10.0.0.0/24']\nexclude = ['10.0.0.1']\n"
        "[[shared-network.subnet.reservation]]\ncircuit-id = 'eth0/1'\n"
        "[[shared-network.subnet]]\nnetwork = '10.0.1.0/24'\n"
        "[[shared-network.subnet.pool]]\nrange = '10.0.1.10-10.0.1.19'\nclasses = ['lab']\n"
        "[[reservation]]\noption = 'asset-tag'\noption-value = 'LAB-1'\nhostname = 'lab-1'\n"
    )
    result = CliRunner().invoke(app, ["check", "-c", str(file)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[2:4] == [
        "  serves 2 subnets (1 shared network) with 263 addresses in pools and 2 reservations",
        "  knows 1 class of clients",
    ]


@pytest.mark.parametrize(
    ("callouts", "summary"),
    [
        ("", "has no callouts"),
        ('CalloutDlls = ["/a.py"]', "has 1 callout, not enabled: CalloutEnabled = 1 enables them"),
        (
            'CalloutEnabled = 0\nCalloutDlls = ["/a.py", "/b.py"]',
            "has 2 callouts, not enabled: CalloutEnabled = 1 enables them",
        ),
        (
            'CalloutEnabled = 1\nCalloutDlls = ["/a.py"]\npolicy = "all"',
            "tries these callouts, and calls each that loads: /a.py",
        ),
    ],
)
def test_the_summary_says_what_becomes_of_the_callouts(file: Path, callouts: str, summary: str) -> None:
    file.write_text(f"[callouts]\n{callouts}\n{LEAST}")
    result = CliRunner().invoke(app, ["check", "-c", str(file)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == f"  {summary}"


def test_mistakes_end_with_status_2_one_a_line_as_a_compiler_writes_them(file: Path) -> None:
    file.write_text(f"[leases]\nstor = 'memory:'\n{LEAST}pools = ['11.0.0.0/8']\n")
    result = CliRunner().invoke(app, ["check", "-c", str(file)])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{file}:2: leases.stor: unknown key; did you mean store?",
        f"{file}:7: subnet[0].pools[0]: 11.0.0.0/8 is not within 10.0.0.0/8",
    ]


def test_checking_opens_no_store_and_loads_no_callout(file: Path) -> None:
    (file.parent / "callout.py").write_text("raise SystemExit('loaded')")
    file.write_text(f"[callouts]\nCalloutEnabled = 1\nCalloutDlls = ['{file.parent}/callout.py']\n{LEAST}")
    result = CliRunner().invoke(app, ["check", "-c", str(file)])
    assert result.exit_code == 0
    assert sorted(entry.name for entry in file.parent.iterdir()) == ["callout.py", "dhcp.toml"]
