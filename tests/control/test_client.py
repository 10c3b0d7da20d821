"""Asking a running server: what it answers, and what a peer that is no such server does."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.control import MOST_OF_A_FRAME, Result
from dhcpcallout.control.address import HAS_UNIX_SOCKETS
from dhcpcallout.control.client import ControlClient
from dhcpcallout.control.server import Answer, ControlServer, answer
from dhcpcallout.errors import ControlError

pytestmark = pytest.mark.skipif(not HAS_UNIX_SOCKETS, reason="this system has no Unix sockets")


async def echo(arguments: dict[str, Any]) -> Answer:
    return answer(Result.SUCCESS, "echoed", arguments)


@pytest.mark.asyncio
async def test_a_server_is_asked_one_thing_after_the_other(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "control", {"echo": echo})
    await server.start()

    def ask() -> list[dict[str, Any]]:
        with ControlClient(server.path) as client:
            return [client.ask("echo", ip_address=number) for number in (1, 2)] + [client.ask("nonsense")]

    first, second, third = await asyncio.to_thread(ask)
    assert first == {"result": 0, "text": "echoed", "arguments": {"ip-address": 1}}
    assert second["arguments"] == {"ip-address": 2}
    assert third["result"] == Result.UNSUPPORTED
    await server.close()
    with pytest.raises(ControlError, match=r"cannot be asked \(No such file"):
        ControlClient(server.path)


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b"", "ended the connection"),
        (b'{"result": 0', "no server of this kind"),
        (b"hello\n", "no server of this kind"),
        (b"[]\n", "no server of this kind"),
        (b'{"result": 77, "text": ""}\n', "no server of this kind"),
        (b'{"result": 0}\n', "no server of this kind"),
        (b"[" * 100_000 + b"\n", "no server of this kind"),
    ],
)
def test_what_is_no_answer_is_an_error(reply: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        with ControlClient(path) as client, pytest.raises(ControlError, match=problem):
            client.ask("lease4-get")
        thread.join()


def test_an_answer_may_end_with_the_connection_as_keas_do(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with ControlClient(path) as client:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b'{"result": 0, "text": "here"}')
                peer.shutdown(socket.SHUT_WR)
                assert client.ask("lease4-get")["text"] == "here"


def test_silence_and_what_is_too_long_to_ask_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with ControlClient(path, timeout_s=0.05) as client:
            with pytest.raises(ControlError, match="does not answer"):
                client.ask("lease4-get")
            with pytest.raises(ControlError, match="has more than"):
                client.ask("lease4-add", hostname="x" * MOST_OF_A_FRAME)


def test_a_socket_that_nobody_listens_on_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with pytest.raises(ControlError, match="cannot be asked"):
        ControlClient(path)


def test_the_asking_side_loads_no_event_loop(run_python: Callable[[str], str]) -> None:
    program = "import sys, dhcpcallout.control.client; print('asyncio' in sys.modules)"
    assert run_python(program).strip() == "False"
