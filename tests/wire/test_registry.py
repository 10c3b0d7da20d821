import contextlib
import re
import time
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhcpcallout.codes import AgentSubOption, OptionCode
from dhcpcallout.errors import ConfigError, EncodeError, UnknownOptionError, WireError
from dhcpcallout.testing.strategies.values import option_values, options
from dhcpcallout.wire.option import Option, OptionSpace, OptionSpec
from dhcpcallout.wire.registry import REGISTRY, TYPE_NAMES, OptionDefinition

ASSIGNED = (
    {*range(1, 84), *range(85, 96), *range(97, 102), 108, 109, *range(112, 115), *range(116, 126)}
    | {*range(128, 149), *range(150, 160), 161, 162, *range(175, 178), *range(208, 214), 220, 221}
    | {249, 252}
)
"""IANA's assigned codes, but for pad and end; and two private ones."""

SPACES = [REGISTRY.space(name) for name in ("dhcp4", *REGISTRY.spaces)]
CODECS = {spec.type: (space, spec) for space in reversed(SPACES) for spec in space}
"""One option for each codec: rows of the same type share theirs."""

every_codec = pytest.mark.parametrize(
    ("space", "spec"), CODECS.values(), ids=[f"{space.name}-{spec.name}" for space, spec in CODECS.values()]
)
octets = st.binary(max_size=48) | st.lists(st.sampled_from(b"\0\1\2\3\4\5A.\xc0\xff"), max_size=24).map(bytes)
WORDS = (
    "{", "}", "{}", '"', "=", ":", "\\", "1", "255", "0x10", "0x01", "0a0b", "true", "192.0.2.1",
    "10.0.0.0/8", "via", "a.b", "option-1=", "1=", "1:", "name=", "flags=", "e", "names=", "addresses=",
    "bare", "-1", "2001:db8::1", "1.5", " ", ", ",
)  # fmt: skip
words = st.text(max_size=4) | st.sampled_from(WORDS)
scalars = st.none() | st.booleans() | st.integers(-2, 300) | st.floats() | words | st.binary(max_size=6)
keys = st.sampled_from(["name", "flags", "names", "options", "enterprise", "1", "circuit-id", "destination"]) | words
configured = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
"""What a configuration file can hold in place of an option's value."""


def assert_round_trips(spec: OptionSpec, value: object) -> None:
    data = spec.encode(value)
    assert spec.decode(data) == value
    text = spec.to_text(value)
    assert text.isprintable()
    assert spec.parse_text(text) == value
    hash(value)


def assert_value_or_error(spec: OptionSpec, octets: bytes) -> None:
    value, error = None, None
    try:
        value = spec.decode(octets)
    except WireError as raised:
        error = raised
    if error is None:
        assert_round_trips(spec, value)
    else:
        assert error.code == spec.code
        assert 0 <= error.offset <= len(octets)


def test_every_assigned_code_has_a_row_with_a_reference() -> None:
    assert {spec.code for spec in REGISTRY} == ASSIGNED
    assert all(spec.reference for space in SPACES for spec in space)


def test_rows_come_in_the_order_of_their_codes() -> None:
    codes = [spec.code for spec in REGISTRY]
    assert codes == sorted(codes)
    assert len(REGISTRY) == len(codes)


def test_every_enum_member_is_its_name_in_capitals() -> None:
    for code in OptionCode:
        if code not in (OptionCode.PAD, OptionCode.END):
            assert REGISTRY.spec(code).name == code.name.lower().replace("_", "-")
    for sub_code in AgentSubOption:
        assert REGISTRY.space("dhcp-agent-options").spec(sub_code).name == sub_code.name.lower().replace("_", "-")


def test_names_and_aliases_are_unique() -> None:
    for space in SPACES:
        names = [name for spec in space for name in (spec.name, *spec.aliases)]
        assert len(names) == len(set(names))
        assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (6, 6),
        (OptionCode.ROUTERS, 3),
        ("routers", 3),
        ("Domain_Name_Servers", 6),
        (" host-name ", 12),
        ("bootfile-name", 67),
        ("relay-agent-information", 82),
        ("224", 224),
        ("option-224", 224),
        ("option-3", 3),
    ],
)
def test_an_option_is_found_by_code_name_alias_and_number(asked: int | str, code: int) -> None:
    assert REGISTRY.spec(asked).code == code


