"""Keeps an audit of addresses in an SQLite database: who was given which address, when, and how it ended.

The environment variable AUDIT_DB names the file. Ask it with any SQLite tool::

    select datetime(time, 'unixepoch'), event, address, client from audit where address = '10.1.0.7';

No hook waits for the disk: it puts a row into a queue, and a thread writes what is there in one transaction. The queue
is bounded; where the disk cannot keep up, rows are lost rather than memory, and a row says how many.
"""

import logging
import os
import queue
import sqlite3
import threading
import time
from contextlib import closing, suppress

from dhcpcallout import (
    AddressDeleted,
    AddressOffered,
    Callout,
    CalloutEntry,
    ClientDeleted,
    ControlCode,
    ServiceControlled,
)

MOST_WAITING = 10_000
MOST_AT_ONCE = 500

SCHEMA = """
create table if not exists audit (
    time    real not null,      -- seconds since 1970
    event   text not null,      -- NEW, OLD (renewed), CONFLICT, DECLINE, RELEASE, NACKED, DELETED; LOST
    address text not null,
    client  text not null,      -- the hardware address
    detail  text not null
);
create index if not exists audit_by_address on audit (address, time);
"""

Row = tuple[float, str, str, str, str]


class Audit:
    """The queue and the thread that empties it; ``None`` in the queue is its end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rows: queue.Queue[Row | None] = queue.Queue(MOST_WAITING)
        self._lost = 0
        self._writer = threading.Thread(target=self._write, name="audit_sqlite", daemon=True)
        self._writer.start()

    def put(self, event: str, address: object, client: bytes, detail: str = "") -> None:
        """Have a row written, some time soon."""
        try:
            self._rows.put_nowait((time.time(), event, str(address), client.hex(":"), detail))
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Write what waits, and end."""
        self._rows.put(None)
        self._writer.join()

    def _write(self) -> None:
        reported = 0
        with closing(sqlite3.connect(self._path, timeout=30)) as database:  # for whoever else has it locked
            rows: list[Row | None] = []
            while None not in rows:
                rows = [self._rows.get()]
                with suppress(queue.Empty):
                    while len(rows) < MOST_AT_ONCE:
                        rows.append(self._rows.get_nowait())
                lost = self._lost - reported
                if lost:
                    rows.append((time.time(), "LOST", "", "", f"{lost} rows: the disk is too slow"))
                try:
                    with database:  # one transaction
                        database.executemany("insert into audit values (?, ?, ?, ?, ?)", filter(None, rows))
                    reported += lost
                except sqlite3.Error:
                    log.exception("%d rows are not in the audit", len(rows))


callout = Callout("audit_sqlite")
log = logging.getLogger("audit_sqlite")
running: list[Audit] = []  # one while the service runs, else none


def path() -> str:
    return os.environ.get("AUDIT_DB", "audit.db")


@callout.on_load
def prepare(_: CalloutEntry) -> None:
    with closing(sqlite3.connect(path())) as database:  # what fails here keeps the callout from being loaded
        database.executescript(SCHEMA)


@callout.control
def start_and_stop(event: ServiceControlled) -> None:
    if event.code is ControlCode.START:
        running.append(Audit(path()))
    elif event.code is ControlCode.STOP:
        running.pop().close()


def client_of(event: AddressOffered | AddressDeleted) -> bytes:
    packet = event.packet
    return packet.chaddr if packet is not None else b""


@callout.address_offer
def given(event: AddressOffered) -> None:
    running[0].put(event.given.name, event.address, client_of(event), f"for {event.lease_time_s} s")


@callout.address_delete
def taken(event: AddressDeleted) -> None:
    running[0].put(event.reason.name, event.address, client_of(event))


@callout.delete_client
def deleted(event: ClientDeleted) -> None:
    running[0].put("DELETED", event.address, event.hardware_address)
