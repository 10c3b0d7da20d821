"""What tests find in packets: fields, options, sub-options and vendors' parts, in damaged packets too."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine.subjects import FIELDS, Subject, is_well_formed, option_subject
from dhcpcallout.errors import WireError
from dhcpcallout.testing.strategies import any_packets, option_data
from dhcpcallout.wire import REGISTRY, OptionDefinition, OptionRegistry, Packet
from dhcpcallout.wire.types.notation import encode_utf8

AGENT_SUBOPTIONS = (1, 2, 4, 5, 6, 8, 10, 11, 12, 19, 151, 152, 250)


def subject_of(registry: OptionRegistry = REGISTRY, **test: Any) -> Subject:
    problems: list[tuple[str, str]] = []
    subject = option_subject(test, "test", lambda key, text: problems.append((key, text)), registry)
    assert subject is not None, problems
    assert problems == []
    return subject


def problem_of(**test: Any) -> tuple[str, str]:
    problems: list[tuple[str, str]] = []
    assert option_subject(test, "test", lambda key, text: problems.append((key, text)), REGISTRY) is None
    ((key, text),) = problems
    return key, text


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("op", b"\2", "2"),
        ("htype", b"\x06", "6"),
        ("hlen", b"\3", "3"),
        ("hops", b"\4", "4"),
        ("xid", b"\5\5\5\5", "84215045"),
        ("secs", b"\6\6", "1542"),
        ("flags", b"\x80\0", "32768"),
        ("ciaddr", b"\7\7\7\7", "7.7.7.7"),
        ("yiaddr", b"\x08\x08\x08\x08", "8.8.8.8"),
        ("siaddr", b"\x09\x09\x09\x09", "9.9.9.9"),
        ("giaddr", b"\x0a\x0a\x0a\x0a", "10.10.10.10"),
        ("chaddr", b"abc", "61:62:63"),
        ("hardware-address", b"abc", "61:62:63"),
        ("sname", b"server", "server"),
        ("file", b"file", "file"),
        ("message-type", b"\3", "request"),
        ("architecture", b"\0\7\0\x63", "x64-uefi, 99"),
        ("user-class", b"\1a\2bc", "a, bc"),
        ("vendor-class", b"vendor", "vendor"),
    ],
)
def test_every_field_is_read(field: str, value: bytes, shown: str) -> None:
    packet = Packet(
        op=2, htype=6, hops=4, xid=0x05050505, secs=0x0606, flags=0x8000, ciaddr="7.7.7.7", yiaddr="8.8.8.8",
        siaddr="9.9.9.9", giaddr="10.10.10.10", chaddr=b"abc", sname=b"server", file=b"file",
        options={53: b"\3", 60: b"vendor\0", 77: b"\1a\2bc", 93: b"\0\7\0\x63"},
    )  # fmt: skip
    subject = FIELDS[field]
    assert (subject.name, subject.read(packet), subject.show(packet)) == (field, value, shown)


def test_the_list_above_has_every_field() -> None:
    (mark,) = (mark for mark in test_every_field_is_read.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    assert [row[0] for row in mark.args[1]] == list(FIELDS)


@given(any_packets())
def test_fields_are_read_and_shown_whatever_a_packet_holds(packet: Packet) -> None:
    for subject in FIELDS.values():
        data = subject.read(packet)
        for value in () if data is None else subject.split(data) if subject.split else (data,):
            if subject.is_present is not None and subject.is_present(value):
                assert is_well_formed(subject.kind, value)
        assert subject.show(packet).isprintable()


@given(st.one_of(option_data("user-class"), st.binary(max_size=20), st.text(max_size=9).map(str.encode)))
def test_user_classes_are_those_of_the_typed_value(data: bytes) -> None:
    split = FIELDS["user-class"].split
    assert split is not None
    try:
        expected = REGISTRY.spec("user-class").decode(data).classes
    except WireError:
        expected = ()
    assert [*split(data)] == [encode_utf8(text) for text in expected]


@given(st.binary(max_size=9))
def test_architectures_are_those_of_the_typed_value(data: bytes) -> None:
    split = FIELDS["architecture"].split
    assert split is not None
    expected = REGISTRY.spec("client-system").decode(data) if data and len(data) % 2 == 0 else ()
    assert [int.from_bytes(value, "big") for value in split(data)] == [*expected]


@given(option_data("dhcp-agent-options"), st.sampled_from(AGENT_SUBOPTIONS))
def test_a_sub_option_is_the_first_of_its_number(data: bytes, code: int) -> None:
    found = REGISTRY.spec(82).decode(data).get(code)
    subject = subject_of(option=82, suboption=code)
    expected = found.data if found is not None else None
    if code == 6:  # a text, whose NULs at the end are no part of it
        expected = (expected or b"").rstrip(b"\0") or None
    assert subject.read(Packet(options={82: data})) == expected


@given(st.lists(st.tuples(st.integers(1, 254), st.binary(max_size=4))), st.integers(0, 3), st.binary(max_size=4))
def test_pads_and_what_follows_the_end_are_no_sub_options(
    suboptions: list[tuple[int, bytes]], pads: int, rest: bytes
) -> None:
    data = b"".join(bytes(pads) + bytes((code, len(value))) + value for code, value in suboptions)
    packet = Packet(options={43: data + b"\xff" + rest})
    for code in range(1, 255):
        expected = next((value for number, value in suboptions if number == code), None)
        assert subject_of(option=43, suboption=code).read(packet) == expected


@pytest.mark.parametrize("option", [82, 43])
def test_a_cut_sub_option_is_absent_and_those_before_it_are_not(option: int) -> None:
    first, second, third = (subject_of(option=option, suboption=code) for code in (200, 201, 202))
    whole = b"\xc8\1a\xc9\2bc\xca\1d"
    for size, expected in (
        (9, (b"a", b"bc", None)),
        (7, (b"a", b"bc", None)),
        (6, (b"a", None, None)),
        (4, (b"a", None, None)),
    ):
        packet = Packet(options={option: whole[:size]})
        assert (first.read(packet), second.read(packet), third.read(packet)) == expected
    assert first.read(Packet()) is None


def test_what_is_of_a_vendor_is_found_by_its_number() -> None:
    packet = Packet(
        options={
            124: b"\0\0\0\x09\1a" + b"\0\0\x11\x8b\x05docsis"[:-1],
            125: b"\0\0\0\x09\3\1\1\x07" + b"\0\0\x0d\xe9\4\2\2ab" + b"\0\0\x0d\xe9\4\2\2cd",
        }
    )
    assert subject_of(option=124, enterprise=4491).read(packet) == b"docsi"
    assert subject_of(option="vivso-suboptions", enterprise=3561, suboption="serial-number").read(packet) == b"ab"
    assert subject_of(option=125, enterprise=3561).show(packet) == "serial-number=ab"
    assert subject_of(option=125, enterprise=9, suboption=1).read(packet) == b"\7"
    assert subject_of(option=125, enterprise=4491).read(packet) is None
    cut = Packet(options={125: packet.options[125][:-9], 124: packet.options[124][:-1]})
    assert subject_of(option=124, enterprise=4491).read(cut) is None
    assert subject_of(option=124, enterprise=9).read(cut) == b"a"
    assert subject_of(option=125, enterprise=9, suboption=1).read(cut) == b"\7"


@given(st.binary(max_size=40))
def test_no_bytes_make_a_reader_raise(data: bytes) -> None:
    packet = Packet(options={43: data, 82: data, 124: data, 125: data})
    for test in (
        {"option": 43, "suboption": 1},
        {"option": 82, "suboption": "circuit-id"},
        {"option": 82, "suboption": "link-selection"},
        {"option": 124, "enterprise": 0},
        {"option": 125, "enterprise": 0},
        {"option": 125, "enterprise": 0, "suboption": 0},
    ):
        subject = subject_of(**test)
        value = subject.read(packet)
        assert value is None or value in data
        assert subject.show(packet).isprintable()


def test_options_of_a_users_own_have_sub_options_too() -> None:
    registry = REGISTRY.with_definitions(
        [
            OptionDefinition(code=231, name="rack", encapsulates="rack"),
            OptionDefinition(code=1, name="row", type="string", space="rack"),
        ]
    )
    subject = subject_of(registry, option="rack", suboption="row")
    assert subject.name == "rack.row"
    assert subject.read(Packet(options={231: b"\0\1\2a\0\xff"})) == b"a"


def test_what_is_malformed_is_shown_in_hexadecimal() -> None:
    packet = Packet(options={50: b"abc", 60: b"\0", 93: b"\0\1\2"})
    assert subject_of(option=50).show(packet) == "malformed, 0x616263"
    assert FIELDS["architecture"].show(packet) == "malformed, 0x000102"
    assert FIELDS["vendor-class"].show(packet) == "absent"
    assert FIELDS["user-class"].show(packet) == "absent"


@pytest.mark.parametrize(
    ("test", "key", "text"),
    [
        ({"option": "host-nam"}, "test.option", "is 'host-name' "),
        ({"option": "giaddr"}, "test.option", "'giaddr' is a field: write field = 'giaddr'"),
        ({"option": 256}, "test.option", "0 to 255"),
        ({"option": 255}, "test.option", "255 is no option"),
        ({"option": 0}, "test.option", "0 is no option"),
        ({"option": True}, "test.option", "True is neither the name of an option nor its number"),
        ({"option": ["a"]}, "test.option", "['a'] is neither"),
        ({"option": 82, "suboption": "circuit"}, "test.suboption", "is 'circuit-id' "),
        ({"option": 82, "suboption": 256}, "test.suboption", "256 is not the number of a sub-option"),
        ({"option": 82, "suboption": False}, "test.suboption", "False is neither"),
        ({"option": 43, "suboption": 255}, "test.suboption", "255 is not the number of a sub-option"),
        ({"option": 12, "suboption": 1}, "test.suboption", "host-name has no sub-options"),
        ({"option": 12, "enterprise": 9}, "test.enterprise", "leave enterprise out"),
        ({"option": 125, "suboption": 1}, "test.suboption", "enterprise = NUMBER"),
        ({"option": 125, "enterprise": -1}, "test.enterprise", "-1 is not a whole number"),
        ({"option": 124, "enterprise": 9, "suboption": 1}, "test.suboption", "vivco-suboptions.9 has no sub-options"),
    ],
)
def test_a_mistake_is_reported_at_its_key(test: dict[str, Any], key: str, text: str) -> None:
    reported_key, reported_text = problem_of(**test)
    assert reported_key == key
    assert text in reported_text