def test_a_misspelt_name_is_answered_with_the_right_one() -> None:
    with pytest.raises(UnknownOptionError, match="'ruoters'; is 'routers' meant"):
        REGISTRY.spec("ruoters")
    with pytest.raises(UnknownOptionError, match="by name or by number"):
        REGISTRY.spec("qqqqqqqqqqqq")


@pytest.mark.parametrize("asked", [256, -1, "256", "option-70000", "999999999999999999999999", "²"])
def test_a_code_out_of_range_is_no_option(asked: int | str) -> None:
    with pytest.raises(UnknownOptionError):
        REGISTRY.spec(asked)


def test_an_unassigned_code_is_bytes_named_by_its_number() -> None:
    spec = REGISTRY.spec(233)
    assert (spec.name, spec.reference) == ("option-233", "")
    assert spec.decode(b"\x0a\x0b") == b"\x0a\x0b"
    assert spec.to_text(b"\x0a\x0b") == "0a0b"
    assert REGISTRY.get(233) is None
    assert 233 not in REGISTRY
    assert "option-233" not in REGISTRY


def test_get_and_in_tell_what_is_assigned() -> None:
    assert REGISTRY.get("routers") is REGISTRY.spec(3)
    assert REGISTRY.get("ruoters") is None
    assert 3 in REGISTRY
    assert "dns-servers" in REGISTRY
    assert repr(REGISTRY) == f"<OptionRegistry dhcp4 of {len(ASSIGNED)} options>"
    assert None not in REGISTRY


def test_an_unknown_space_is_answered_with_those_that_there_are() -> None:
    assert REGISTRY.space("dhcp4") is REGISTRY
    with pytest.raises(UnknownOptionError, match="dhcp-agent-options"):
        REGISTRY.space("agent")


@every_codec
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_every_well_formed_value_survives_the_wire_and_text(
    space: OptionSpace, spec: OptionSpec, data: st.DataObject
) -> None:
    assert_round_trips(spec, data.draw(option_values(spec.code, space=space)))


@every_codec
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(octets=octets)
def test_any_bytes_give_a_value_that_round_trips_or_a_wire_error(
    space: OptionSpace, spec: OptionSpec, octets: bytes
) -> None:
    assert_value_or_error(spec, octets)


@every_codec
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(value=configured)
def test_any_configured_value_is_encoded_or_an_encode_error(
    space: OptionSpace, spec: OptionSpec, value: object
) -> None:
    with contextlib.suppress(EncodeError):
        assert_round_trips(spec, spec.decode(spec.encode(value)))


@every_codec
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.lists(words, max_size=6).map("".join))
def test_any_text_is_parsed_or_an_encode_error(space: OptionSpace, spec: OptionSpec, text: str) -> None:
    with contextlib.suppress(EncodeError):
        assert_round_trips(spec, spec.parse_text(text))


@given(option=options())
def test_options_of_every_code_have_well_formed_values(option: Option) -> None:
    assert 1 <= option.code <= 254
    assert_round_trips(option.spec, option.value)


@settings(max_examples=300)
@given(option=options(malformed=True))
def test_malformed_options_of_every_code_raise_nothing_but_wire_errors(option: Option) -> None:
    assert_value_or_error(option.spec, option.data)


@pytest.mark.parametrize("code", range(256))
def test_every_code_reads_every_short_value_as_a_value_or_a_wire_error(code: int) -> None:
    spec = REGISTRY.spec(code)
    for octets in (b"", b"\0", b"\xff", bytes(2), bytes(4), bytes(8), b"\1\1\1", b"\xff" * 16, bytes(range(40))):
        assert_value_or_error(spec, octets)


PATTERNS = (bytes(4), b"\1a", b"\1a\0", b"\0\1a\0\xc0\1", b"\0\5\0\1\1", b'a{ ,"=')


