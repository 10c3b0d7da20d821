"""The control socket of a running server: commands and answers in JSON, one a line, with Kea's names."""

from enum import IntEnum

__all__ = ["MOST_OF_A_FRAME", "Result"]

MOST_OF_A_FRAME = 1 << 18
"""The most bytes of a command, its line end included: so many take a server a few milliseconds to read."""


class Result(IntEnum):
    """What became of a command, in ``result`` of its answer; Kea's numbers."""

    SUCCESS = 0
    ERROR = 1
    UNSUPPORTED = 2
    EMPTY = 3
    CONFLICT = 4
