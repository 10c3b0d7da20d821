"""Which packets pass a test, and what is said of tests that are wrong."""

from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from dhcpcallout.engine.conditions import MAX_MATCHED, Condition, compile_condition
from dhcpcallout.errors import WireError
from dhcpcallout.testing.strategies import any_packets, hostile_bytes, options, packets
from dhcpcallout.wire import REGISTRY, OptionDefinition, OptionRegistry, Packet, decode

BUILT_IN = ("ALL", "KNOWN", "UNKNOWN")


def condition_of(test: Mapping[str, Any], registry: OptionRegistry = REGISTRY) -> Condition:
    problems: list[tuple[str, str]] = []
    condition = compile_condition(
        test, "test", lambda key, text: problems.append((key, text)), registry=registry, known_classes=BUILT_IN
    )
    assert condition is not None, problems
    assert problems == []
    return condition


def holds(test: Mapping[str, Any], packet: Packet, members: Collection[str] = ()) -> bool:
    return condition_of(test)(packet, members)


def problems_of(test: Any) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    condition = compile_condition(
        test, "test", lambda key, text: problems.append((key, text)), known_classes=BUILT_IN, later_classes=["later"]
    )
    assert (condition is None) is bool(problems)
    return problems


def option(code: int, data: bytes) -> Packet:
    return Packet(options={code: data})


# How values are compared


@pytest.mark.parametrize("nuls", [b"", b"\0", b"\0\0"])
def test_nuls_at_the_end_are_no_part_of_a_text(nuls: bytes) -> None:
    packet = option(60, b"MSFT 5.0" + nuls)
    for comparison in (
        {"equals": "MSFT 5.0"},
        {"in": ["a", "MSFT 5.0"]},
        {"suffix": "5.0"},
        {"matches": "MSFT .*0"},
        {"substring": {"start": -3, "length": 3, "equals": "5.0"}},
        {"equals": b"MSFT 5.0\0"},
    ):
        assert holds({"option": 60, **comparison}, packet)
    assert not holds({"option": 60, "exists": True}, option(60, nuls))


@pytest.mark.parametrize(
    ("written", "matching"),
    [
        ("eth0/1", b"eth0/1"),
        ("0a0b", b"0a0b"),
        ("0x0a0b", b"\x0a\x0b"),
        ("0X0A0B", b"\x0a\x0b"),
        ('"0x0a0b"', b"0x0a0b"),
        ('"\\x00a"', b"\0a"),
        (b"\x0a", b"\x0a"),
    ],
)
def test_bytes_that_usually_hold_a_text_are_given_as_one_or_in_hexadecimal_after_0x(
    written: str | bytes, matching: bytes
) -> None:
    test = {"option": 82, "suboption": "circuit-id", "equals": written}
    for value in (b"eth0/1", b"0a0b", b"\x0a\x0b", b"0x0a0b", b"\0a", b"\x0a"):
        assert holds(test, option(82, bytes((1, len(value))) + value)) is (value == matching)


@pytest.mark.parametrize("written", ["01000c29", "01:00:0c:29", "01-00-0c-29", "0x01000C29", '"\\x01\\x00\\x0c)"'])
def test_other_bytes_are_given_in_hexadecimal_or_as_a_quoted_text(written: str) -> None:
    for comparison in ({"equals": written}, {"prefix": written}, {"contains": written}, {"in": [written]}):
        assert holds({"option": "client-id", **comparison}, option(61, b"\1\0\x0c\x29"))
        assert not holds({"option": "client-id", **comparison}, option(61, b"\1\0\x0c\x28"))


def test_a_run_of_a_list_begins_where_a_value_does() -> None:
    test = {"option": "routers", "contains": ["1.2.3.4", "5.6.7.8"]}
    assert holds(test, option(3, bytes((9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8))))
    assert not holds(test, option(3, bytes((9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9))))
    assert holds(test, option(3, bytes((9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8))))
    assert not holds(test, option(3, bytes((1, 2, 3, 4, 9, 9, 9, 9, 5, 6, 7, 8))))
    assert holds({"option": "routers", "suffix": "5.6.7.8"}, option(3, bytes((1, 2, 3, 4, 5, 6, 7, 8))))