@every_codec
def test_time_is_linear_in_the_value(space: OptionSpace, spec: OptionSpec) -> None:
    def seconds(pattern: bytes, size: int) -> float:
        octets = (pattern * size)[:size]
        begin = time.process_time()
        with contextlib.suppress(WireError):
            spec.parse_text(spec.to_text(spec.decode(octets)))
        return time.process_time() - begin

    # Sixteen times the bytes take 256 times as long where time grows with the square. What else the machine does can
    # only make a try look worse, so one good try of several will do.
    for pattern in PATTERNS:
        assert any(seconds(pattern, 8192) <= 64 * seconds(pattern, 512) + 0.001 for _ in range(5)), pattern


def test_options_of_ones_own_are_looked_up_beside_the_assigned_ones() -> None:
    registry = REGISTRY.define(224, "site-printers", "ipv4-address", array=True)
    assert registry.spec("site-printers").code == 224
    assert registry.encode_value("site-printers", ["192.0.2.1"]) == (224, b"\xc0\0\2\1")
    assert registry.option(224, b"\xc0\0\2\1").value == (IPv4Address("192.0.2.1"),)
    assert registry.spec("routers").encode("192.0.2.1") == b"\xc0\0\2\1"
    assert REGISTRY.get(224) is None


@pytest.mark.parametrize(
    ("definition", "value", "hexadecimal", "text"),
    [
        ({}, b"\1\2", "0102", "0102"),
        ({"type": "string"}, "a b", "612062", "a b"),
        ({"type": "int16"}, -2, "fffe", "-2"),
        ({"type": "boolean"}, True, "01", "true"),
        ({"type": "empty"}, True, "", "true"),
        ({"type": "fqdn", "array": True}, ("a.b", "c"), "0161016200016300", "a.b, c"),
        ({"type": "uint16", "array": True}, (1, 2), "00010002", "1, 2"),
        ({"type": "tuple", "array": True}, ("a", "b c"), "016103622063", 'a, "b c"'),
        ({"record": ("uint8", "string")}, (7, "a b"), "07612062", '7 "a b"'),
        (
            {"type": "record", "record": ("uint8", "fqdn"), "array": True},
            ((1, "a"), (2, "b")),
            "01016100020162" + "00",
            "1 a, 2 b",
        ),
    ],
)
def test_a_definition_gives_its_values_bytes_and_text(
    definition: dict[str, Any], value: object, hexadecimal: str, text: str
) -> None:
    spec = REGISTRY.define(250, "mine", **definition).spec("mine")
    assert spec.encode(value).hex() == hexadecimal
    assert spec.decode(bytes.fromhex(hexadecimal)) == value
    assert spec.to_text(value) == text
    assert spec.parse_text(text) == value


@pytest.mark.parametrize("name", [name for name in TYPE_NAMES if name != "record"])
@given(data=st.data())
@settings(max_examples=20)
def test_every_type_can_be_used_in_definitions(name: str, data: st.DataObject) -> None:
    registry = REGISTRY.define(230, "mine", name).define(231, "fields", record=("uint8", name))
    for code in (230, 231):
        assert_round_trips(registry.spec(code), data.draw(option_values(code, space=registry)))


def test_sub_options_of_ones_own_are_known_within_their_option() -> None:
    registry = REGISTRY.with_definitions(
        [
            OptionDefinition(60, "colour", "string", space="site"),
            OptionDefinition(1, "size", "uint16", space="site"),
            OptionDefinition(225, "site-options", encapsulates="site"),
        ]
    )
    code, data = registry.encode_value("site-options", {"size": 7, "colour": "red", 9: b"\1"})
    assert (code, data) == (225, bytes.fromhex("010200073c03726564090101"))
    option = registry.option(225, data)
    assert option.text == "size=7, colour=red, option-9=01"
    assert option.value.get("size").value == 7
    assert "site" in registry.spaces
    assert registry.space("site").spec("colour").code == 60


def test_sub_options_are_added_to_the_spaces_that_there_are() -> None:
    registry = REGISTRY.define(200, "floor", "uint8", space="dhcp-agent-options")
    assert registry.option(82, b"\xc8\1\3\1\1a").text == 'floor=3, circuit-id="a"'
    assert REGISTRY.option(82, b"\xc8\1\3").text == "option-200=03"
    registry = registry.define(1, "model", "string", space="vendor-32473")
    assert registry.option(125, b"\0\0\x7e\xd9\3\1\1X").text == "32473 model=X"
    assert registry.option(82, b"\xc8\1\3").text == "floor=3"


