"""The pipes to a worker, as each system has them; the threads of Windows work here as well."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from dhcpcallout.loaders import channel as channels
from dhcpcallout.loaders.channel import Channel, Closed, Late, open_channel
from dhcpcallout.loaders.frames import FrameError, Kind, frame

READY = frame(Kind.READY, 7, b"payload")


class Worker:
    """The other end."""

    def __init__(self) -> None:
        self.read_fd, self._stdin = os.pipe()
        self._stdout, self.write_fd = os.pipe()
        process = SimpleNamespace(stdin=open(self._stdin, "wb"), stdout=open(self._stdout, "rb"))  # noqa: SIM115
        self.channel: Channel = open_channel(process)  # type: ignore[arg-type]

    def say(self, data: bytes) -> None:
        os.write(self.write_fd, data)

    def end(self) -> None:
        for descriptor in (self.read_fd, self.write_fd):
            with contextlib.suppress(OSError):
                os.close(descriptor)


@pytest.fixture(params=["poll", "threads"])
def worker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    if request.param == "threads":
        monkeypatch.setattr(channels, "_PollChannel", channels._ThreadChannel)
    before = threading.active_count()
    worker = Worker()
    yield worker
    worker.end()
    worker.channel.close()
    worker.channel.close()
    while threading.active_count() > before:
        time.sleep(0.001)


def in_s(seconds: float) -> float:
    return time.monotonic() + seconds


def test_a_frame_goes_each_way(worker: Worker) -> None:
    worker.channel.send(READY, in_s(5))
    assert os.read(worker.read_fd, 100) == READY
    worker.say(READY)
    assert worker.channel.receive(in_s(5)) == (Kind.READY, 7, b"payload")


def test_a_frame_is_whole_however_it_comes(worker: Worker) -> None:
    worker.say(READY[:3])
    with pytest.raises(Late):
        worker.channel.receive(in_s(0.01))
    worker.say(READY[3:] + READY)
    for _ in range(2):
        assert worker.channel.receive(in_s(5)) == (Kind.READY, 7, b"payload")


def test_nothing_is_waited_for_beyond_the_deadline(worker: Worker) -> None:
    began_s = time.monotonic()
    with pytest.raises(Late):
        worker.channel.receive(in_s(0.02))
    assert 0.02 <= time.monotonic() - began_s < 5
    with pytest.raises(Late):
        worker.channel.receive(in_s(-1))


def test_what_has_come_is_taken_without_waiting(worker: Worker) -> None:
    assert worker.channel.receive_now() is None
    worker.say(READY)
    deadline_s = in_s(5)
    while (received := worker.channel.receive_now()) is None:
        assert time.monotonic() < deadline_s
    assert received == (Kind.READY, 7, b"payload")


def test_a_worker_that_does_not_read_holds_nobody_up_beyond_the_deadline(worker: Worker) -> None:
    def send_for_ever() -> None:
        while True:
            worker.channel.send(bytes(4096), in_s(0.02))

    began_s = time.monotonic()
    with pytest.raises(Late):
        send_for_ever()
    assert time.monotonic() - began_s < 5


def test_what_is_more_than_the_pipe_holds_is_written_as_it_is_read(worker: Worker) -> None:
    data = os.urandom(1 << 20)
    got = bytearray()

    def read() -> None:
        while len(got) < len(data):
            got.extend(os.read(worker.read_fd, 1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    worker.channel.send(data, in_s(10))
    reader.join()
    assert got == data


def test_the_end_of_a_worker_is_told_each_time_after_what_it_said(worker: Worker) -> None:
    worker.say(READY)
    worker.end()
    assert worker.channel.receive(in_s(5))[1] == 7
    for _ in range(2):
        with pytest.raises(Closed):
            worker.channel.receive(in_s(5))


def test_rubbish_is_no_frame(worker: Worker) -> None:
    worker.say(b"\xff" * 9)
    with pytest.raises(FrameError, match="a frame of 4294967295 bytes"):
        worker.channel.receive(in_s(5))


def test_the_worker_sees_that_nothing_comes_any_more(worker: Worker) -> None:
    worker.channel.send(READY, in_s(5))
    worker.channel.close_writing()
    assert os.read(worker.read_fd, 100) == READY
    assert os.read(worker.read_fd, 100) == b""


@pytest.mark.asyncio
async def test_an_event_loop_is_told_of_what_comes_as_long_as_it_watches(worker: Worker) -> None:
    told = asyncio.Event()
    worker.channel.watch(asyncio.get_running_loop(), told.set)
    worker.say(READY)
    async with asyncio.timeout(5):
        await told.wait()
    assert worker.channel.receive_now() is not None
    worker.channel.unwatch()
    told.clear()
    worker.say(READY)
    assert worker.channel.receive(in_s(5))[1] == 7
    assert not told.is_set()