def test_names_are_the_same_however_they_are_compressed() -> None:
    test = {"option": "domain-search", "equals": ["a.example.", "b.example."]}
    plain = b"\1a\7example\0\1b\7example\0"
    compressed = b"\1a\7example\0\1b\xc0\2"
    other = b"\1a\7example\0\1c\xc0\2"
    several = {"option": "domain-search", "in": [["x.example."], ["a.example.", "b.example."]]}
    for one in (test, several):
        assert [holds(one, option(119, data)) for data in (plain, compressed, other)] == [True, True, False]


def test_networks_stand_beside_addresses_in_a_list() -> None:
    test = {"field": "giaddr", "in": ["10.0.0.1", "10.1.0.0/16", IPv4Network("192.168.0.0/24")]}
    for address, answer in (
        ("10.0.0.1", True),
        ("10.0.0.2", False),
        ("10.1.255.255", True),
        ("10.2.0.0", False),
        ("192.168.0.255", True),
        ("192.168.1.0", False),
    ):
        assert holds(test, Packet(giaddr=address)) is answer
    assert not holds({"option": 50, "in": ["0.0.0.0/0"]}, option(50, b"abcde"))


def test_a_substring_is_counted_from_either_end_and_never_shorter_than_it_is_to_be() -> None:
    def cut(start: int, equals: str, **length: int) -> dict[str, Any]:
        return {"option": 12, "substring": {"start": start, "equals": equals, **length}}

    for data, answers in (
        (b"abcd", (True, True, True)),
        (b"bcd", (False, True, False)),
        (b"cd", (False, False, False)),
    ):
        tests = (cut(1, "bcd", length=3), cut(-3, "bc"), cut(-4, "abcd", length=4))
        assert tuple(holds(test, option(12, data)) for test in tests) == answers
    assert holds({"option": 50, "substring": {"start": 1, "equals": "0203"}}, option(50, b"\1\2\3\4"))
    assert not holds({"option": 50, "substring": {"start": 1, "equals": "0203"}}, option(50, b"\1\2\3\4\5"))


def test_one_of_several_values_is_enough() -> None:
    packet = Packet(options={93: b"\0\0\0\7", 77: b"\1a\4iPXE"})
    for test in (
        {"field": "architecture", "equals": "x64-uefi"},
        {"field": "architecture", "in": [7, 9]},
        {"field": "architecture", "matches": "x64-.*"},
        {"field": "user-class", "equals": "a"},
        {"option": 77, "prefix": "iP"},
        {"field": "user-class", "exists": True},
    ):
        assert holds(test, packet)
    assert not holds({"field": "architecture", "exists": True}, option(93, b"\0\7\0"))
    assert holds({"field": "architecture", "exists": False}, option(93, b"\0\7\0"))
    assert holds({"field": "architecture", "exists": False}, Packet())


@pytest.mark.parametrize("data", [b"iPXE", b"\4iPXE", b"\4iPXE\0", b"\1a\4iPXE"])
def test_a_user_class_is_known_in_each_of_its_forms(data: bytes) -> None:
    assert holds({"field": "user-class", "equals": "iPXE"}, option(77, data))


def test_what_is_malformed_passes_no_comparison() -> None:
    for test, well_formed, malformed in (
        ({"option": 50, "substring": {"start": 0, "equals": "0a"}}, b"\x0a\0\0\1", b"\x0a\0\0"),
        ({"option": 50, "matches": ".*"}, b"\x0a\0\0\1", b"\x0a\0\0"),
        ({"option": 50, "exists": True}, b"\x0a\0\0\1", b"\x0a\0\0"),
        ({"option": 61, "prefix": "01"}, b"\1\2", b"\1"),
        ({"option": 6, "prefix": "1.2.3.4"}, b"\1\2\3\4", b"\1\2\3\4\5"),
        ({"option": 6, "contains": "1.2.3.4"}, b"\1\2\3\4", b"\1\2\3\4\5"),
        ({"option": 80, "exists": True}, b"", b"\0"),
        ({"option": 81, "matches": ".*"}, b"\0\0\0a", b"\0\0"),
        ({"option": 119, "in": [["a."]]}, b"\1a\0", b"\1a"),
        ({"option": 97, "exists": True}, b"\0ab", b""),
    ):
        code = test["option"]
        assert isinstance(code, int)
        assert holds(test, option(code, well_formed))
        assert not holds(test, option(code, malformed))
        assert holds({"not": test}, option(code, malformed))


