"""What the errors say."""

from dhcpcallout.errors import ConfigError, EncodeError, Problem, WireError


def test_a_problem_names_file_line_key_and_problem() -> None:
    assert str(Problem("dhcp.toml", 7, "subnet[0].pools[1]", "ends before it begins")) == (
        "dhcp.toml:7: subnet[0].pools[1]: ends before it begins"
    )
    assert str(Problem("dhcp.toml", None, "", "no such file")) == "dhcp.toml: no such file"
    assert str(Problem("", None, "listen", "nowhere")) == "listen: nowhere"


def test_a_configuration_error_tells_all_its_problems() -> None:
    error = ConfigError([Problem("a", 1, "x", "one"), Problem("a", 2, "y", "two")])
    assert str(error).splitlines() == ["a:1: x: one", "a:2: y: two"]


def test_a_wire_error_says_where() -> None:
    assert str(WireError("runs past the end", offset=242, code=3)) == "option 3, byte 242: runs past the end"
    assert str(WireError("too short", offset=12)) == "byte 12: too short"
    assert str(EncodeError("is no address", code=3)) == "option 3: is no address"
