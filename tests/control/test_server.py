"""The control socket: who may use it, its frames, and peers that do what they should not."""

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpcallout.control import MOST_OF_A_FRAME, Result
from dhcpcallout.control.address import HAS_UNIX_SOCKETS
from dhcpcallout.control.server import Answer, ControlServer, answer

pytestmark = pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")


async def echo(arguments: dict[str, Any]) -> Answer:
    return answer(Result.SUCCESS, "echoed", arguments)


async def refuse(arguments: dict[str, Any]) -> Answer:
    raise ValueError("not like that")


async def fail(arguments: dict[str, Any]) -> Answer:
    raise KeyError("a fault of ours")


COMMANDS = {"echo": echo, "refuse": refuse, "fail": fail}


def _read_to_the_end(peer: socket.socket) -> bytes:
    data = bytearray()
    with contextlib.suppress(ConnectionResetError):
        while part := peer.recv(1 << 20):
            data += part
    return bytes(data)


@asynccontextmanager
async def listening(path: Path, **arguments: Any) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, COMMANDS | arguments.pop("commands", {}), **arguments)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@pytest.mark.asyncio
async def test_commands_are_answered_in_their_order(tmp_path: Path, connect: Any) -> None:
    async with listening(tmp_path / "control") as server:
        peer = await asyncio.to_thread(connect, server.path)
        frames = b'{"command": "echo", "arguments": {"a": 1}}\n\n{"command": "echo"}\r\n{"command": "list-commands"}\n'
        assert await asyncio.to_thread(peer.ask, frames) == {"result": 0, "text": "echoed", "arguments": {"a": 1}}
        assert await asyncio.to_thread(peer.answer) == {"result": 0, "text": "echoed", "arguments": {}}
        assert (await asyncio.to_thread(peer.answer))["arguments"] == ["echo", "fail", "list-commands", "refuse"]


@pytest.mark.asyncio
async def test_a_peer_may_end_its_command_by_ending_what_it_sends(tmp_path: Path, connect: Any) -> None:
    async with listening(tmp_path / "control") as server:
        peer = await asyncio.to_thread(connect, server.path)
        peer.send(b'{"command": "echo"}')
        peer.socket.shutdown(socket.SHUT_WR)
        assert (await asyncio.to_thread(peer.answer))["text"] == "echoed"
        assert await asyncio.to_thread(peer.answer) is None


@pytest.mark.asyncio
async def test_the_owner_alone_may_use_the_socket_and_it_goes_with_the_server(tmp_path: Path) -> None:
    async with listening(tmp_path / "control") as server:
        mode = server.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc/self/fd")
@pytest.mark.asyncio
async def test_a_path_longer_than_a_sockets_will_do(tmp_path: Path, connect: Any) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    async with listening(folder / "control") as server:
        peer = await asyncio.to_thread(connect, server.path)
        assert (await asyncio.to_thread(peer.ask, b'{"command": "echo"}\n'))["result"] == 0
    assert not os.listdir(folder)


@pytest.mark.asyncio
async def test_the_socket_of_a_server_that_was_killed_is_replaced_and_that_of_a_living_one_is_not(
    tmp_path: Path, connect: Any
) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    async with listening(path):
        with pytest.raises(OSError, match="another server listens"):
            await ControlServer(path, COMMANDS).start()
        peer = await asyncio.to_thread(connect, path)
        assert (await asyncio.to_thread(peer.ask, b'{"command": "echo"}\n'))["result"] == 0


