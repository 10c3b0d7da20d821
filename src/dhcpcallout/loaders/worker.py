"""The worker process of an isolated callout: loads it, and calls its functions when the server says so.

``python -m dhcpcallout.loaders.worker`` reads frames from its standard input and answers on its standard output; the
callout's own standard input is empty, and what it prints goes to standard error.
"""

import asyncio
import inspect
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..codes import ControlCode
from ..errors import CalloutInitError, CalloutLoadError
from ..events import Context, PacketEvent, ReplyPrepared, ServiceControlled
from ..hooks import SLOTS, Callout, CalloutEntry, Replace, Slot
from ..wire import REGISTRY, OptionDefinition, OptionRegistry
from . import limits
from .frames import (
    MAX_CALL,
    PROTOCOL,
    ROWS,
    Kind,
    Reader,
    call_of,
    decode_json,
    encode_answer,
    encode_json,
    encode_text,
    frame,
    tokens_of,
)
from .native import BufferOverrun
from .python import PythonLoader
from .registry import default_loaders

__all__ = ["main"]

_CHUNK = 1 << 16
_MOST_CONTEXTS = 1 << 16
"""The server says when a packet is done with; should it not, the oldest notes are lost, and not the memory."""
_LAST_RESORT_S = 10.0
_MOST_SAID = 1000

_SLOTS = {slot.name: slot for slot in SLOTS}


class _Begun:
    """An async function that was called: what it gave, until that is awaited, and the task that awaits it."""

    def __init__(self, slot: Slot[Any], event: Any, token: int, awaitable: Any) -> None:
        self.slot = slot
        self.event = event
        self.token = token
        self.awaitable = awaitable
        self.task: asyncio.Task[None] | None = None


class _Functions:
    """The functions of a loaded callout, called by number.

    Args:
        callout: The callout.
        write: Sends a frame to the server.
    """

    def __init__(self, callout: Callout, write: Callable[[bytes], None]) -> None:
        self.callout = callout
        self.slots = [name for name, functions in callout.functions.items() for _ in functions]
        self._write = write
        self._rows = [
            (_SLOTS[name], ROWS[name].decoder(), function)
            for name, functions in callout.functions.items()
            for function in functions
        ]
        self._contexts: dict[int, Context] = {}
        self._registry: OptionRegistry = REGISTRY
        self._begun: dict[int, _Begun] = {}
        self._pending = frame(Kind.PENDING)

    def handle(self, kind: int, call: int, payload: bytes) -> None:
        """Do what a frame says, and answer it if it is a CALL."""
        if kind == Kind.CALL:
            self._call(call, payload)
        elif kind == Kind.BEGIN:
            self._begin(call)
        elif kind == Kind.CANCEL:
            self._cancel(call)
        elif kind == Kind.FORGET:
            self._forget(tokens_of(payload))
        elif kind == Kind.OPTIONS:
            definitions = decode_json(payload)["definitions"]
            self._registry = REGISTRY.with_definitions(
                OptionDefinition(**{**one, "record": tuple(one["record"])}) for one in definitions
            )

    def _call(self, call: int, payload: bytes) -> None:
        number, token = call_of(payload)
        slot, decode, function = self._rows[number]
        event = decode(payload, self._context(token) if token else None, self._registry)
        try:
            answer = function(event)
            if answer is not None and inspect.isawaitable(answer) and issubclass(slot.event, PacketEvent):
                self._begun[call] = _Begun(slot, event, token, answer)
                self._write(frame(Kind.PENDING, call))
                return
        except (Exception, SystemExit) as error:
            self._write(_failed(call, error))
            return
        self._write(_answered(call, slot, event, answer))

    def control(self, code: ControlCode) -> None:
        """Tell the callout what it would have been told if it had been running."""
        for slot, _, function in self._rows:
            if slot.name == "control":
                function(ServiceControlled(code))

    def _context(self, token: int) -> Context:
        context = self._contexts.get(token)
        if context is None:
            context = self._contexts[token] = {}
            if len(self._contexts) > _MOST_CONTEXTS:
                del self._contexts[next(iter(self._contexts))]
        return context

    def _forget(self, tokens: tuple[int, ...]) -> None:
        for token in tokens:
            self._contexts.pop(token, None)
        gone = set(tokens)
        for call in [call for call, one in self._begun.items() if one.task is None and one.token in gone]:
            awaitable = self._begun.pop(call).awaitable
            if inspect.iscoroutine(awaitable):
                awaitable.close()

    def _begin(self, call: int) -> None:
        begun = self._begun.get(call)
        if begun is not None and begun.task is None:
            begun.task = asyncio.get_running_loop().create_task(self._await(call, begun))

    async def _await(self, call: int, begun: _Begun) -> None:
        try:
            answer = await begun.awaitable
        except (Exception, SystemExit) as error:
            answered = _failed(call, error)
        else:
            answered = _answered(call, begun.slot, begun.event, answer)
        if self._begun.pop(call, None) is not None:
            self._write(answered)

    def _cancel(self, call: int) -> None:
        begun = self._begun.pop(call, None)
        if begun is not None and begun.task is not None:
            begun.task.cancel()
            # The server knows by this that no other answer comes.
            self._write(frame(Kind.NOTHING, call))