def test_a_regular_expression_is_for_the_whole_text() -> None:
    packet = option(12, b"lab-7")
    for pattern, answer in (
        ("lab-7", True),
        ("lab", False),
        ("ab-7", False),
        (".*ab.*", True),
        ("(?i)LAB-[0-9]", True),
    ):
        assert holds({"option": 12, "matches": pattern}, packet) is answer
    assert holds({"option": 12, "matches": "a.b"}, option(12, b"a\xffb"))
    assert holds({"option": "client-id", "matches": "01000c.*"}, option(61, b"\1\0\x0c\1"))
    assert holds({"option": "routers", "matches": "10[.].*, 10[.].*"}, option(3, b"\x0a\0\0\1\x0a\0\0\2"))
    assert holds({"option": 82, "suboption": 1, "matches": "eth[0-9]+/[0-9]+"}, option(82, b"\1\6eth0/1"))


def test_a_regular_expression_is_not_tried_on_what_is_long() -> None:
    test = {"option": 12, "matches": "a*"}
    assert holds(test, option(12, b"a" * MAX_MATCHED))
    assert not holds(test, option(12, b"a" * (MAX_MATCHED + 1)))
    names = {"option": "dhcp-parameter-request-list", "matches": "subnet-mask(, subnet-mask)*"}
    most = (MAX_MATCHED + 2) // len("subnet-mask, ")
    assert holds(names, option(55, b"\1" * most))
    assert not holds(names, option(55, b"\1" * (most + 1)))


def test_a_class_is_asked_for_by_its_name() -> None:
    assert holds({"member": "KNOWN"}, Packet(), ("ALL", "KNOWN"))
    assert not holds({"member": "KNOWN"}, Packet(), {"ALL": None, "UNKNOWN": None})


def test_options_are_those_of_the_registry() -> None:
    registry = REGISTRY.with_definitions(
        [
            OptionDefinition(code=230, name="site-class", type="uint16", array=True),
            OptionDefinition(code=77, name="user-class", type="string"),
        ]
    )
    condition = condition_of({"option": "site-class", "contains": 258}, registry)
    assert [condition(option(230, data), ()) for data in (b"\1\2", b"\0\1\2\0", b"\0\1\1\2")] == [True, False, True]
    assert condition_of({"option": 77, "equals": "\4iPXE"}, registry)(option(77, b"\4iPXE"), ())
    assert condition_of({"field": "user-class", "equals": "iPXE"}, registry)(option(77, b"\4iPXE"), ())


# What people read


@pytest.mark.parametrize(
    ("test", "text"),
    [
        ({"option": 60, "prefix": 'a"b'}, 'vendor-class-identifier prefix "a\\"b"'),
        ({"option": 82, "suboption": 1, "equals": b"\1"}, "dhcp-agent-options.circuit-id equals 0x01"),
        ({"option": 125, "enterprise": 9, "suboption": 2, "exists": True}, "vivso-suboptions.9.option-2 exists true"),
        ({"field": "architecture", "in": [*range(12)]}, "architecture in [0, 1, 2, 3, 4, 5, 6, 7, and 4 more]"),
        ({"option": 12, "substring": {"start": 1, "equals": "a"}}, 'host-name substring { start = 1, equals = "a" }'),
        ({"member": "KNOWN"}, 'member "KNOWN"'),
        ({"not": {"member": "KNOWN"}}, 'not member "KNOWN"'),
        ({"all": [{"member": "KNOWN"}, {"member": "ALL"}]}, '(member "KNOWN" and member "ALL")'),
        ({"any": [{"member": "KNOWN"}, {"member": "ALL"}]}, '(member "KNOWN" or member "ALL")'),
    ],
)
def test_a_condition_has_a_text(test: Mapping[str, Any], text: str) -> None:
    assert str(condition_of(test)) == text


