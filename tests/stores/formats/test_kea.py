"""Kea's lease files and JSON: what a real Kea 2.2 wrote, what it must be able to read, and what nobody should write."""

import io
import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.stores.formats.kea import HEADER, SubnetIds, from_json, read_csv, to_json, write_csv

KEA = Path(__file__).parents[2] / "data" / "leases" / "kea-2.2.0.csv"
PRINTER = Lease(
    0x0A090001, b"\1\2\0\0\0\0\1", 1, b"\2\0\0\0\0\1", LeaseState.ACTIVE, 1_700_000_000, 1_700_003_600, "printer"
)


def read(text: bytes | str) -> tuple[dict[int, Lease | None], list[tuple[int, str]]]:
    problems: list[tuple[int, str]] = []
    data = text.encode() if isinstance(text, str) else text
    entries = read_csv(io.BytesIO(data), lambda line, problem: problems.append((line, problem)))
    return {entry.address_int: entry.lease for entry in entries}, problems


def read_rows(*rows: str) -> tuple[dict[int, Lease | None], list[tuple[int, str]]]:
    return read("\n".join((HEADER, *rows, "")))


def written(*leases: Lease) -> list[str]:
    return b"".join(write_csv(leases, SubnetIds({}))).decode().splitlines()


leases = st.builds(
    Lease,
    address_int=st.integers(0, 0xFFFFFFFF),
    client_key=st.binary(min_size=1, max_size=255) | st.just(b"long" * 256) | st.just(b"\1\2\0\0\0\0\1"),
    hardware_type=st.sampled_from([0, 1, 6, 255]),
    hardware_address=st.binary(max_size=16) | st.just(b"\2\0\0\0\0\1"),
    state=st.sampled_from([0, 1, 2]),
    starts_s=st.integers(0, 0xFFFFFFFE),
    expires_s=st.integers(0, 0xFFFFFFFF) | st.just(INFINITE),
    hostname=st.text(st.characters(), max_size=30)
    | st.binary(max_size=9).map(lambda b: b.decode(errors="surrogateescape"))
    | st.sampled_from(["a,b", "a&#x2cb", "&", "x\ny", '"', "é"]),
    relay_information=st.binary(max_size=30),
) | st.builds(lambda address_int: Lease(address_int, b"", 0, b"", 1, 0, 1), st.integers(0, 0xFFFFFFFF))


@given(leases)
def test_whatever_we_hold_survives_the_file(lease: Lease) -> None:
    text = b"".join(write_csv([lease], SubnetIds({})))
    assert text.count(b"\n") == 2
    assert read(text) == ({lease.address_int: lease}, [])


@given(leases)
def test_whatever_we_hold_survives_the_json(lease: Lease) -> None:
    assert from_json(json.loads(json.dumps(to_json(lease, 1))), 0, 1) == lease


@given(st.binary(max_size=300) | st.text('0123456789abcdef.,:&#x{}"\n', max_size=300).map(str.encode))
def test_any_bytes_give_leases_or_problems_with_their_lines(data: bytes) -> None:
    for text in (data, HEADER.encode() + b"\n" + data):
        _, problems = read(text)
        assert all(1 <= line <= text.count(b"\n") + 1 for line, _ in problems)


def test_the_rows_are_those_of_kea() -> None:
    assert written(
        PRINTER,
        PRINTER._replace(expires_s=INFINITE, hostname="a,b&c"),
        PRINTER._replace(client_key=b"\xff\1", relay_information=b"\1\2ab", state=LeaseState.RELEASED),
        Lease(0x0A090002, b"", 0, b"", LeaseState.DECLINED, 1_700_000_000, 1_700_086_400),
    ) == [
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context",
        "10.9.0.1,02:00:00:00:00:01,,3600,1700003600,1,0,0,printer,0,",
        "10.9.0.1,02:00:00:00:00:01,,4294967295,5994967295,1,0,0,a&#x2cb&#x26c,0,",
        '10.9.0.1,02:00:00:00:00:01,ff:01,3600,1700003600,1,0,0,printer,2,{"ISC": {"relay-agent-info": "0x01026162"}}',
        "10.9.0.2,,,86400,1700086400,1,0,0,,1,",
    ]


def test_what_kea_has_no_column_for_stands_in_the_user_context() -> None:
    (_, row) = written(PRINTER._replace(hardware_type=6, hostname="x\ny", starts_s=1_700_003_601))
    assert row == (
        "10.9.0.1,02:00:00:00:00:01,01:02:00:00:00:00:01,1,1700003600,1,0,0,x?y,0,"
        '{"dhcpcallout": {"hardware-type": 6&#x2c "starts": 1700003601&#x2c "hostname": "780a79"}}'
    )


