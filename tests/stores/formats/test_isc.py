"""ISC dhcpd's lease file: what a real dhcpd 4.4.3 wrote, every form of its statements, and what nobody should write."""

import io
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.leases import Lease, LeaseState
from dhcpcallout.stores.formats.isc import read_isc

DATA = Path(__file__).parents[2] / "data" / "leases"
FILES = ["dhcpd-4.4.3.leases", "dhcpd-4.4.3-epoch.leases"]
WHOLE = """
lease 10.9.1.4 {
  starts 2 2023/11/14 22:13:20;
  ends 2 2023/11/14 23:13:20;
  hardware ethernet 02:00:00:00:00:01;
}
"""
PRINTER = Lease(0x0A090104, b"\1\2\0\0\0\0\1", 1, b"\2\0\0\0\0\1", LeaseState.ACTIVE, 1_700_000_000, 1_700_003_600)


def read(text: bytes | str) -> tuple[dict[int, Lease | None], list[tuple[int, str]]]:
    problems: list[tuple[int, str]] = []
    data = text.encode() if isinstance(text, str) else text
    entries = read_isc(io.BytesIO(data), lambda line, problem: problems.append((line, problem)))
    return {entry.address_int: entry.lease for entry in entries}, problems


def read_lease(*statements: str) -> Lease | None:
    rows, problems = read(WHOLE.replace("}", "\n".join((*statements, "}"))))
    assert problems == []
    return rows[PRINTER.address_int]


@pytest.mark.parametrize("file", FILES)
def test_what_dhcpd_wrote_is_read(file: str) -> None:
    rows, problems = read((DATA / file).read_bytes())
    assert problems == []
    by_address = {str(IPv4Address(address)): lease for address, lease in rows.items()}
    assert len(by_address) == (10 if file == FILES[0] else 12)
    assert by_address["10.9.1.12"] == Lease(
        0x0A09010C,
        b'\xff\0\0\1\2"quo\\te',
        1,
        b"\2\0\0\0\0\3",
        LeaseState.ACTIVE,
        1795369428,
        1795373028,
        "a,b.example",
    )
    relayed = by_address["10.9.1.14"]
    assert relayed is not None
    assert relayed.relay_information == b"\1\2\0\1\2\3abc\6\4subs\5\4\x0a\x09\0\1"
    ring = by_address["10.9.1.15"]
    assert ring is not None
    assert (ring.hardware_type, ring.client_key) == (6, b"\6\2\0\0\0\0\6\1\2")
    declined, released = by_address["10.9.1.16"], by_address["10.9.1.17"]
    assert declined is not None
    assert released is not None
    assert (declined.state, declined.client_key, declined.expires_s) == (LeaseState.DECLINED, b"", 1795455828)
    assert (released.state, released.client_key) == (LeaseState.RELEASED, b"\1\2\0\0\0\0\x08")
    if file == FILES[1]:
        bootp = by_address["10.9.1.20"]
        assert bootp is not None
        assert (bootp.starts_s, bootp.expires_s) == (1795369473, INFINITE)


def test_both_files_are_of_the_same_leases() -> None:
    first, second = (read((DATA / file).read_bytes())[0] for file in FILES)
    assert first.items() <= second.items()


def test_the_least_of_a_lease_is_read() -> None:
    assert read(WHOLE) == ({PRINTER.address_int: PRINTER}, [])
    assert read(" ".join(WHOLE.split())) == ({PRINTER.address_int: PRINTER}, [])
    assert read(WHOLE.replace(" ", "\n")) == ({PRINTER.address_int: PRINTER}, [])
    assert read(WHOLE.replace("\n", " # not; } this {\r\n")) == ({PRINTER.address_int: PRINTER}, [])


def test_the_last_declaration_of_an_address_is_the_one_in_effect() -> None:
    later = WHOLE.replace("ends 2 2023/11/14 23:13:20", "ends never")
    assert read(WHOLE + later)[0] == {PRINTER.address_int: PRINTER._replace(expires_s=INFINITE)}
    assert read(later + WHOLE)[0] == {PRINTER.address_int: PRINTER}
    cleared = "lease 10.9.1.4 { binding state free; }"
    assert read(WHOLE + cleared)[0] == {PRINTER.address_int: None}