def test_an_explanation_has_what_decided_and_what_was_found() -> None:
    lab = {"option": 12, "prefix": "lab-"}
    even = {"option": 12, "matches": ".*[02468]"}
    packet = option(12, b"lab-7")
    yes, no = 'host-name prefix "lab-": yes, it is lab-7', 'host-name matches ".*[02468]": no, it is lab-7'
    for test, explanation in (
        (lab, yes),
        (even, no),
        ({"all": [lab, even]}, no),
        ({"all": [lab, lab]}, f"{yes}; {yes}"),
        ({"any": [even, lab]}, yes),
        ({"any": [even, even]}, f"{no}; {no}"),
        ({"not": lab}, f"not ({yes})"),
        ({"option": 60, "exists": True}, "vendor-class-identifier exists true: no, it is absent"),
        ({"option": 60, "exists": False}, "vendor-class-identifier exists false: yes, it is absent"),
        ({"member": "ALL"}, 'member "ALL": yes'),
    ):
        assert condition_of(test).explain(packet, ("ALL",)) == explanation


# Mistakes


@pytest.mark.parametrize(
    ("test", "key", "text"),
    [
        ("host-name", "test", "'host-name' is no test"),
        ([], "test", "[] is no test"),
        ({}, "test", "this says nothing of what is looked at"),
        ({"option": 12, "equal": "a"}, "test.equal", "a test has no 'equal'; is 'equals' meant?"),
        ({"option": 12, "regex": "a"}, "test.regex", "there are option, field"),
        ({"optoin": 12, "equals": "a"}, "test.optoin", "is 'option' meant?"),
        ({"option": 12}, "test", "compares with one of equals, in, prefix"),
        ({"option": 12, "equals": "a", "suffix": "a"}, "test", "this has 'equals' and 'suffix'; join"),
        ({"option": 12, "field": "giaddr", "exists": True}, "test", "this has 'option' and 'field'; join"),
        ({"option": 12, "equals": "a", "member": "ALL"}, "test", "this has 'option' and 'member'"),
        ({"member": "ALL", "equals": "a"}, "test", "'member' stands alone in its test, without 'equals'"),
        ({"not": {"member": "ALL"}, "suboption": 1}, "test", "'not' stands alone in its test, without 'suboption'"),
        ({"member": "KNOW"}, "test.member", "there is no class 'KNOW'; is 'KNOWN' meant?"),
        ({"member": "later"}, "test.member", "a test can name only classes that are before its own"),
        ({"member": 7}, "test.member", "there is no class 7"),
        ({"member": ["ALL"]}, "test.member", "there is no class ['ALL']"),
        ({"all": []}, "test.all", "'all' is a list of at least one test"),
        ({"any": {"member": "ALL"}}, "test.any", "'any' is a list of at least one test"),
        ({"any": "member"}, "test.any", "'any' is a list of at least one test"),
        ({"any": [{"member": "ALL"}, {"member": "x"}]}, "test.any[1].member", "there is no class 'x'"),
        ({"not": {"not": {"member": "x"}}}, "test.not.not.member", "there is no class 'x'"),
        ({"not": []}, "test.not", "[] is no test"),
        ({"option": "host-nam", "exists": True}, "test.option", "is 'host-name' "),
        ({"field": "giadr", "exists": True}, "test.field", "there is no field 'giadr'; is 'giaddr' meant?"),
        ({"field": 60, "exists": True}, "test.field", "there is no field 60"),
        ({"field": "host-name", "exists": True}, "test.field", "'host-name' is an option: write option = 'host-name'"),
        ({"field": "giaddr", "suboption": 1, "exists": True}, "test.suboption", "goes with option, not with field"),
        ({"field": "giaddr", "enterprise": 1, "exists": True}, "test.enterprise", "goes with option, not with field"),
        ({"field": "xid", "exists": True}, "test.exists", "every packet has xid"),
        ({"option": 12, "exists": "yes"}, "test.exists", "'yes' is neither true nor false"),
        ({"option": 12, "in": []}, "test.in", "a list of at least one value belongs here"),
        ({"option": 12, "in": "lab"}, "test.in", "a list of at least one value belongs here"),
        ({"option": 12, "in": ["a", 1]}, "test.in", "1 is not a text"),
        ({"field": "giaddr", "in": ["10.0.0.1/8"]}, "test.in", "has host bits set; a network is written as 10.0.0.0/8"),
        ({"field": "giaddr", "in": ["10.0.0"]}, "test.in", "'10.0.0' is not an IPv4 address"),
        ({"option": 12, "equals": 7}, "test.equals", "7 is not a text"),
        ({"option": 12, "equals": ""}, "test.equals", "at least one character is needed"),
        ({"option": 12, "prefix": ""}, "test.prefix", "it always holds"),
        ({"option": 12, "suffix": 1}, "test.suffix", "1 is not a text"),
        ({"option": 61, "contains": "xyz"}, "test.contains", "'xyz' is neither hexadecimal"),
        ({"option": 61, "equals": "01"}, "test.equals", "at least 2 are needed"),
        ({"option": 61, "equals": 1}, "test.equals", "1 is not a text"),
        ({"option": 51, "equals": "long"}, "test.equals", "'long' is not a whole number"),
        ({"option": 53, "equals": "discovery"}, "test.equals", "or one of discover, offer"),
        ({"field": "hops", "equals": 256}, "test.equals", "from 0 to 255"),
        ({"field": "giaddr", "prefix": "10."}, "test.prefix", "this is of type ipv4-address; use equals, in"),
        ({"option": "fqdn", "contains": "a"}, "test.contains", "this is of type record of flags"),
        ({"option": 12, "substring": "a"}, "test.substring", "this is written as { start = 0"),
        ({"option": 12, "substring": {"start": 0}}, "test.substring", "this is written as"),
        ({"option": 12, "substring": {"start": 0, "equals": "a", "end": 1}}, "test.substring", "this is written as"),
        ({"option": 12, "substring": {"start": "0", "equals": "a"}}, "test.substring", "are whole numbers"),
        ({"option": 12, "substring": {"start": True, "equals": "a"}}, "test.substring", "are whole numbers"),
        ({"option": 12, "substring": {"start": 0, "equals": ""}}, "test.substring", "it always holds"),
        ({"option": 12, "substring": {"start": 0, "length": 2, "equals": "a"}}, "test.substring", "it never holds"),
        (
            {"option": 12, "substring": {"start": -1, "equals": "ab"}},
            "test.substring",
            "it never holds: 1 bytes before",
        ),
        ({"option": 50, "substring": {"start": 0, "equals": "xy"}}, "test.substring", "'xy' is neither hexadecimal"),
        ({"option": 12, "matches": "("}, "test.matches", "'(' is not a regular expression: missing )"),
        ({"option": 12, "matches": "[[a]"}, "test.matches", "is not a regular expression: Possible nested set"),
        ({"option": 12, "matches": 1}, "test.matches", "1 is not a regular expression"),
    ],
)
def test_a_mistake_is_reported_at_its_key(test: Any, key: str, text: str) -> None:
    ((reported_key, reported_text),) = problems_of(test)
    assert reported_key == key
    assert text in reported_text


