"""Waiting for datagrams: by the event loop itself, or by a thread for each socket where the loop cannot (Windows)."""

import asyncio
import selectors
import socket
import threading
from collections.abc import Callable
from typing import Protocol

__all__ = ["LoopReader", "Reader", "ThreadReader", "open_reader"]


class Reader(Protocol):
    """Calls a function, in the event loop's thread, whenever a socket has something to read; at first it does not.

    All methods belong to the loop's thread.
    """

    def resume(self) -> None:
        """Call the function from now on. Calling it twice does no harm."""

    def pause(self) -> None:
        """Call the function no more. Calling it twice does no harm."""

    def close(self) -> None:
        """Pause for good, before the socket is closed. Calling it twice does no harm."""


def open_reader(fileno: int, ready: Callable[[], None]) -> Reader:
    """The reader for a socket that the running event loop allows for."""
    loop = asyncio.get_running_loop()
    reader = LoopReader(loop, fileno, ready)
    try:
        reader.resume()
    except NotImplementedError:  # Windows' ProactorEventLoop
        return ThreadReader(loop, fileno, ready)
    reader.pause()
    return reader


class LoopReader:
    """A ``Reader`` of a loop that has ``add_reader``."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fileno: int, ready: Callable[[], None]) -> None:
        self._loop = loop
        self._fileno = fileno
        self._ready = ready

    def resume(self) -> None:
        """Call the function from now on."""
        self._loop.add_reader(self._fileno, self._ready)

    def pause(self) -> None:
        """Call the function no more."""
        self._loop.remove_reader(self._fileno)

    close = pause


class ThreadReader:
    """A ``Reader`` for any loop: a thread waits for the socket, and the loop reads it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fileno: int, ready: Callable[[], None]) -> None:
        self._loop = loop
        self._ready = ready
        self._wanted = False
        self._closed = False
        self._go_on = threading.Event()  # set when the thread may wait for the socket once more
        self._sender, self._wakened = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(fileno, selectors.EVENT_READ)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._wait, name="dhcpcallout-reader", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Call the function from now on."""
        self._wanted = True
        self._go_on.set()

    def pause(self) -> None:
        """Call the function no more."""
        self._wanted = False

    def close(self) -> None:
        """Pause for good, and end the thread."""
        if self._closed:
            return
        self._closed = True
        self._wanted = False
        self._go_on.set()
        self._sender.send(b"\0")
        self._thread.join()
        self._selector.close()
        self._sender.close()
        self._wakened.close()

    def _wait(self) -> None:
        while True:
            self._go_on.wait()
            self._go_on.clear()
            self._selector.select()
            if self._closed:
                return
            try:
                self._loop.call_soon_threadsafe(self._tell)
            except RuntimeError:  # the loop was closed without closing this
                return

    def _tell(self) -> None:
        # While paused the thread is not sent back: what the socket holds would wake it again and again.
        if self._wanted:
            try:
                self._ready()
            finally:
                self._go_on.set()