def test_assigned_options_can_be_defined_anew() -> None:
    registry = REGISTRY.define(150, "grub-config", "string").define(
        43, "vendor-encapsulated-options", encapsulates="pxe"
    )
    assert registry.option(150, b"(nd)/menu").text == "(nd)/menu"
    assert "tftp-server-address" not in registry
    assert (
        registry.option(43, bytes.fromhex("0601080a050073746f70ff")).text
        == "discovery-control=8, menu-prompt={timeout-s=0 prompt=stop}"
    )


def test_an_option_moves_to_its_new_definition_when_defined_twice_in_turn() -> None:
    registry = REGISTRY.define(224, "mine", "uint8").define(224, "mine", "uint16")
    assert registry.spec("mine").encode(1) == b"\0\1"


@pytest.mark.parametrize(
    ("definition", "key", "problem"),
    [
        (OptionDefinition(0, "mine"), "code", "from 1 to 254"),
        (OptionDefinition(255, "mine"), "code", "from 1 to 254"),
        (OptionDefinition(224, "Mine"), "name", "small letters"),
        (OptionDefinition(224, ""), "name", "small letters"),
        (OptionDefinition(224, "option-225"), "name", "small letters"),
        (OptionDefinition(224, "17"), "name", "small letters"),
        (OptionDefinition(224, "routers"), "name", "option 3"),
        (OptionDefinition(224, "bootfile-name"), "name", "option 67"),
        (OptionDefinition(224, "mine", "uint12"), "type", "uint16"),
        (OptionDefinition(224, "mine", "record"), "record", "missing"),
        (OptionDefinition(224, "mine", "uint8", record=("uint8",)), "type", "record"),
        (OptionDefinition(224, "mine", record=("uint8", "word")), "record", "'word'"),
        (OptionDefinition(224, "mine", record=("string", "uint8")), "record", "use tuple"),
        (OptionDefinition(224, "mine", record=("uint8", "binary"), array=True), "record", "use tuple"),
        (OptionDefinition(224, "mine", array=True), "array", "use tuple"),
        (OptionDefinition(224, "mine", "empty", array=True), "array", "no end"),
        (OptionDefinition(224, "mine", space="nowhere"), "space", "'nowhere'"),
        (OptionDefinition(224, "mine", "uint8", encapsulates="site"), "encapsulates", "no type"),
        (OptionDefinition(224, "mine", encapsulates="dhcp4"), "encapsulates", "sub-options"),
    ],
)
def test_what_is_wrong_with_a_definition_is_told(definition: OptionDefinition, key: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        REGISTRY.with_definitions([definition])
    (found,) = raised.value.problems
    assert found.key == f"option-definition[0].{key}"
    assert problem in found.problem


def test_everything_that_is_wrong_is_told_at_once() -> None:
    definitions = [
        OptionDefinition(224, "a", "b"),
        OptionDefinition(225, "c"),
        OptionDefinition(225, "d"),
        OptionDefinition(0, "E"),
    ]
    with pytest.raises(ConfigError) as raised:
        REGISTRY.with_definitions(definitions)
    keys = [found.key.removeprefix("option-definition") for found in raised.value.problems]
    assert keys == ["[0].type", "[2].code", "[3].code", "[3].name"]


def test_two_definitions_cannot_share_a_name() -> None:
    with pytest.raises(ConfigError, match="option 224"):
        REGISTRY.with_definitions([OptionDefinition(224, "mine"), OptionDefinition(225, "mine")])


@pytest.mark.parametrize(
    "definitions",
    [
        [OptionDefinition(1, "inner", encapsulates="a", space="a"), OptionDefinition(224, "outer", encapsulates="a")],
        [OptionDefinition(1, "x", encapsulates="b", space="a"), OptionDefinition(1, "y", encapsulates="a", space="b")],
        [OptionDefinition(200, "x", encapsulates="dhcp-agent-options", space="vendor-9")],
    ],
)
def test_sub_options_cannot_hold_themselves(definitions: list[OptionDefinition]) -> None:
    with pytest.raises(ConfigError, match="would hold itself"):
        REGISTRY.with_definitions(definitions)