def test_every_mistake_of_a_test_is_reported() -> None:
    test = {"all": [{"option": 12, "prefx": "a", "sufix": "b"}, {"not": {"field": "a", "exists": True}}, {"any": []}]}
    keys = [key for key, _ in problems_of(test)]
    assert keys == ["test.all[0].prefx", "test.all[0].sufix", "test.all[1].not.field", "test.all[2].any"]


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
_OPERATORS = ("equals", "in", "prefix", "suffix", "contains", "substring", "matches", "exists")
_WORDS = ("option", "field", "member", "all", "any", "not", "enterprise", "suboption", *_OPERATORS)


@given(
    st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=3), _ANYTHING, max_size=4)
    | st.builds(
        lambda code, operator, operand: {"option": code, operator: operand},
        st.integers(1, 254),
        st.sampled_from(_OPERATORS),
        _ANYTHING,
    )
)
def test_whatever_is_written_for_a_test_is_compiled_or_reported(test: dict[str, Any]) -> None:
    problems_of(test)


# Against a plain reading of the language, by the values that the codec decodes


class Kind(NamedTuple):
    """What a generated test looks at, and values for it that often compare."""

    subject: dict[str, Any]
    code: int
    operands: SearchStrategy[Any]
    written: Callable[[Any], Any] = lambda operand: operand

    def data(self) -> SearchStrategy[bytes]:
        """The option's bytes: a value such as an operand, or a damaged one, or anything."""
        suboption = self.subject.get("suboption")
        values = self.operands.map(lambda operand: {suboption: operand} if suboption is not None else operand)
        encoded = values.map(lambda value: REGISTRY.spec(self.code).encode(value))
        return (
            encoded
            | encoded.map(lambda data: data + b"\0")
            | encoded.map(lambda data: data[:-1])
            | st.binary(max_size=6)
        )

    def values(self, packet: Packet) -> list[Any]:
        """The values that a packet has."""
        data, spec = packet.raw(self.code), REGISTRY.spec(self.code)
        if data is not None and "suboption" in self.subject:
            data, spec = first_suboption(data, self.subject["suboption"]), AGENT_OPTIONS.spec(self.subject["suboption"])
        try:
            value = None if data is None else spec.decode(data)
        except WireError:
            return []
        if value is None:
            return []
        if self.subject.get("field") == "architecture":
            return [*value]
        return [*value.classes] if self.code == 77 else [value]


