"""The server's side of the control socket. Whatever a peer does, it costs the server bounded memory and time."""

import asyncio
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import MOST_OF_A_FRAME, Result
from .address import HAS_UNIX_SOCKETS, short_enough

__all__ = ["Answer", "Command", "ControlServer", "answer"]

_log = logging.getLogger(__name__)

_MOST_PEERS = 16
_PATIENCE_S = 60.0
"""For how long a peer may be idle, or leave its answer unread."""
_FAREWELL_S = 5.0
"""For how long a command at work may go on when the server stops."""
_MODE = 0o600

Answer = dict[str, Any]
Command = Callable[[dict[str, Any]], Awaitable[Answer]]
"""Does what a command asks for, given its arguments. A ValueError that it raises is the peer's mistake."""


def answer(result: Result, text: str, arguments: Any = None) -> Answer:
    """An answer as Kea gives it."""
    given: Answer = {"result": int(result), "text": text}
    return given if arguments is None else given | {"arguments": arguments}


class ControlServer:
    """Listens on a Unix stream socket that its owner alone may use, and answers commands.

    Args:
        path: Where the socket is to be.
        commands: What is to be done, by the command's name. ``list-commands`` is there by itself.
        patience_s: For how long a peer may be idle, or leave its answer unread, in seconds.
    """

    def __init__(self, path: Path, commands: Mapping[str, Command], patience_s: float = _PATIENCE_S) -> None:
        self.path = path
        self._commands = commands
        self._patience_s = patience_s
        self._peers: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: The socket cannot be made, or another server listens there.
        """
        if not HAS_UNIX_SOCKETS:
            raise OSError("this system has no Unix sockets")
        self._listener = await asyncio.start_unix_server(self._accept, sock=_bind(self.path), limit=MOST_OF_A_FRAME)

    async def close(self) -> None:
        """Listen no longer, and end when the commands that came by then are answered."""
        if self._listener is None:
            return
        self._listener.close()
        self._listener = None
        with suppress(OSError):
            self.path.unlink()
        for task in self._idle:
            task.cancel()
        if self._peers:
            _, late = await asyncio.wait(self._peers, timeout=_FAREWELL_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._attend(reader, writer))
        self._peers.add(task)
        task.add_done_callback(self._peers.discard)

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if len(self._peers) > _MOST_PEERS:
                await self._send(writer, answer(Result.ERROR, f"{_MOST_PEERS} others are asking already"))
                return
            while self._listener is not None:
                frame = await self._next(reader)
                if frame is None:
                    text = f"a command has more than {MOST_OF_A_FRAME} bytes, or no line end"
                    await self._send(writer, answer(Result.ERROR, text))
                    return
                if frame.strip():
                    await self._send(writer, await self._do(frame))
                if not frame.endswith(b"\n"):
                    return
        except (OSError, TimeoutError):
            writer.transport.abort()  # the peer is gone, or as good as gone: what it left unread is not kept
        except Exception:
            _log.exception("a peer of the control socket could not be served")
        finally:
            writer.close()

    async def _next(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next frame; without a line end if it is the last one, None if it is too long."""
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        try:
            return await asyncio.wait_for(reader.readuntil(b"\n"), self._patience_s)
        except asyncio.IncompleteReadError as error:
            return error.partial
        except asyncio.LimitOverrunError:
            return None
        finally:
            self._idle.discard(task)

    async def _do(self, frame: bytes) -> Answer:
        try:
            message = json.loads(frame)
        except (ValueError, RecursionError) as error:
            return answer(Result.ERROR, f"this is no JSON: {error}")
        if not isinstance(message, dict) or not isinstance(message.get("command"), str):
            return answer(Result.ERROR, 'a command is an object with a string "command"')
        name, arguments = message["command"], message.get("arguments", {})
        if not isinstance(arguments, dict):
            return answer(Result.ERROR, "arguments must be an object")
        if name == "list-commands":
            return answer(Result.SUCCESS, "", sorted([*self._commands, name]))
        if name not in self._commands:
            return answer(Result.UNSUPPORTED, f"{name[:80]!r} command not supported.")
        try:
            return await self._commands[name](arguments)
        except ValueError as error:
            return answer(Result.ERROR, str(error))
        except Exception:
            _log.exception("the command %s failed", name)
            return answer(Result.ERROR, "the server failed; its log has more")

    async def _send(self, writer: asyncio.StreamWriter, given: Answer) -> None:
        # In another thread, and by what is written in Python: it lets packets come between thousands of leases.
        text = await asyncio.to_thread(lambda: "".join(json.JSONEncoder().iterencode(given)))
        writer.write(text.encode() + b"\n")
        await asyncio.wait_for(writer.drain(), self._patience_s)


def _bind(path: Path) -> socket.socket:
    """A socket that does not listen yet, so that nobody can connect before its mode is set."""
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_enough(path) as name:
            _clear(path, name)
            control.bind(name)
        os.chmod(path, _MODE)
    except BaseException:
        control.close()
        raise
    control.setblocking(False)
    return control


def _clear(path: Path, name: str) -> None:
    """Remove what a server that was killed has left.

    Raises:
        OSError: It is no socket, or a server listens there.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(f"{path} is there, and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(name)
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise FileExistsError(f"another server listens on {path}")
