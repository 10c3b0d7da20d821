"""Where the control socket of a lease file is."""

import os
from pathlib import Path

import pytest

from dhcpcallout.control.address import control_path, short_enough


def test_all_names_of_a_lease_file_have_one_control_socket(tmp_path: Path) -> None:
    (tmp_path / "leases.db").touch()
    (tmp_path / "link.db").symlink_to("leases.db")
    expected = Path(os.path.realpath(tmp_path)) / "leases.db-control"
    assert control_path(tmp_path / "leases.db") == control_path(tmp_path / "link.db") == expected


def test_a_short_path_is_taken_as_it_is() -> None:
    with short_enough(Path("/run/dhcp/control")) as name:
        assert name == "/run/dhcp/control"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc/self/fd")
def test_a_long_path_has_a_short_name_as_long_as_it_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    (folder / "control").write_text("here")
    with short_enough(folder / "control") as name:
        assert len(name) < 50
        assert Path(name).read_text() == "here"
    assert not Path(name).exists()
    with pytest.raises(OSError, match="No such file"), short_enough(folder / "no" / "control"):
        pass