AGENT_OPTIONS = REGISTRY.space("dhcp-agent-options")


def first_suboption(data: bytes, code: int) -> bytes | None:
    while len(data) >= 2 and len(data) >= 2 + data[1]:
        if data[0] == code:
            return data[2 : 2 + data[1]]
        data = data[2 + data[1] :]
    return None


_TEXTS = st.text("ab7é", min_size=1, max_size=4)
_ADDRESSES = st.sampled_from([IPv4Address("10.0.0.1"), IPv4Address("10.0.0.10"), IPv4Address("0.0.10.0")])
_NUMBERS = st.integers(0, 3)
KINDS = (
    Kind({"option": "host-name"}, 12, _TEXTS),
    Kind({"field": "vendor-class"}, 60, _TEXTS),
    Kind({"option": 82, "suboption": 6}, 82, _TEXTS),
    Kind({"option": 82, "suboption": 1}, 82, _TEXTS.map(str.encode), lambda value: f"0x{value.hex()}"),
    Kind({"option": "user-class"}, 77, st.lists(_TEXTS, min_size=1, max_size=2).map(tuple)),
    Kind({"option": "client-id"}, 61, st.binary(min_size=2, max_size=3), bytes.hex),
    Kind({"option": "dhcp-max-message-size"}, 57, _NUMBERS),
    Kind({"field": "architecture"}, 93, st.lists(_NUMBERS, min_size=1, max_size=2)),
    Kind({"option": "dhcp-requested-address"}, 50, _ADDRESSES, str),
    Kind(
        {"option": "routers"}, 3, st.lists(_ADDRESSES, min_size=1, max_size=3).map(tuple), lambda run: [*map(str, run)]
    ),
    Kind({"option": "parameter-request-list"}, 55, st.lists(_NUMBERS, min_size=1, max_size=3).map(tuple), list),
    Kind(
        {"option": "domain-search"},
        119,
        st.lists(st.sampled_from(["a.b", "b"]), min_size=1, max_size=2).map(tuple),
        list,
    ),
)

Reference = Callable[[Packet, Collection[str]], bool]


@st.composite
def comparisons(draw: DrawFn, kind: Kind, packet: Packet) -> tuple[dict[str, Any], Reference]:
    """A test of one thing, often for what a packet has of it, and what the test means."""
    operands = kind.operands
    if kind.code in (77, 93):  # any of several values
        operands = operands.map(lambda run: run[0])
    found = [value for value in kind.values(packet) if can_be_operand(kind, value)]
    if found:
        operands |= st.sampled_from(found).flatmap(parts)
    operand = draw(operands)
    compares: dict[str, Callable[[Any], bool]] = {"equals": lambda value: value == operand}
    written: dict[str, Any] = {"equals": kind.written(operand)}
    several = draw(st.lists(operands, min_size=1, max_size=3))
    compares["in"] = lambda value: value in several
    written["in"] = [kind.written(one) for one in several]
    if isinstance(operand, str | bytes | tuple) and kind.code != 119:
        size = len(operand)
        compares["prefix"] = lambda value: value[:size] == operand
        compares["suffix"] = lambda value: value[-size:] == operand
        compares["contains"] = lambda value: any(value[at : at + size] == operand for at in range(len(value)))
        written |= dict.fromkeys(("prefix", "suffix", "contains"), kind.written(operand))
    if isinstance(operand, str):
        compares["matches"] = lambda value: value.startswith(operand[0]) and len(value) > 1
        written["matches"] = f"{operand[0]}(?s:.)+"
    if isinstance(operand, bytes):
        start = draw(st.integers(-4, 4).filter(lambda start: not start < 0 < start + len(operand)))
        compares["substring"] = lambda value: value[start:][: len(operand)] == operand and len(value) >= -start
        written["substring"] = {"start": start, "equals": kind.written(operand)}
    operator = draw(st.sampled_from([*compares, "exists"]))
    if operator == "exists":
        wanted = draw(st.booleans())
        return {**kind.subject, operator: wanted}, lambda packet, _: bool(kind.values(packet)) is wanted
    compare = compares[operator]
    return {**kind.subject, operator: written[operator]}, lambda packet, _: any(map(compare, kind.values(packet)))


