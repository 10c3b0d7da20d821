"""The asking side of the control socket."""

import json
import os
import socket
from pathlib import Path
from typing import Any, Self

from ..errors import ControlError
from . import MOST_OF_A_FRAME, Result
from .address import HAS_UNIX_SOCKETS, short_enough

__all__ = ["ControlClient"]

_LONGEST_ANSWER = 1 << 25


class ControlClient:
    """A connection to a running server; a context manager.

    Args:
        path: Where the server's control socket is.
        timeout_s: How long to wait for each answer, in seconds.

    Raises:
        ControlError: No server listens there, or it may not be asked.
    """

    def __init__(self, path: str | os.PathLike[str], timeout_s: float = 60.0) -> None:
        self._path = Path(path)
        if not HAS_UNIX_SOCKETS:
            raise ControlError(
                "a running server cannot be asked on this system, which has no Unix sockets: stop it first"
            )
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            with short_enough(self._path) as name:
                self._socket.connect(name)
        except OSError as error:
            self._socket.close()
            raise ControlError(
                f"{path}: the server that has the leases cannot be asked ({error.strerror or error}): "
                "its control socket is off or elsewhere, or another user's; stop the server, or name it with --control"
            ) from error
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection. Calling it twice does no harm."""
        self._answers.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Have the server do something.

        Args:
            command: The command's name.
            arguments: Its arguments; an underscore in a name stands for a hyphen.

        Returns:
            The whole answer, whatever its ``result``.

        Raises:
            ControlError: There is no answer, or it is none.
        """
        message: dict[str, Any] = {"command": command}
        if arguments:
            message["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        frame = json.dumps(message).encode() + b"\n"
        if len(frame) > MOST_OF_A_FRAME:
            raise ControlError(f"the command {command} has more than {MOST_OF_A_FRAME} bytes")
        try:
            self._socket.sendall(frame)
            line = self._answers.readline(_LONGEST_ANSWER)
        except OSError as error:
            raise ControlError(f"{self._path}: the server does not answer: {error.strerror or error}") from error
        if not line:
            raise ControlError(f"{self._path}: the server ended the connection")
        try:
            answer = json.loads(line)
            Result(answer["result"])
            str(answer["text"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ControlError(f"{self._path}: what listens there is no server of this kind") from None
        return dict(answer)