@pytest.mark.parametrize(
    ("statement", "fields"),
    [
        ("ends never;", {"expires_s": INFINITE}),
        ("ends epoch 1700003600; # Tue Nov 14 23:13:20 2023", {}),
        ("ends 2 2023/11/14 15:13:20 28800;", {}),
        ("ends 3 2023/11/15 00:13:20 -3600;", {}),
        ("ends 2 2106/02/07 06:28:16;", {"expires_s": 1 << 32}),
        ("cltt 1 2020/01/01 00:00:00;", {}),
        ("tstp never; tsfp never; atsfp never;", {}),
        ("binding state active; next binding state free; rewind binding state free;", {}),
        *((f"binding state {state};", {"state": 2}) for state in ("free", "backup", "expired", "released", "reset")),
        ("binding state abandoned;", {"state": 1, "client_key": b""}),
        ("abandoned;", {"state": 1, "client_key": b""}),
        (r'uid "\001\002\"\\\t;}#{x";', {"client_key": b'\1\2"\\\t;}#{x'}),
        ('uid "\\0017\\x41";', {"client_key": b"\1\x37A"}),
        ("uid 1:2:ff;", {"client_key": b"\1\2\xff"}),
        ('client-hostname "caf\xc3\xa9";'.encode("latin-1").decode(), {"hostname": "café"}),
        (r'client-hostname "\377\033";', {"hostname": "\\xff\x1b"}),
        ("hardware infiniband 02:03;", {"hardware_type": 32, "hardware_address": b"\2\3", "client_key": b" \2\3"}),
        ("hardware unknown-7 2:3;", {"hardware_type": 7, "hardware_address": b"\2\3", "client_key": b"\7\2\3"}),
        ('option agent.circuit-id "eth0";', {"relay_information": b"\1\4eth0"}),
        ("option agent.circuit-id 0:4;", {"relay_information": b"\1\2\0\4"}),
        ('option agent.remote-id "\\001";', {"relay_information": b"\2\1\1"}),
        ("option agent.agent-id 10.0.0.1;", {"relay_information": b"\3\4\x0a\0\0\1"}),
        ("option agent.DOCSIS-device-class 258;", {"relay_information": b"\4\4\0\0\1\2"}),
        ('option agent.unknown-151 "v";', {"relay_information": b"\x97\1v"}),
        ("option agent.some-new-thing 1; option agent.unknown-999 1; option host-name a, b;", {}),
        ('set vendor-class-identifier = "MSFT 5.0"; set ddns-rev-name = "4.1.9.10.in-addr.arpa.";', {}),
        ('on release or expiry { set x = "}"; if known { ends never; } else { } }', {}),
        ("reserved; bootp; dynamic-bootp;", {}),
    ],
)
def test_every_statement_is_read_or_passed_over(statement: str, fields: dict[str, object]) -> None:
    lease = read_lease(statement)
    assert lease is not None
    assert lease._asdict() == PRINTER._asdict() | fields


def test_what_is_no_lease_is_passed_over() -> None:
    other = """
    authoring-byte-order little-endian;
    server-duid "\\000\\001{";
    failover peer "x" state { my state normal at 2 2023/11/14 22:13:20; peer state normal at never; }
    host printer { dynamic; hardware ethernet 02:00:00:00:00:09; fixed-address 10.9.1.9; lease 10.9.1.9 { } }
    group { subgroup { } }
    """
    assert read(other + WHOLE + other) == ({PRINTER.address_int: PRINTER}, [])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ends 2 2023/13/14 23:13:20;", "is no time"),
        ("ends 2 2023/11/14 23:61:20;", "is no time"),
        ("ends 2 999999999999/11/14 23:13:20;", "is no time"),
        ("ends;", "is no time"),
        ("ends epoch -1;", "is no time"),
        ("ends epoch 99999999999999999999;", "is too far away"),
        ("ends 2 2023/11/14 23:13:20 x;", "is no offset"),
        ("binding state strange;", "is no binding state"),
        ("binding;", "is not understood"),
        ("hardware ethernet;", "is not understood"),
        ("hardware ethernet zz;", "is not hexadecimal"),
        ("hardware unknown-999999 1;", "is no type of hardware"),
        ("hardware unknown-256 1;", "hardware type 256 is not 0 to 255"),
        ("uid text;", "is not hexadecimal"),
        (f'uid "{"x" * 1025}";', "more than 1024 bytes"),
        (f'option agent.circuit-id "{"x" * 256}";', "more than 255 bytes"),
        ('client-hostname "no end;', 'there is no "'),
    ],
)
def test_a_statement_that_is_wrong_is_told_with_its_line_and_costs_no_other_lease(line: str, problem: str) -> None:
    wrong = WHOLE.replace("10.9.1.4", "10.9.1.5").replace("}", f"{line}\n}}")
    rows, problems = read(wrong + WHOLE)
    assert rows[PRINTER.address_int] == PRINTER
    assert len(problems) == 1
    assert problems[0][0] in (2, 6)
    assert problem in problems[0][1]


@pytest.mark.parametrize(
    ("text", "number", "problem"),
    [
        ("lease 10.9.1.999 {\n}\n", 1, "is not an IPv4 address"),
        ("lease {\n}\n", 1, "."),
        ("\nlease 10.9.1.5 {\n ends never;\n}\n", 2, "neither a client identifier nor"),
        ("lease 10.9.1.5 { hardware ethernet 1; }", 1, "the lease has no end"),
        ("}\n", 1, "a } too many"),
        ("\nlease 10.9.1.5 {\n ends never;\n", 3, "before the }"),
        ("\nlease 10.9.1.5", 2, "in the middle of a declaration"),
        ('ia-na "x" {\n}\n', 1, "DHCPv6"),
        ("x " * 5000 + "\n" + ";", 1, "more than 4096 words"),
        ("x" * 70000 + "\n", 1, "more than 65535 bytes"),
    ],
)
def test_what_is_no_lease_file_is_told_with_its_line(text: str, number: int, problem: str) -> None:
    rows, problems = read(text)
    assert not rows
    assert problems[0][0] == number
    assert problem in problems[0][1] or problem == "."


WORDS = 'lease 10.9.1.4 { } ; " "x" # = starts ends never epoch 1 uid binding state active hardware ethernet 1:2'
words = st.sampled_from([*WORDS.split(), "\n", "\\", "option", "agent.circuit-id", "2 2023/11/14 1:2:3"])


@given(st.binary(max_size=200) | st.lists(words, max_size=40).map(lambda parts: " ".join(parts).encode()))
def test_any_bytes_give_leases_or_problems_with_their_lines(data: bytes) -> None:
    for text in (data, WHOLE.encode() + data, WHOLE.encode().replace(b"}", data + b"}")):
        _, problems = read(text)
        assert all(1 <= line <= text.count(b"\n") + 1 for line, _ in problems)
        assert all(len(problem) < 300 for _, problem in problems)