def can_be_operand(kind: Kind, value: Any) -> bool:
    try:
        kind.written(value)
        return not isinstance(value, str) or value.encode() != b""
    except UnicodeError:
        return False


def parts(value: Any) -> SearchStrategy[Any]:
    """A value, or a part of it that is long enough to be a value itself."""
    least = 2 if isinstance(value, bytes) else 1
    if (
        not isinstance(value, str | bytes | tuple)
        or len(value) <= least
        or (isinstance(value[0], str) and len(value[0]) > 1)
    ):
        return st.just(value)
    ends = st.tuples(st.integers(0, len(value)), st.integers(0, len(value)))
    return st.just(value) | ends.filter(lambda cut: cut[1] - cut[0] >= least).map(lambda cut: value[cut[0] : cut[1]])


def memberships() -> SearchStrategy[tuple[dict[str, Any], Reference]]:
    return st.sampled_from(BUILT_IN).map(lambda name: ({"member": name}, lambda _, members: name in members))


def combined(
    tests: SearchStrategy[tuple[dict[str, Any], Reference]],
) -> SearchStrategy[tuple[dict[str, Any], Reference]]:
    several = st.lists(tests, min_size=1, max_size=3)
    return (
        tests.map(lambda one: ({"not": one[0]}, lambda packet, members: not one[1](packet, members)))
        | several.map(
            lambda parts: (
                {"all": [test for test, _ in parts]},
                lambda *asked: all(holds(*asked) for _, holds in parts),
            )
        )
        | several.map(
            lambda parts: (
                {"any": [test for test, _ in parts]},
                lambda *asked: any(holds(*asked) for _, holds in parts),
            )
        )
    )


@st.composite
def cases(draw: DrawFn) -> tuple[Packet, dict[str, Any], Reference]:
    """A packet, a test, and what the test means."""
    data = {kind.code: kind.data() for kind in KINDS}
    present = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    packet = Packet(options={kind.code: draw(data[kind.code]) for kind in present})
    tests = st.sampled_from(present).flatmap(lambda kind: comparisons(kind, packet))
    tests |= st.sampled_from(KINDS).flatmap(lambda kind: comparisons(kind, packet))
    table, expected = draw(tests | st.recursive(tests | memberships(), combined, max_leaves=4))
    return packet, table, expected


@settings(max_examples=200)
@given(cases(), st.sets(st.sampled_from(BUILT_IN)))
def test_a_condition_is_what_the_language_says(
    case: tuple[Packet, dict[str, Any], Reference], members: set[str]
) -> None:
    packet, table, expected = case
    condition = condition_of(table)
    assert condition(packet, members) is expected(packet, members), condition.explain(packet, members)


@given(cases(), any_packets() | packets())
def test_any_packet_passes_a_test_or_does_not(case: tuple[Packet, dict[str, Any], Reference], other: Packet) -> None:
    condition = condition_of(case[1])
    for packet in (case[0], other):
        assert condition(packet, ()) in (True, False)
        assert condition.explain(packet, ()).isprintable()


_EVERY_OPTION = [
    condition_of({"option": spec.code, **comparison})
    for spec in REGISTRY
    if 0 < spec.code < 255
    for comparison in ({"exists": True}, {"matches": ".*"}, {"substring": {"start": 0, "equals": b"\0"}})
]


@settings(max_examples=50)
@given(
    hostile_bytes()
    | st.lists(options(malformed=True)).map(lambda some: Packet(options={one.code: one.data for one in some}).encode())
)
def test_any_bytes_that_make_a_packet_pass_a_test_or_do_not(data: bytes) -> None:
    try:
        packet = decode(data)
    except WireError:
        return
    for condition in _EVERY_OPTION:
        assert condition(packet, ()) in (True, False)
