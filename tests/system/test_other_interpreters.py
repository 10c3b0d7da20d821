"""Callouts of another word size than the server's: a 32-bit Python is the worker."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dhcpcallout import Client, Server, Subnet
from dhcpcallout.codes import EventId
from dhcpcallout.loaders import Isolation, Registry, load_callouts

ROOT = Path(__file__).parents[2]
EXAMPLES, NATIVE = ROOT / "examples" / "callouts", ROOT / "tests" / "native"
MAC = bytes.fromhex("02000000000b")

Compile32 = Callable[[Path], Path]


def isolated_by(python: Path, **environment: str) -> Isolation:
    return Isolation(
        mode="process", worker_command=[str(python)], environment=environment, start_timeout_s=60, timeout_ms=5000
    )


async def lease_and_lease_again(registry: Registry) -> None:
    """Serve a client with the callouts, over the loopback: it leases, releases and leases again."""
    loaded = load_callouts(registry)
    assert [attempt.reason for attempt in loaded.attempts] == [""] * len(loaded.attempts)
    subnet = Subnet(network="10.0.0.0/24", pools=["10.0.0.10-10.0.0.99"], lease_time_s=4000)
    async with Server([subnet], listen=["127.0.0.1:0"], callouts=loaded.callouts) as server:
        host, port = server.addresses[0]
        with Client(host, port, hardware_address=MAC, hostname="pc") as client:
            lease = await asyncio.to_thread(client.lease)
            await asyncio.to_thread(client.release, lease)
            assert (await asyncio.to_thread(client.lease)).address == lease.address  # and so the RELEASE has been read


@pytest.mark.asyncio
async def test_a_32_bit_library_serves_this_server(
    python32: Path, compile_callout_32: Compile32, tmp_path: Path
) -> None:
    log = tmp_path / "audit.log"
    isolation = isolated_by(python32, AUDIT_LOG=str(log))
    await lease_and_lease_again(Registry([str(compile_callout_32(EXAMPLES / "audit.c"))], 1, isolation=isolation))
    lines = [" ".join(line.split()[1:]) for line in log.read_text().splitlines()]
    assert lines[:2] == ["DhcpControlHook START", "DhcpNewPktHook packet 1: 300 bytes came to 127.0.0.1"]
    assert "DhcpAddressOfferHook packet 2: 10.0.0.10 NEW, DHCP client, 4000 seconds" in lines
    assert "DhcpAddressDelHook packet 3: 10.0.0.10 RELEASE" in lines
    assert "DhcpDeleteClientHook 10.0.0.10 of DHCP client 02:00:00:00:00:0b" in lines
    assert lines[-1] == "DhcpControlHook STOP"


@pytest.mark.asyncio
async def test_a_32_bit_library_finds_the_options_where_its_header_says(
    python32: Path, compile_callout_32: Compile32, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    isolation = isolated_by(python32, RECORD=str(record))
    await lease_and_lease_again(Registry([str(compile_callout_32(NATIVE / "options.c"))], 1, isolation=isolation))
    *lines, padding = record.read_text().splitlines()
    fields = dict(line.split(" ", 1) for line in lines)
    # Of the last packet, a REQUEST: its options begin behind the cookie, and these three are at its head and its end.
    assert (fields["MessageType"], fields["SubnetMask"], fields["ClientHardwareAddress"]) == ("242", "-", "28")
    assert (fields["MachineNameLength"], fields["ClientHardwareAddressLength"]) == ("2", "6")
    assert (fields["sizeof"], padding) == ("96", "00000000")


@pytest.mark.asyncio
async def test_what_a_callout_says_in_a_worker_that_a_command_starts_comes_to_standard_error(
    compile_callout: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    # Not by the same file, as for a worker of this Python's own: a Windows Python cannot start with one.
    library = str(compile_callout(EXAMPLES / "audit.c"))
    await lease_and_lease_again(Registry([library], 1, isolation=isolated_by(Path(sys.executable))))
    said = ""
    async with asyncio.timeout(20):
        while "audit.c DhcpControlHook STOP\n" not in said:
            await asyncio.sleep(0.01)
            said += capfd.readouterr().err
    assert "audit.c DhcpControlHook START\n" in said


def test_a_32_bit_library_is_refused_by_a_worker_of_this_pythons_own(compile_callout_32: Compile32) -> None:
    library = compile_callout_32(EXAMPLES / "mac_filter.c")
    (attempt,) = load_callouts(Registry([str(library)], 1, isolation=Isolation(mode="process"))).attempts
    assert attempt.event_id is EventId.CALLOUT_LOAD_FAILED
    assert "ELFCLASS32" in attempt.reason
