"""Readers: what waits for a socket, by the loop or by a thread, behaves alike."""

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from dhcpcallout.transports import Reader, open_reader
from dhcpcallout.transports.reading import LoopReader, ThreadReader

MakeReader = Callable[[socket.socket, Callable[[], None]], Reader]


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    receiver, sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.setblocking(False)
    yield receiver, sender
    receiver.close()
    sender.close()


class Inbox:
    """Reads a socket one datagram at a time and lets a test wait for the number that it has read."""

    def __init__(self, receiver: socket.socket) -> None:
        self.receiver = receiver
        self.read: list[bytes] = []
        self.changed = asyncio.Event()

    def ready(self) -> None:
        try:
            self.read.append(self.receiver.recv(100))
        except BlockingIOError:
            return
        self.changed.set()

    async def wait_for(self, number: int) -> list[bytes]:
        async with asyncio.timeout(20):
            while len(self.read) < number:
                self.changed.clear()
                await self.changed.wait()
        return self.read


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [LoopReader, ThreadReader])
async def test_every_datagram_is_read_until_the_reader_is_paused_and_again_after(
    kind: type[LoopReader | ThreadReader], sockets: tuple[socket.socket, socket.socket]
) -> None:
    receiver, sender = sockets
    inbox = Inbox(receiver)
    other_receiver, other_sender = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    other_receiver.setblocking(False)
    other = Inbox(other_receiver)
    loop = asyncio.get_running_loop()
    reader = kind(loop, receiver.fileno(), inbox.ready)
    other_reader = kind(loop, other_receiver.fileno(), other.ready)
    other_reader.resume()
    # What was sent before the reader was resumed waits for it, several datagrams as one.
    for data in (b"1", b"2", b"3"):
        sender.send(data)
    other_sender.send(b"other 1")
    await other.wait_for(1)
    assert inbox.read == []
    reader.resume()
    reader.resume()
    assert await inbox.wait_for(3) == [b"1", b"2", b"3"]
    reader.pause()
    reader.pause()
    sender.send(b"4")
    for number in range(2, 6):  # the other reader's datagrams give the paused one every chance to be wrong
        other_sender.send(b"other %d" % number)
        await other.wait_for(number)
    assert inbox.read == [b"1", b"2", b"3"]
    reader.resume()
    assert await inbox.wait_for(4) == [b"1", b"2", b"3", b"4"]
    for done in (reader, other_reader):
        done.close()
        done.close()
    other_receiver.close()
    other_sender.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", [LoopReader, ThreadReader])
async def test_a_reading_function_that_raises_is_called_again(
    kind: type[LoopReader | ThreadReader], sockets: tuple[socket.socket, socket.socket]
) -> None:
    receiver, sender = sockets
    loop, failures, inbox = asyncio.get_running_loop(), [], Inbox(receiver)
    loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def ready() -> None:
        inbox.ready()
        if inbox.read == [b"bad"]:
            raise RuntimeError("on purpose")

    reader = kind(loop, receiver.fileno(), ready)
    reader.resume()
    sender.send(b"bad")
    await inbox.wait_for(1)
    sender.send(b"good")
    assert await inbox.wait_for(2) == [b"bad", b"good"]
    reader.close()
    assert [str(failure) for failure in failures] == ["on purpose"]


@pytest.mark.asyncio
async def test_the_thread_is_used_where_the_loop_has_no_add_reader(
    sockets: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver, sender = sockets
    inbox = Inbox(receiver)
    reader = open_reader(receiver.fileno(), inbox.ready)
    assert isinstance(reader, LoopReader)
    reader.close()

    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuse)
    reader = open_reader(receiver.fileno(), inbox.ready)
    assert isinstance(reader, ThreadReader)
    reader.resume()
    sender.send(b"1")
    assert await inbox.wait_for(1) == [b"1"]
    reader.close()


def test_a_thread_ends_when_its_loop_was_closed_under_it(sockets: tuple[socket.socket, socket.socket]) -> None:
    receiver, sender = sockets
    loop = asyncio.new_event_loop()
    reader = ThreadReader(loop, receiver.fileno(), lambda: None)
    loop.close()
    sender.send(b"1")
    reader.resume()
    reader.close()