def test_what_kea_wrote_is_read() -> None:
    rows, problems = read(KEA.read_bytes())
    assert problems == []
    by_address = {str(IPv4Address(address)): lease for address, lease in rows.items()}
    assert by_address["10.9.1.1"] is None  # deleted by a command
    assert by_address["10.9.1.17"] is None  # released
    declined = by_address["10.9.1.16"]
    assert declined is not None
    assert (declined.state, declined.client_key, declined.expires_s) == (LeaseState.DECLINED, b"", 1795455808)
    assert by_address["10.9.1.13"] == Lease(
        0x0A09010D,
        b"\0text-id",
        1,
        b"\2\0\0\0\0\4",
        LeaseState.ACTIVE,
        1795369408,
        1795373008,
        "phone",
        b'\1\5eth0;\2\4\xaa\xbb"\\',
    )
    endless = by_address["10.9.2.1"]
    assert endless is not None
    assert (endless.expires_s, endless.starts_s, endless.hostname) == (INFINITE, 1795369111, "inf,with,comma")
    assert sum(lease is not None for lease in by_address.values()) == 18


def test_columns_are_found_by_their_names() -> None:
    text = (
        "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"
    )
    row = "10.9.0.1,02:00:00:00:00:01,,3600,1700003600,1,0,0,printer,0,,7"
    assert read(f"\ufeff{text}\r\n{row}\r\n") == ({PRINTER.address_int: PRINTER}, [])
    oldest = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname"
    assert read(f"{oldest}\n{row.removesuffix(',0,,7')}") == ({PRINTER.address_int: PRINTER}, [])


@pytest.mark.parametrize(
    "context",
    [
        '{ "ISC": { "relay-agent-info": "0x01026162" } }',
        '{ "ISC": { "relay-agent-info": { "sub-options": "0x01026162"&#x2c "remote-id": "aa" } } }',
        '{ "mine": [1&#x2c2]&#x2c "ISC": { "relay-agent-info": "01026162" } }',
    ],
)
def test_the_relay_agents_information_is_read_from_every_form_of_it(context: str) -> None:
    rows, problems = read_rows(f"10.9.0.1,02:00:00:00:00:01,,3600,1700003600,1,0,0,printer,0,{context}")
    assert (list(rows.values()), problems) == ([PRINTER._replace(relay_information=b"\1\2ab")], [])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("10.9.0.256,02:00:00:00:00:01,,3600,1700003600,1,0,0,,0,", "'10.9.0.256' is not an IPv4 address"),
        ("10.9.0.1,02:zz,,3600,1700003600,1,0,0,,0,", "'02:zz' is not hexadecimal"),
        ("10.9.0.1,02:-1,,3600,1700003600,1,0,0,,0,", "'02:-1' is not hexadecimal"),
        ("10.9.0.1,,,3600,1700003600,1,0,0,,0,", "neither a client identifier nor a hardware address"),
        ("10.9.0.1,02,,x,1700003600,1,0,0,,0,", "valid_lifetime is 'x', which is no number"),
        (f"10.9.0.1,02,,1,{'9' * 30},1,0,0,,0,", "which is no number"),
        (f"10.9.0.1,02,,1,{'9' * 20},1,0,0,,0,", "which is not Unix time"),
        ("10.9.0.1,02,,1,1700003600,1,0,0,,9,", "state 9 is none"),
        ("10.9.0.1,02,,1,1700003600,1,0,0,0,", "10 columns, and 11 in the header"),
        ("10.9.0.1,02,,1,1700003600,1,0,0,a,b,0,", "12 columns, and 11 in the header"),
        (f"10.9.0.1,{'02:' * 20}02,,1,1700003600,1,0,0,,0,", "more than 20 bytes"),
        (f"10.9.0.1,,{'02:' * 1024}02,1,1700003600,1,0,0,,0,", "more than 1024 bytes"),
        (f"10.9.0.1,02,,1,1700003600,1,0,0,{'x' * 4097},0,", "more than 4096 characters"),
        (
            f'10.9.0.1,02,,1,1700003600,1,0,0,,0,{{"ISC":{{"relay-agent-info":"{"00" * 1025}"}}}}',
            "relay agent's information has more than 1024 bytes",
        ),
        ("10.9.0.1,02,,1,1700003600,1,0,0,,0,{", "the user context is no JSON"),
        (f"10.9.0.1,02,,1,1700003600,1,0,0,,0,{'[' * 60000}", "the user context is no JSON"),
        ("10.9.0.1,02,,1,1700003600,1,0,0,,0,[]", "the user context is no map"),
        ('10.9.0.1,02,,1,1700003600,1,0,0,,0,{"ISC":{"relay-agent-info":1}}', "is no text"),
        ('10.9.0.1,02,,1,1700003600,1,0,0,,0,{"dhcpcallout":{"starts":-1}}', "which is not Unix time"),
        ('10.9.0.1,02,,1,1700003600,1,0,0,,0,{"dhcpcallout":{"starts":true}}', "starts must be an integer"),
        ('10.9.0.1,02,,1,1700003600,1,0,0,,0,{"dhcpcallout":{"hardware-type":256}}', "not 0 to 255"),
        ('10.9.0.1,02,,1,1700003600,1,0,0,,0,{"dhcpcallout":{"hostname":"ff"}}', "can't decode byte"),
        ("x" * 70000, "the line has more than 65535 bytes"),
    ],
)
def test_a_row_that_is_wrong_is_told_with_its_line_and_costs_no_other(row: str, problem: str) -> None:
    good = "10.9.0.1,02:00:00:00:00:01,,3600,1700003600,1,0,0,printer,0,"
    rows, problems = read_rows("", row, good)
    assert rows == {PRINTER.address_int: PRINTER}
    ((line, text),) = problems
    assert line == 3
    assert problem in text
    assert len(text) < 200


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not the header"),
        ("hello\n", "it has no address, hwaddr"),
        ("address,duid,valid_lifetime,expire\n", "the leases are of DHCPv6"),
    ],
)
def test_what_is_no_lease_file_is_told_once(text: str, problem: str) -> None:
    rows, problems = read(text + "10.9.0.1,1,2,3\n" * 9)
    assert rows == {}
    ((line, told),) = problems
    assert line == 1
    assert problem in told or text == ""


