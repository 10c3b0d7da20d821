"""The webhook, with a server over real sockets, beside a system that answers, hangs or is away."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dhcpcallout import Callout, Client, Server, Subnet
from dhcpcallout.errors import CalloutLoadError

SUBNET = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], lease_time_s=600)
Load = Callable[[str], Callout]


class OtherSystem:
    """Takes POSTs on the loopback, and answers with ``answer`` or not at all."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[bytes] = []
        self.arrived = asyncio.Event()
        self.released = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(size))
        self.arrived.set()
        if self.answer is None:
            await self.released.wait()
        else:
            writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def other_system(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OtherSystem]:
    system = OtherSystem(answer)
    server = await asyncio.start_server(system.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("WEBHOOK_URL", f"http://127.0.0.1:{port}/leases?from=dhcp")
    try:
        yield system
    finally:
        system.released.set()
        server.close()


async def lease(server: Server, number: int = 1) -> str:
    host, port = server.addresses[0]
    with Client(host, port, hardware_address=bytes([2, 0, 0, 0, 0, number]), hostname="alice") as client:
        return str((await asyncio.to_thread(client.lease)).address)


def server_with(callout: Callout, **arguments: Any) -> Server:
    return Server([SUBNET], listen=["127.0.0.1:0"], callouts=[callout], **arguments)


@pytest.mark.asyncio
async def test_the_other_system_is_told_of_a_lease(load_example: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        other_system(b"HTTP/1.1 204 No Content\r\n\r\n", monkeypatch) as system,
        server_with(load_example("webhook.py")) as server,
    ):
        assert await lease(server) == "10.0.0.10"
        await asyncio.wait_for(system.arrived.wait(), 10)
    (request,) = system.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /leases?from=dhcp HTTP/1.1\r\nHost: 127.0.0.1:")
    news = json.loads(body)
    assert news.pop("expires") > 1_700_000_000
    assert news == {"address": "10.0.0.10", "given": "NEW", "client": "02:00:00:00:00:01", "hostname": "alice"}


@pytest.mark.asyncio
async def test_no_client_waits_for_a_system_that_hangs_and_no_more_than_the_bound_are_under_way(
    load_example: Load, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with other_system(None, monkeypatch) as system:
        callout = load_example("webhook.py")
        module = callout.functions["packet_drop"][0].__globals__
        monkeypatch.setitem(module, "MOST_AT_ONCE", 2)
        monkeypatch.setitem(module, "TIMEOUT_S", 30)
        async with server_with(callout, parked_timeout_s=60.0) as server:
            for number in range(1, 5):
                await lease(server, number)  # while nobody has answered a single POST
            assert not system.released.is_set()
            assert len(module["under_way"]) == 2
            system.released.set()
    assert caplog.text.count("2 POSTs are under way: not told of") == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", "answered 500 to the news of 10.0.0.10"),
        (b"SSH-2.0-OpenSSH and so on\r\n", "does not speak HTTP"),
        (b"x" * 200_000, "could not tell of 10.0.0.10"),
        (b"", "could not tell of 10.0.0.10"),
        (None, "could not tell of 10.0.0.10: TimeoutError"),
    ],
)
@pytest.mark.asyncio
async def test_what_goes_wrong_is_logged_and_no_fault(
    answer: bytes | None,
    message: str,
    load_example: Load,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with other_system(answer, monkeypatch):
        callout = load_example("webhook.py")
        monkeypatch.setitem(callout.functions["packet_drop"][0].__globals__, "TIMEOUT_S", 0.1 if answer is None else 10)
        async with server_with(callout) as server:
            await lease(server)
    assert message in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@pytest.mark.parametrize("url", ["", "ftp://example.org/", "http:///leases", "example.org"])
def test_without_an_address_to_tell_it_is_not_loaded(
    url: str, load_example: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBHOOK_URL", url)
    with pytest.raises(CalloutLoadError, match="WEBHOOK_URL"):
        load_example("webhook.py")
