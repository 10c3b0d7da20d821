"""Who a client is, and which reservation is its own."""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine import Reservation
from dhcpcallout.engine.clients import (
    PlannedReservation,
    ReservationTable,
    client_key,
    compile_reservations,
    hardware_key,
    parse_hardware_address,
)
from dhcpcallout.engine.scopes import EMPTY_SCOPE
from dhcpcallout.wire import REGISTRY, Packet

MAC = bytes.fromhex("020000000009")
NETWORK = IPv4Network("10.0.0.0/24")
DUID_ID = bytes.fromhex("ff 00000001 0001 0001 2a2b2c2d 020000000009")


def sent(options: dict[int, bytes] | None = None, chaddr: bytes = MAC, htype: int = 1) -> Packet:
    return Packet(htype=htype, chaddr=chaddr, options=options)


@pytest.mark.parametrize(
    ("packet", "key"),
    [
        (sent(), b"\1" + MAC),
        (sent(htype=6), b"\6" + MAC),
        (sent({61: b"\1" + MAC}), b"\1" + MAC),
        (sent({61: DUID_ID}), DUID_ID),
        (sent({61: b"\0name"}), b"\0name"),
        (sent({61: DUID_ID}, chaddr=b""), DUID_ID),
        (sent({61: b"\1"}), b"\1" + MAC),
        (sent({61: b""}), b"\1" + MAC),
        (sent({61: b"\0\0"}), b"\0\0"),
        (sent({61: bytes(1024)}), bytes(1024)),
        (sent({61: bytes(1025)}), b""),
        (sent(chaddr=b""), b""),
        (sent({61: b"\1"}, chaddr=b""), b""),
    ],
    ids=[
        "hardware", "another-type", "same-as-hardware", "rfc4361", "any-other", "no-hardware", "too-short", "empty",
        "shortest", "longest", "too-long", "nothing", "nothing-but-too-short",
    ],
)  # fmt: skip
def test_a_client_is_its_client_identifier_or_else_its_hardware(packet: Packet, key: bytes) -> None:
    assert client_key(packet) == key


def test_where_client_identifiers_do_not_match_a_client_is_its_hardware() -> None:
    assert client_key(sent({61: DUID_ID}), match_client_id=False) == b"\1" + MAC
    assert client_key(sent({61: bytes(2000)}), match_client_id=False) == b"\1" + MAC
    assert client_key(sent({61: DUID_ID}, chaddr=b""), match_client_id=False) == DUID_ID


@pytest.mark.parametrize("text", ["02:00:00:00:00:09", "02-00-00-00-00-09", "0200.0000.0009", "020000000009", MAC])
def test_a_hardware_address_is_written_in_many_ways(text: str | bytes) -> None:
    assert hardware_key(1, parse_hardware_address(text)) == b"\1" + MAC


@pytest.mark.parametrize("text", ["", "x", "02:0", "00" * 17, b"", bytes(17)])
def test_what_is_no_hardware_address_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="hardware address"):
        parse_hardware_address(text)


# Reservations


def compiled(*reservations: Reservation, **arguments: Any) -> ReservationTable:
    return compile_reservations(
        reservations, "reservation", lambda key, text: pytest.fail(f"{key}: {text}"), NETWORK, **arguments
    )


