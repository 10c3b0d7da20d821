"""Tells another system of each lease that is given or renewed: a POST with JSON to the address in WEBHOOK_URL.

No client waits for it. The lease is noted when it is on disk; the POST is made when the packet is done with, after the
ACK has gone out. It has ``TIMEOUT_S`` in all, and no more than ``MOST_AT_ONCE`` are under way: while the other system
is slow or away, its news are counted and left out. Whoever may miss none asks the leases themselves.
"""

import asyncio
import contextlib
import json
import logging
import os
from urllib.parse import urlsplit

from dhcpcallout import Callout, CalloutEntry, DropReason, LeaseCommitted, PacketDropped
from dhcpcallout.errors import CalloutLoadError

TIMEOUT_S = 1.5  # less than the server's parked-timeout, which would make a fault of it
MOST_AT_ONCE = 32

callout = Callout("webhook")
log = logging.getLogger("webhook")
under_way: set[object] = set()


@callout.on_load
def check_url(_: CalloutEntry) -> None:
    target = urlsplit(os.environ.get("WEBHOOK_URL", ""))
    if target.scheme not in ("http", "https") or not target.hostname:
        raise CalloutLoadError("webhook: WEBHOOK_URL is no http:// or https:// address")


@callout.lease_committed
def note(event: LeaseCommitted) -> None:
    lease = event.lease
    event.context["news"] = {
        "address": str(event.address),
        "given": event.given.name,
        "client": lease.hardware_address.hex(":"),
        "hostname": lease.hostname,
        "expires": lease.expires_s,
    }


@callout.packet_drop
async def tell(event: PacketDropped) -> None:
    news = event.context.get("news")
    if news is None or event.reason is not DropReason.PROCESSED:
        return
    if len(under_way) >= MOST_AT_ONCE:
        log.warning("%d POSTs are under way: not told of %s", MOST_AT_ONCE, news["address"])
        return
    under_way.add(news_id := object())
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status = await post(os.environ["WEBHOOK_URL"], json.dumps(news).encode())
        if not 200 <= status < 300:
            log.warning("the other system answered %d to the news of %s", status, news["address"])
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        log.warning("could not tell of %s: %s", news["address"], str(error) or type(error).__name__)
    finally:
        under_way.discard(news_id)


async def post(url: str, body: bytes) -> int:
    """POST a JSON text; give the status code of the answer, whose body is not read."""
    target = urlsplit(url)
    tls = target.scheme == "https"
    host, port = target.hostname or "", target.port or (443 if tls else 80)
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    reader, writer = await asyncio.open_connection(host, port, ssl=tls or None)
    try:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {target.netloc.rpartition('@')[2]}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode("ascii") + body)
        await writer.drain()
        version, status, *_ = (await reader.readuntil(b"\r\n")).split()
        if not version.startswith(b"HTTP/"):
            raise ValueError(f"{url} does not speak HTTP")
        return int(status)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
