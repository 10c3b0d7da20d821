"""The example callouts, built and run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dhcpcallout import hooks
from dhcpcallout.codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason
from dhcpcallout.events import ClientDeleted, Context, ServiceControlled
from dhcpcallout.hooks import Callout, Drop, HookTable
from dhcpcallout.loaders import load_callout
from dhcpcallout.wire import Packet, encode

EXAMPLES = Path(__file__).parents[2] / "examples" / "callouts"
SERVER = 0x7F000001
DISCOVER = encode(Packet(chaddr=b"\x00\x0c\x01\x02\x03\x04", options={53: b"\x01"})).data


def receive(table: HookTable, contexts: tuple[Context, ...], data: bytes) -> bytes | Drop:
    return table.ask(
        hooks.NEW_PACKET, contexts, data, server_address_int=SERVER, source_int=0, source_port=68, interface=""
    )


def test_the_audit_callout_writes_a_line_for_each_hook(
    compile_callout: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "audit.log"
    monkeypatch.setenv("AUDIT_LOG", str(log))
    table = HookTable([load_callout(str(compile_callout(EXAMPLES / "audit.c")))])
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    for _ in range(2):
        contexts = table.contexts()
        receive(table, contexts, DISCOVER)
    table.notify(hooks.HANDLE_OPTIONS, contexts, data=DISCOVER, server_address_int=SERVER)
    table.notify(
        hooks.ADDRESS_OFFER,
        contexts,
        data=DISCOVER,
        server_address_int=SERVER,
        address_int=0x0A010007,
        given=AddressGiven.NEW,
        address_type=AddressType.DHCP,
        lease_time_s=4000,
    )
    table.ask(hooks.PACKET_SEND, contexts, DISCOVER, server_address_int=SERVER, request_data=DISCOVER)
    table.notify(
        hooks.ADDRESS_DELETE,
        contexts,
        data=DISCOVER,
        server_address_int=SERVER,
        address_int=0x0A010007,
        reason=AddressDeleteReason.RELEASE,
    )
    for reason in (DropReason.GEN_FAILURE, DropReason.PROCESSED):
        table.notify(hooks.PACKET_DROP, contexts, data=DISCOVER, server_address_int=SERVER, reason=reason)
    table.announce(hooks.DELETE_CLIENT, ClientDeleted(0x0A010007, b"\x00\x0c\x01\x02\x03\x04", AddressType.BOOTP))
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.STOP))
    size = len(DISCOVER)
    assert log.read_text().splitlines() == [
        "audit.c DhcpControlHook START",
        f"audit.c DhcpNewPktHook packet 1: {size} bytes came to 127.0.0.1",
        f"audit.c DhcpNewPktHook packet 2: {size} bytes came to 127.0.0.1",
        "audit.c DhcpHandleOptionsHook packet 2: DISCOVER",
        "audit.c DhcpAddressOfferHook packet 2: 10.1.0.7 NEW, DHCP client, 4000 seconds",
        f"audit.c DhcpPktSendHook packet 2: a reply of {size} bytes",
        "audit.c DhcpAddressDelHook packet 2: 10.1.0.7 RELEASE",
        "audit.c DhcpPktDropHook packet 2: GEN_FAILURE",
        "audit.c DhcpPktDropHook packet 2: PROCESSED",
        "audit.c DhcpDeleteClientHook 10.1.0.7 of BOOTP client 00:0c:01:02:03:04",
        "audit.c DhcpControlHook STOP",
    ]
    assert table.faults == [0]


@pytest.fixture(params=["mac_filter.py", "mac_filter.c"])
def mac_filter(request: pytest.FixtureRequest, load_example: Callable[[str], Callout]) -> HookTable:
    """The filter in one language, loaded."""
    return HookTable([load_example(request.param)])


@pytest.mark.parametrize(
    ("mac", "refused"),
    [
        ("000c010bad01", True),
        ("000c010bad02", True),
        ("000c010bad03", False),
        ("000c010bad", False),
        ("000c010bad0100", False),
        ("", False),
    ],
)
def test_the_mac_filter_drops_the_clients_of_its_list(mac: str, refused: bool, mac_filter: HookTable) -> None:
    data = encode(Packet(chaddr=bytes.fromhex(mac), options={53: b"\x01"})).data
    assert receive(mac_filter, mac_filter.contexts(), data) == (Drop() if refused else data)


@pytest.mark.parametrize("data", [b"", b"\x01\x01\x06", b"\x01\x01\x11" + bytes(233)])
def test_the_mac_filter_leaves_what_is_no_message_to_the_server(data: bytes, mac_filter: HookTable) -> None:
    assert receive(mac_filter, mac_filter.contexts(), data) == data
    assert mac_filter.faults == [0]
