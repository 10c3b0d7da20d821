"""``dhcpcallout callouts list``."""

from pathlib import Path

from typer.testing import CliRunner

from dhcpcallout.cli import app

LEAST = '[server]\nlisten = ["127.0.0.1:6767"]\n[[subnet]]\nnetwork = "10.0.0.0/8"\n'


def test_the_callouts_are_listed_in_the_order_in_which_they_are_tried(tmp_path: Path) -> None:
    file = tmp_path / "dhcp.toml"
    file.write_text(f'[callouts]\nCalloutEnabled = 1\nCalloutDlls = ["/b.so", "/A.so", "/\\u001b.so"]\n{LEAST}')
    result = CliRunner().invoke(app, ["callouts", "list", "-c", str(file)])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["/\\x1b.so", "/A.so", "/b.so"]