@pytest.mark.asyncio
async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control"
    path.write_text("mine")
    with pytest.raises(OSError, match="is no socket"):
        await ControlServer(path, COMMANDS).start()
    assert path.read_text() == "mine"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("frame", "result", "text"),
    [
        (b"garbage", 1, "no JSON"),
        (b"\xff\xfe", 1, "no JSON"),
        (b"[" * 100_000, 1, "no JSON"),
        (b"1" * 10_000, 1, "no JSON"),
        (b"[]", 1, "a command is an object"),
        (b"{}", 1, "a command is an object"),
        (b'{"command": 5}', 1, "a command is an object"),
        (b'{"command": "echo", "arguments": []}', 1, "arguments must be an object"),
        (b'{"command": "nonsense"}', 2, "'nonsense' command not supported."),
        (b'{"command": "refuse"}', 1, "not like that"),
        (b'{"command": "fail"}', 1, "the server failed"),
    ],
)
async def test_what_is_wrong_is_answered_and_the_peer_may_go_on(
    frame: bytes, result: int, text: str, tmp_path: Path, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(tmp_path / "control") as server:
        peer = await asyncio.to_thread(connect, server.path)
        got = await asyncio.to_thread(peer.ask, frame + b"\n")
        assert got["result"] == result
        assert text in got["text"]
        assert (await asyncio.to_thread(peer.ask, b'{"command": "echo"}\n'))["result"] == 0
    assert [record.message for record in caplog.records] == (["the command fail failed"] if b"fail" in frame else [])


@pytest.mark.asyncio
async def test_a_frame_that_is_too_long_is_refused_and_ends_the_connection(tmp_path: Path, connect: Any) -> None:
    async with listening(tmp_path / "control") as server:
        peer = await asyncio.to_thread(connect, server.path)
        got = await asyncio.to_thread(peer.ask, b"x" * (MOST_OF_A_FRAME + 1))
        assert "has more than" in got["text"]
        other = await asyncio.to_thread(connect, server.path)
        room = json.dumps({"command": "echo", "arguments": {"a": ""}})
        frame = room.replace('""', f'"{"x" * (MOST_OF_A_FRAME - len(room) - 1)}"').encode() + b"\n"
        assert len(frame) == MOST_OF_A_FRAME
        assert (await asyncio.to_thread(other.ask, frame))["result"] == 0


@pytest.mark.asyncio
async def test_there_are_no_more_peers_than_the_server_has_room_for(tmp_path: Path, connect: Any) -> None:
    async with listening(tmp_path / "control") as server:
        peers = [await asyncio.to_thread(connect, server.path) for _ in range(16)]
        for peer in peers:
            assert (await asyncio.to_thread(peer.ask, b'{"command": "echo"}\n'))["result"] == 0
        one_more = await asyncio.to_thread(connect, server.path)
        assert "are asking already" in (await asyncio.to_thread(one_more.answer))["text"]
        assert await asyncio.to_thread(one_more.answer) is None
        peers[0].close()
        while True:  # until the server has seen that the first is gone
            another = await asyncio.to_thread(connect, server.path)
            if (await asyncio.to_thread(another.ask, b'{"command": "echo"}\n'))["result"] == 0:
                break


@pytest.mark.asyncio
async def test_a_peer_that_is_idle_or_reads_nothing_is_left(tmp_path: Path, connect: Any) -> None:
    async def much(arguments: dict[str, Any]) -> Answer:
        return answer(Result.SUCCESS, "x" * 4_000_000)

    async with listening(tmp_path / "control", patience_s=0.2, commands={"much": much}) as server:
        deaf = await asyncio.to_thread(connect, server.path)
        deaf.send(b'{"command": "much"}\n')
        await asyncio.to_thread(deaf.socket.recv, 1, socket.MSG_PEEK)
        idle = await asyncio.to_thread(connect, server.path)
        assert await asyncio.to_thread(idle.answer) is None  # and by now the other's time is over, too
        assert len(await asyncio.to_thread(_read_to_the_end, deaf.socket)) < 4_000_000


@pytest.mark.asyncio
async def test_a_command_at_work_is_answered_before_the_server_is_gone(tmp_path: Path, connect: Any) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slow(arguments: dict[str, Any]) -> Answer:
        begun.set()
        await gate.wait()
        return answer(Result.SUCCESS, "done")

    server = ControlServer(tmp_path / "control", {"slow": slow})
    await server.start()
    peer = await asyncio.to_thread(connect, server.path)
    idle = await asyncio.to_thread(connect, server.path)
    peer.send(b'{"command": "slow"}\n{"command": "slow"}\n')
    await begun.wait()
    closing = asyncio.create_task(server.close())
    await asyncio.sleep(0)
    gate.set()
    await closing
    assert (await asyncio.to_thread(peer.answer))["text"] == "done"
    assert await asyncio.to_thread(peer.answer) is None
    assert await asyncio.to_thread(idle.answer) is None
    await server.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_peer_sends_the_next_is_served(
    tmp_path_factory: pytest.TempPathFactory, connect: Callable[[Path], Any], data: bytes, ends: bool
) -> None:
    async def run() -> None:
        async with listening(tmp_path_factory.mktemp("fuzz") / "control") as server:
            peer = await asyncio.to_thread(connect, server.path)
            peer.send(data)
            if ends:
                peer.close()
            other = await asyncio.to_thread(connect, server.path)
            assert (await asyncio.to_thread(other.ask, b'{"command": "echo"}\n'))["result"] == 0
            other.close()

    asyncio.run(run())