def test_json_as_keas_commands_have_it() -> None:
    assert to_json(PRINTER, 7) == {
        "ip-address": "10.9.0.1",
        "hw-address": "02:00:00:00:00:01",
        "subnet-id": 7,
        "valid-lft": 3600,
        "cltt": 1_700_000_000,
        "hostname": "printer",
        "fqdn-fwd": False,
        "fqdn-rev": False,
        "state": 0,
    }
    added = {"ip-address": "10.9.0.1", "hw-address": "02:00:00:00:00:01", "hostname": "printer", "subnet-id": 7}
    assert from_json(added, 1_700_000_000.9, 3600) == PRINTER
    assert from_json(added | {"expire": 1_700_000_050, "valid-lft": 50}, 1, 3600) == PRINTER._replace(
        expires_s=1_700_000_050
    )
    assert from_json(added | {"valid-lft": INFINITE}, 1_700_000_000, 3600) == PRINTER._replace(expires_s=INFINITE)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"ip-address": None}, "ip-address is missing"),
        ({"ip-address": 5}, "ip-address must be a string"),
        ({"ip-address": "10.9.0.999"}, "is not an IPv4 address"),
        ({"hw-address": []}, "hw-address must be a string"),
        ({"hw-address": ""}, "neither a client identifier nor"),
        ({"valid-lft": 0}, "valid-lft 0 is not 1 to"),
        ({"valid-lft": INFINITE + 1}, "valid-lft 4294967296 is not 1 to"),
        ({"valid-lft": "3600"}, "valid-lft must be an integer"),
        ({"valid-lft": True}, "valid-lft must be an integer"),
        ({"expire": 1 << 40}, "which is not Unix time"),
        ({"state": 4}, "state 4 is none"),
        ({"user-context": []}, "user-context must be a map"),
        ({"user-context": {"ISC": {"relay-agent-info": "0xzz"}}}, "is not hexadecimal"),
        ({"user-context": {"dhcpcallout": {"client-key": 7}}}, "client-key must be a string"),
    ],
)
def test_json_that_is_no_lease_is_refused(wrong: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_json({"ip-address": "10.9.0.1", "hw-address": "02:00:00:00:00:01"} | wrong, 1_700_000_000, 3600)


def test_subnets_are_known_by_their_numbers() -> None:
    subnet_id = SubnetIds({IPv4Network("10.9.0.0/16"): 7, IPv4Network("10.0.0.0/16"): 3}, default=1)
    assert [subnet_id(int(IPv4Address(text))) for text in ("10.0.255.255", "10.9.0.0", "10.10.0.0", "0.0.0.0")] == [
        3,
        7,
        1,
        1,
    ]