def mistakes(
    *reservations: Reservation, network: IPv4Network | None = NETWORK, **arguments: Any
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    compile_reservations(reservations, "at", lambda key, text: found.append((key, text)), network, **arguments)
    return found


def find(table: ReservationTable, packet: Packet) -> PlannedReservation | None:
    hardware = hardware_key(packet.htype, packet.chaddr) if packet.chaddr else b""
    return table.find(packet, hardware, packet.options.get(61, b""))


def agent(**suboptions: bytes) -> bytes:
    codes = {"circuit": 1, "remote": 2, "subscriber": 6}
    return b"".join(bytes((codes[name], len(value))) + value for name, value in suboptions.items())


IDENTIFIED: list[tuple[str, Reservation, Packet, Packet]] = [
    (
        "hardware address",
        Reservation(hardware_address="02:00:00:00:00:09"),
        sent(),
        sent(chaddr=MAC[:-1] + b"\x08"),
    ),
    ("hardware type", Reservation(hardware_address=MAC, hardware_type=6), sent(htype=6), sent()),
    ("client id", Reservation(client_id=DUID_ID.hex()), sent({61: DUID_ID}), sent()),
    ("client id as bytes", Reservation(client_id=b"\0name"), sent({61: b"\0name"}), sent({61: b"\0name\0"})),
    ("client id as a text", Reservation(client_id='"\\x00name"'), sent({61: b"\0name"}), sent({61: b"name"})),
    (
        "client id as an option",
        Reservation(option="client-id", option_value="00:6e:61"),
        sent({61: b"\0na"}),
        sent({61: b"\0n"}),
    ),
    (
        "circuit id",
        Reservation(circuit_id="eth0/1"),
        sent({82: agent(remote=b"eth0/1", circuit=b"eth0/1")}),
        sent({82: agent(circuit=b"eth0/2", remote=b"eth0/1")}),
    ),
    (
        "circuit id in hexadecimal",
        Reservation(circuit_id="0x0004002a"),
        sent({82: agent(circuit=b"\0\4\0\x2a")}),
        sent({82: agent(circuit=b"0x0004002a")}),
    ),
    (
        "circuit id of digits",
        Reservation(circuit_id="0004"),
        sent({82: agent(circuit=b"0004")}),
        sent({82: agent(circuit=b"\0\4")}),
    ),
    (
        "circuit id in quotes",
        Reservation(circuit_id='"0x04\\x00"'),
        sent({82: agent(circuit=b"0x04\0")}),
        sent({82: agent(circuit=b"\4")}),
    ),
    (
        "remote id",
        Reservation(remote_id=b"\2\0\0\0\0\1"),
        sent({82: agent(circuit=b"x", remote=b"\2\0\0\0\0\1")}),
        sent({82: agent(circuit=b"\2\0\0\0\0\1")}),
    ),
    (
        "sub-option",
        Reservation(option="dhcp-agent-options", suboption="subscriber-id", option_value="alice"),
        sent({82: agent(circuit=b"bob", subscriber=b"alice")}),
        sent({82: agent(subscriber=b"bob", circuit=b"alice")}),
    ),
    ("option", Reservation(option="host-name", option_value="printer"), sent({12: b"printer"}), sent({12: b"Printer"})),
    ("text with NULs", Reservation(option=12, option_value="printer"), sent({12: b"printer\0\0"}), sent({12: b"\0"})),
    (
        "one user class of several",
        Reservation(option="user-class", option_value="lab"),
        sent({77: b"\4iPXE\3lab"}),
        sent({77: b"\4iPXE"}),
    ),
    (
        "a name in either spelling",
        Reservation(option="fqdn", option_value={"flags": 4, "name": "a.example."}),
        sent({81: b"\4\0\0\1a\7example\0"}),
        sent({81: b"\4\0\0\1b\7example\0"}),
    ),
    (
        "machine",
        Reservation(option="uuid-guid", option_value=b"\0" + bytes(range(16))),
        sent({97: b"\0" + bytes(range(16))}),
        sent({97: b"\0" + bytes(16)}),
    ),
    (
        "what a vendor says",
        Reservation(option="vivso-suboptions", enterprise=3561, suboption=1, option_value=b"ACME"),
        sent({125: b"\0\0\x0d\xe9\6\1\4ACME"}),
        sent({125: b"\0\0\x0d\xe8\6\1\4ACME"}),
    ),
]


@pytest.mark.parametrize(("_", "reservation", "its", "another"), IDENTIFIED, ids=[one[0] for one in IDENTIFIED])
def test_a_client_gets_its_reservation_and_no_other_does(
    _: str, reservation: Reservation, its: Packet, another: Packet
) -> None:
    table = compiled(reservation)
    assert len(table) == 1
    assert find(table, its) is table.reservations[0]
    assert find(table, another) is None
    assert find(table, sent(chaddr=b"")) is None


EVERYTHING = compile_reservations([one for _, one, _, _ in IDENTIFIED], "reservation", lambda key, text: None, NETWORK)


def test_malformed_options_are_nobodys() -> None:
    for code in (12, 61, 77, 81, 82, 97, 125):
        for value in (b"", b"\0", b"\xff", b"\1\xff", b"\1\1", b"\xc0\x00" * 3):
            assert find(EVERYTHING, sent({code: value}, chaddr=b"")) is None


@given(st.dictionaries(st.sampled_from((12, 61, 77, 81, 82, 97, 125)), st.binary(max_size=40)))
def test_looking_for_a_reservation_never_fails(options: dict[int, bytes]) -> None:
    assert find(EVERYTHING, sent(options)) is not None
    assert find(EVERYTHING, sent(options, chaddr=b"")) in (None, *EVERYTHING.reservations)


def test_where_several_reservations_fit_the_order_of_identifiers_decides() -> None:
    packet = sent({61: DUID_ID, 82: agent(circuit=b"c", remote=b"r", subscriber=b"s"), 12: b"name"})
    in_order = [
        Reservation(hardware_address=MAC),
        Reservation(client_id=DUID_ID),
        Reservation(circuit_id="c"),
        Reservation(remote_id="r"),
        Reservation(option="host-name", option_value="name"),
        Reservation(option="dhcp-agent-options", suboption="subscriber-id", option_value="s"),
    ]
    for first in range(len(in_order)):
        rest = in_order[first:]
        # Among other options it is the configuration's order, among the rest it is not.
        arranged = rest if len(rest) <= 2 else [*rest[-2:], *reversed(rest[:-2])]
        found = find(compiled(*arranged), packet)
        assert found is not None
        assert found.key == f"reservation[{arranged.index(rest[0])}]"


def test_a_reservation_carries_what_is_kept() -> None:
    (one,) = compiled(
        Reservation(
            hardware_address=MAC,
            address="10.0.0.7",
            hostname="printer",
            classes=["voip", "known-good"],
            options={"routers": "10.0.0.1"},
            lease_time_s=60,
        )
    ).reservations
    assert (one.address_int, one.hostname, one.classes) == (0x0A000007, "printer", ("voip", "known-good"))
    assert one.scope.options == {3: b"\x0a\0\0\1"}
    assert one.scope.lease_time_s == 60
    assert one.scope.name == one.name == "reservation of hardware-address 02:00:00:00:00:09"
    assert one.key == "reservation[0]"


def test_a_reservation_may_keep_no_address_and_be_of_no_subnet() -> None:
    table = compile_reservations(
        [Reservation(circuit_id="eth0/1"), Reservation(client_id="0102", address="192.0.2.9")],
        "reservation",
        lambda key, text: pytest.fail(text),
        None,
    )
    first, second = table.reservations
    assert (first.address_int, first.scope) == (None, EMPTY_SCOPE)
    assert table.addresses == {int(IPv4Address("192.0.2.9")): second}
    assert first.name == 'reservation of dhcp-agent-options.circuit-id "eth0/1"'
    assert second.name == "reservation of client-id 0102"


# Mistakes


@pytest.mark.parametrize(
    ("reservation", "key", "text"),
    [
        (Reservation(address="10.0.0.7"), "at[0]", "this has none"),
        (Reservation(hardware_address=MAC, client_id="0102"), "at[0]", "this has hardware-address, client-id"),
        (Reservation(circuit_id="a", option=12, option_value="b"), "at[0]", "this has circuit-id, option"),
        (Reservation(option=12), "at[0].option-value", "the value of host-name that tells the client is missing"),
        (Reservation(client_id="0102", option_value="x"), "at[0].option-value", "'option-value' goes with option"),
        (Reservation(client_id="0102", suboption="x"), "at[0].suboption", "'suboption' goes with option"),
        (Reservation(remote_id="a", enterprise=9), "at[0].enterprise", "'enterprise' goes with option"),
        (Reservation(hardware_address="xx"), "at[0].hardware-address", "'xx' is not a hardware address"),
        (Reservation(hardware_address=MAC, hardware_type=256), "at[0].hardware-type", "256 is not 0 to 255"),
        (Reservation(client_id="name"), "at[0].client-id", "hexadecimal"),
        (Reservation(client_id="01"), "at[0].client-id", "at least 2"),
        (Reservation(circuit_id=""), "at[0].circuit-id", "an empty dhcp-agent-options.circuit-id"),
        (Reservation(circuit_id="0xabc"), "at[0].circuit-id", "hexadecimal"),
        (Reservation(circuit_id='"abc'), "at[0].circuit-id", "quotation mark"),
        (Reservation(option="no-such-option", option_value=1), "at[0].option", "no-such-option"),
        (Reservation(option=82, suboption="no-such", option_value=1), "at[0].suboption", "no-such"),
        (Reservation(option=12, suboption=1, option_value="x"), "at[0].suboption", "no sub-options"),
        (Reservation(option="routers", option_value="x"), "at[0].option-value", "'x'"),
        (Reservation(hardware_address=MAC, address="x"), "at[0].address", "'x'"),
        (Reservation(hardware_address=MAC, address="10.0.1.7"), "at[0].address", "10.0.1.7 is not within 10.0.0.0/24"),
        (Reservation(hardware_address=MAC, address="10.0.0.0"), "at[0].address", "not the address of a single host"),
        (Reservation(hardware_address=MAC, address="10.0.0.255"), "at[0].address", "not the address of a single host"),
        (Reservation(hardware_address=MAC, hostname=""), "at[0].hostname", "at least one character"),
        (Reservation(hardware_address=MAC, classes=["voip"]), "at[0].classes[0]", "there is no class 'voip'"),
        (Reservation(hardware_address=MAC, options={"x": 1}), "at[0].options.x", "there is no option 'x'"),
    ],
)
def test_a_mistake_is_told_with_its_key(reservation: Reservation, key: str, text: str) -> None:
    ((found_key, found_text),) = mistakes(reservation, known_classes=())
    assert found_key == key
    assert text in found_text


def test_every_mistake_is_told_even_the_same_one_twice() -> None:
    wrong = Reservation(option="no-such-option", option_value=1, address="x", classes=["y"])
    keys = [key for key, _ in mistakes(wrong, wrong, known_classes=())]
    assert sorted(keys) == sorted(
        f"at[{number}].{name}" for number in range(2) for name in ("option", "address", "classes[0]")
    )


@pytest.mark.parametrize(
    ("first", "second", "key", "text"),
    [
        (
            Reservation(hardware_address=MAC),
            Reservation(hardware_address="02-00-00-00-00-09"),
            "at[1].hardware-address",
            "hardware-address 02:00:00:00:00:09 has at[0] already",
        ),
        (
            Reservation(hardware_address=MAC),
            Reservation(client_id="01" + MAC.hex()),
            "at[1].client-id",
            "client-id 01020000000009 has at[0] already",
        ),
        (
            Reservation(circuit_id="eth0"),
            Reservation(option=82, suboption=1, option_value="0x65746830"),
            "at[1].option-value",
            'dhcp-agent-options.circuit-id "eth0" has at[0] already',
        ),
        (
            Reservation(option="host-name", option_value="a"),
            Reservation(option=12, option_value=b"a\0"),
            "at[1].option-value",
            "host-name a has at[0] already",
        ),
        (
            Reservation(client_id="0102", address="10.0.0.7"),
            Reservation(client_id="0103", address=IPv4Address("10.0.0.7")),
            "at[1].address",
            "10.0.0.7 is reserved by at[0] already",
        ),
    ],
    ids=["hardware", "hardware-in-client-id", "sub-option", "option", "address"],
)
def test_two_reservations_for_one_client_or_address_are_told_with_both_keys(
    first: Reservation, second: Reservation, key: str, text: str
) -> None:
    assert mistakes(first, second) == [(key, text)]


def test_identifiers_of_different_kinds_may_have_the_same_bytes() -> None:
    assert not mistakes(
        Reservation(client_id=b"same"), Reservation(circuit_id="same"), Reservation(remote_id="same"),
        Reservation(option=12, option_value="same"),
    )  # fmt: skip


def test_lists_that_share_their_addresses_reserve_none_of_them_twice() -> None:
    taken = {0x0A000007: "subnet[0].reservation[0]"}
    assert mistakes(
        Reservation(client_id="0103", address="10.0.0.7"), Reservation(client_id="0104", address="10.0.0.8"),
        network=None, taken=taken,
    ) == [("at[0].address", "10.0.0.7 is reserved by subnet[0].reservation[0] already")]  # fmt: skip
    assert taken == {0x0A000007: "subnet[0].reservation[0]", 0x0A000008: "at[1]"}


def test_an_address_at_the_end_of_a_prefix_of_two_is_a_hosts() -> None:
    assert not mistakes(
        Reservation(client_id="0102", address="10.0.0.0"), Reservation(client_id="0103", address="10.0.0.1"),
        network=IPv4Network("10.0.0.0/31"),
    )  # fmt: skip
    ((key, _),) = mistakes(Reservation(client_id="0102", address="224.0.0.1"), network=None)
    assert key == "at[0].address"


def test_users_own_options_tell_clients_too() -> None:
    registry = REGISTRY.define(224, "asset-tag", "uint16")
    table = compiled(Reservation(option="asset-tag", option_value=7), registry=registry)
    assert find(table, sent({224: b"\0\7"})) is table.reservations[0]
    assert find(table, sent({224: b"\7"})) is None


# Cost


def table_of(count: int) -> ReservationTable:
    def numbered(number: int) -> Sequence[Reservation]:
        mac = (0x020000000000 + number).to_bytes(6, "big")
        return (
            Reservation(hardware_address=mac),
            Reservation(client_id=b"\0" + mac),
            Reservation(circuit_id=f"port {number}"),
            Reservation(option="host-name", option_value=f"host-{number}"),
        )

    return compiled(*(one for number in range(count // 4) for one in numbered(number)))


def test_ten_thousand_reservations_cost_a_packet_no_more_than_ten(count_operations: Callable[..., int]) -> None:
    few, more = table_of(12), table_of(10_000)
    packets = [
        sent(chaddr=bytes.fromhex("020000000001")),
        sent({61: bytes.fromhex("00020000000001")}, chaddr=b""),
        sent({82: agent(remote=b"x", circuit=b"port 1")}, chaddr=b""),
        sent({12: b"host-1"}, chaddr=b""),
        sent({12: b"nobody", 61: b"\0nobody", 82: agent(circuit=b"nobody")}, chaddr=b""),
    ]
    for packet in packets:
        found = [find(table, packet) for table in (few, more)]
        assert [one is None for one in found] == [packet is packets[-1]] * 2
        assert count_operations(lambda packet=packet: find(few, packet)) == count_operations(
            lambda packet=packet: find(more, packet)
        )
