"""Texts that came from the network, made safe for a terminal."""

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""A text in which nothing steers a terminal: what is not printable is escaped as Python does it, ``\x1b``."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