def _answered(call: int, slot: Slot[Any], event: Any, answer: Any) -> bytes:
    try:
        if answer is None and isinstance(event, ReplyPrepared):
            # What a function changed in the event's own packet counts as well.
            changed = event.reply.encode()
            answer = Replace(changed) if changed != event.reply_data else None
        kind, payload = encode_answer(slot, answer)
    except Exception as error:
        return _failed(call, error)
    return frame(kind, call, payload)


def _failed(call: int, error: BaseException) -> bytes:
    kind = Kind.OVERRUN if isinstance(error, BufferOverrun) else Kind.FAULT
    said = f"{type(error).__name__}: {error}".splitlines()[0][:_MOST_SAID]
    # Where it happened matters more than all that it says.
    trace = "".join(traceback.format_tb(error.__traceback__)[-10:])
    return frame(kind, call, encode_text(f"{said}\n{trace}"))


class _Worker:
    """The process: its pipes, and what it has loaded."""

    def __init__(self) -> None:
        self._in, self._out = _own_pipes()
        self._reader = Reader(MAX_CALL)

    def run(self) -> None:
        """Load what the first frame says, and serve until the server closes the pipe."""
        self._write(frame(Kind.HELLO, payload=encode_json({"protocol": PROTOCOL})))
        frames: list[tuple[int, int, bytes]] = []
        while not frames:
            chunk = os.read(self._in, _CHUNK)
            if not chunk:
                return
            frames.extend(self._reader.feed(chunk))
        _watch_server(self._in)
        load = decode_json(frames[0][2])
        if PythonLoader(Path()).accepts(load["entry"]):
            # Its functions may be async, and others may want a running event loop.
            asyncio.run(self._serve_async(load))
            return
        functions = self._load(load)
        if functions is not None:
            self._serve(functions)
            functions.callout.close()

    def _load(self, load: dict[str, Any]) -> _Functions | None:
        try:
            if load["user"] is not None:
                limits.become(load["user"])
            limits.apply(load["limits"])
            sys.path.extend(path for path in load["path"] if path not in sys.path)
            entry, *chain = map(_local_path, (load["entry"], *load["chain"]))
            loaders = default_loaders(Path(_local_path(load["base_directory"])))
            # Whether the callout may be loaded at all, the server has looked.
            loader = next(loader for loader in loaders if loader.accepts(entry))
            callout = loader.load(entry, CalloutEntry(tuple(chain)))
            functions = _Functions(callout, self._write)
            for code in load["control"]:
                functions.control(ControlCode(code))
            limits.lock(load["limits"])
        except CalloutLoadError as error:
            raised = isinstance(error, CalloutInitError)
            self._write(frame(Kind.REFUSED, payload=encode_json({"raised": raised, "reason": str(error)[:4096]})))
            return None
        ready = {"name": callout.name[:256], "slots": functions.slots}
        self._write(frame(Kind.READY, payload=encode_json(ready)))
        return functions

    def _serve(self, functions: _Functions) -> None:
        handle, feed, pipe = functions.handle, self._reader.feed, self._in
        while chunk := os.read(pipe, _CHUNK):
            for kind, call, payload in feed(chunk):
                handle(kind, call, payload)

    async def _serve_async(self, load: dict[str, Any]) -> None:
        functions = self._load(load)
        if functions is None:
            return
        loop = asyncio.get_running_loop()
        closed = asyncio.Event()

        def take(chunk: bytes) -> None:
            for kind, call, payload in self._reader.feed(chunk):
                functions.handle(kind, call, payload)
            if not chunk:
                closed.set()

        if hasattr(os, "set_blocking") and os.name == "posix":
            loop.add_reader(self._in, lambda: take(os.read(self._in, _CHUNK)))
        else:

            def read_all() -> None:
                chunk = b"-"
                while chunk:
                    chunk = os.read(self._in, _CHUNK)
                    loop.call_soon_threadsafe(take, chunk)

            threading.Thread(target=read_all, daemon=True).start()
        await closed.wait()
        functions.callout.close()

    def _write(self, data: bytes) -> None:
        written = os.write(self._out, data)
        while written < len(data):
            written += os.write(self._out, data[written:])


def _own_pipes() -> tuple[int, int]:
    """Take standard input and output for ourselves, under other numbers, before anything foreign runs."""
    for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGBREAK"):
        # A service manager sends them to every process of the service: the server says when it is time to end. Handled
        # rather than ignored, for what is ignored stays so in programs that the callout starts.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: None)
    pipes = os.dup(0), os.dup(1)  # not inherited by what the callout may start
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(null, 1)
    os.close(null)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 # for as long as the process runs
    sys.stdout = sys.stderr
    if sys.platform == "win32":
        import msvcrt

        for pipe in pipes:
            msvcrt.setmode(pipe, os.O_BINARY)
    return pipes


def _watch_server(pipe: int) -> None:
    """End the process a while after the server is gone, even if a hook never returns."""
    try:
        from select import POLLHUP, poll
    except ImportError:  # Windows
        return

    def watch() -> None:
        hung_up = poll()
        hung_up.register(pipe, 0)
        while not any(event & POLLHUP for _, event in hung_up.poll()):
            pass
        threading.Event().wait(_LAST_RESORT_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _local_path(path: str) -> str:
    """A path of the server's as this system has it: under Wine, a Linux server's files are on drive Z."""
    return "Z:" + path.replace("/", "\\") if os.name == "nt" and path.startswith("/") else path


def main() -> None:
    """Run the worker."""
    _Worker().run()


if __name__ == "__main__":
    main()
