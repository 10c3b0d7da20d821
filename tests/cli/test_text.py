"""Texts for a terminal."""

from dhcpcallout.cli.text import printable


def test_what_would_steer_a_terminal_is_escaped_and_the_rest_stays() -> None:
    assert printable("h\x1b[31m\r\n\x07\x9b1m\u202e\udcff é ü 漢") == r"h\x1b[31m\r\n\x07\x9b1m\u202e\udcff é ü 漢"
