"""Tests on packets, from the tables that a configuration has to functions that compare bytes (docs/classes.md)."""

import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from ..errors import EncodeError, WireError
from ..wire import REGISTRY, OptionRegistry, Packet
from ..wire.types import notation
from ..wire.types.addresses import Address, Address6
from ..wire.types.base import AnyType, Empty
from ..wire.types.composite import Array
from ..wire.types.integers import Boolean, Integer
from ..wire.types.strings import Opaque, Text
from .subjects import FIELDS, ReportProblem, Subject, is_well_formed, option_subject, suggestion

__all__ = ["MAX_MATCHED", "Condition", "compile_condition"]

MAX_MATCHED = 1024
"""The longest text, in characters and in bytes, that a regular expression is tried on: what it may cost has an end."""

_Test = Callable[[Packet, Collection[str]], bool]
_Holds = Callable[[bytes], bool]
"""Whether a comparison holds for a value that was read."""

_GROUPS = ("all", "any")
_SUBJECTS = ("option", "field", "member", *_GROUPS, "not")
_WITHIN = ("enterprise", "suboption")
_OPERATORS = ("equals", "in", "prefix", "suffix", "contains", "substring", "matches", "exists")
_KEYS = (*_SUBJECTS, *_WITHIN, *_OPERATORS)

_SHOWN_ITEMS = 8
"""How many values of a list a condition's text has."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled test; call it with a packet and the names of the classes that the packet is known to be in.

    It never raises, whatever the packet holds.

    Attributes:
        text: What it tests, for people: ``vendor-class prefix "PXEClient"``.
        test: What a call calls.
        explain: Says whether it holds for a packet, and why: ``vendor-class prefix "PXEClient": no, it is absent``.
    """

    text: str
    test: _Test
    explain: Callable[[Packet, Collection[str]], str]

    def __call__(self, packet: Packet, members: Collection[str]) -> bool:
        """Whether it holds."""
        return self.test(packet, members)

    def __str__(self) -> str:
        return self.text


def compile_condition(
    test: Mapping[str, Any],
    key: str,
    problem: ReportProblem,
    *,
    registry: OptionRegistry = REGISTRY,
    known_classes: Collection[str],
    later_classes: Collection[str] = (),
) -> Condition | None:
    """Compile a test.

    Args:
        test: The table, as docs/classes.md describes it.
        key: Its key in the configuration, ``class[0].test``.
        problem: Called with the key and the text of every mistake.
        registry: Where options are looked up.
        known_classes: What ``member`` may name.
        later_classes: Classes that it may not name, as they are decided later.

    Returns:
        The condition; None where there is a mistake.
    """
    return _Compiler(problem, registry, known_classes, later_classes).condition(test, key)


class _Compiler:
    def __init__(
        self,
        problem: ReportProblem,
        registry: OptionRegistry,
        known_classes: Collection[str],
        later_classes: Collection[str],
    ) -> None:
        self._problem = problem
        self._registry = registry
        self._known = known_classes
        self._later = later_classes

    def condition(self, test: Any, key: str) -> Condition | None:
        if not isinstance(test, Mapping):
            self._problem(key, f'{test!r} is no test; one is written as {{ option = "host-name", equals = "a" }}')
            return None
        unknown = [str(word) for word in test if word not in _KEYS]
        for word in unknown:
            self._problem(f"{key}.{word}", f"a test has no {word!r}; {suggestion(word, _KEYS)}")
        if unknown:
            return None
        subjects = [word for word in _SUBJECTS if word in test]
        if len(subjects) != 1:
            found = f"has {_listed(subjects)}" if subjects else "says nothing of what is looked at"
            self._problem(key, f"a test has one of {', '.join(_SUBJECTS)}; this {found}{_hint(subjects)}")
            return None
        (subject,) = subjects
        if subject in ("option", "field"):
            return self._comparison(test, subject, key)
        others = [word for word in test if word != subject]
        if others:
            self._problem(key, f"{subject!r} stands alone in its test, without {_listed(others)}")
            return None
        if subject == "member":
            return self._member(test["member"], f"{key}.member")
        if subject == "not":
            return self._negation(test["not"], f"{key}.not")
        return self._group(subject, test[subject], f"{key}.{subject}")

    def _member(self, name: Any, key: str) -> Condition | None:
        if isinstance(name, str) and name in self._known:
            return _membership(name)
        if isinstance(name, str) and name in self._later:
            text = f"a test can name only classes that are before its own, and {name!r} is not"
        else:
            text = f"there is no class {name!r}; {suggestion(str(name), self._known)}"
        self._problem(key, text)
        return None

    def _negation(self, test: Any, key: str) -> Condition | None:
        part = self.condition(test, key)
        return None if part is None else _negation(part)

    def _group(self, word: str, tests: Any, key: str) -> Condition | None:
        if not _is_list(tests) or not tests:
            self._problem(key, f"{word!r} is a list of at least one test")
            return None
        parts = [self.condition(test, f"{key}[{number}]") for number, test in enumerate(tests)]
        compiled = [part for part in parts if part is not None]
        if len(compiled) != len(parts):
            return None
        return _conjunction(compiled) if word == "all" else _disjunction(compiled)

    def _comparison(self, test: Mapping[str, Any], kind: str, key: str) -> Condition | None:
        operators = [word for word in _OPERATORS if word in test]
        if len(operators) != 1:
            found = f"has {_listed(operators)}" if operators else "has none"
            self._problem(key, f"a test compares with one of {', '.join(_OPERATORS)}; this {found}{_hint(operators)}")
            return None
        subject = self._field(test, key) if kind == "field" else self._option(test, key)
        if subject is None:
            return None
        (operator,) = operators
        operand = test[operator]
        try:
            text = f"{subject.name} {operator} {_shown(operand)}"
            if operator == "exists":
                return _existence(subject, operand, text)
            return _comparison(subject, _COMPARISONS[operator](subject.kind, operand), text)
        except EncodeError as error:
            self._problem(f"{key}.{operator}", error.message)
            return None

    def _option(self, test: Mapping[str, Any], key: str) -> Subject | None:
        return option_subject(test, key, self._problem, self._registry)

    def _field(self, test: Mapping[str, Any], key: str) -> Subject | None:
        name = test["field"]
        within = [word for word in _WITHIN if word in test]
        if within:
            self._problem(f"{key}.{within[0]}", f"{within[0]!r} goes with option, not with field")
            return None
        if isinstance(name, str) and name in FIELDS:
            return FIELDS[name]
        if isinstance(name, str) and name in self._registry:
            self._problem(f"{key}.field", f"{name!r} is an option: write option = {name!r}")
        else:
            self._problem(f"{key}.field", f"there is no field {name!r}; {suggestion(str(name), FIELDS)}")
        return None


# What tests are made of


def _membership(name: str) -> Condition:
    text = f"member {notation.quote(name)}"
    return Condition(
        text,
        lambda _, members: name in members,
        lambda _, members: f"{text}: {_yes_or_no(name in members)}",
    )


def _negation(part: Condition) -> Condition:
    test = part.test
    return Condition(
        f"not {part.text}",
        lambda packet, members: not test(packet, members),
        lambda packet, members: f"not ({part.explain(packet, members)})",
    )


def _conjunction(parts: Sequence[Condition]) -> Condition:
    tests = tuple(part.test for part in parts)

    def test(packet: Packet, members: Collection[str]) -> bool:
        return all(one(packet, members) for one in tests)

    def explain(packet: Packet, members: Collection[str]) -> str:
        failed = [part for part in parts if not part.test(packet, members)]
        return "; ".join(part.explain(packet, members) for part in failed[:1] or parts)

    return Condition(f"({' and '.join(part.text for part in parts)})", test, explain)


def _disjunction(parts: Sequence[Condition]) -> Condition:
    tests = tuple(part.test for part in parts)

    def test(packet: Packet, members: Collection[str]) -> bool:
        return any(one(packet, members) for one in tests)

    def explain(packet: Packet, members: Collection[str]) -> str:
        passed = [part for part in parts if part.test(packet, members)]
        return "; ".join(part.explain(packet, members) for part in passed[:1] or parts)

    return Condition(f"({' or '.join(part.text for part in parts)})", test, explain)


def _comparison(subject: Subject, holds: _Holds, text: str) -> Condition:
    read, split = subject.read, subject.split

    def test(packet: Packet, members: Collection[str]) -> bool:  # noqa: ARG001
        data = read(packet)
        if data is None:
            return False
        return holds(data) if split is None else any(map(holds, split(data)))

    return Condition(text, test, _explanation(subject, test, text))


def _existence(subject: Subject, operand: Any, text: str) -> Condition:
    if not isinstance(operand, bool):
        raise EncodeError(f"{operand!r} is neither true nor false")
    if subject.is_present is None:
        raise EncodeError(f"every packet has {subject.name}")
    present = _comparison(subject, subject.is_present, text).test
    test: _Test = present if operand else lambda packet, members: not present(packet, members)
    return Condition(text, test, _explanation(subject, test, text))


def _explanation(subject: Subject, test: _Test, text: str) -> Callable[[Packet, Collection[str]], str]:
    return lambda packet, members: f"{text}: {_yes_or_no(test(packet, members))}, it is {subject.show(packet)}"


# The operators: each makes of a type and an operand what says whether a value's bytes compare so


def _equals(kind: AnyType, operand: Any) -> _Holds:
    expected = _whole(kind, operand)
    if _has_one_spelling(kind):
        return lambda data: data == expected
    return _is_one_of(kind, [expected])


def _in(kind: AnyType, operand: Any) -> _Holds:
    if not _is_list(operand) or not operand:
        raise EncodeError("a list of at least one value belongs here")
    networks: list[tuple[int, int]] = []
    if isinstance(kind, Address):
        networks = [_network(one) for one in operand if _is_network(one)]
        operand = [one for one in operand if not _is_network(one)]
    expected = frozenset(_whole(kind, one) for one in operand)
    if networks:
        return lambda data: data in expected or _is_within(data, networks)
    if _has_one_spelling(kind):
        return lambda data: data in expected
    return _is_one_of(kind, expected)


def _prefix(kind: AnyType, operand: Any) -> _Holds:
    expected = _part("prefix", kind, operand)
    return _checked(kind, lambda data: data.startswith(expected))


def _suffix(kind: AnyType, operand: Any) -> _Holds:
    expected = _part("suffix", kind, operand)
    return _checked(kind, lambda data: data.endswith(expected))


def _contains(kind: AnyType, operand: Any) -> _Holds:
    expected = _part("contains", kind, operand)
    size = kind.of.size if isinstance(kind, Array) and kind.of.size is not None else 1
    if size == 1:
        return _checked(kind, lambda data: expected in data)

    def holds(data: bytes) -> bool:
        at = data.find(expected)
        while at % size and at >= 0:
            at = data.find(expected, at + 1)
        return at >= 0

    return _checked(kind, holds)


def _substring(kind: AnyType, operand: Any) -> _Holds:
    if not isinstance(operand, Mapping) or not {"start", "equals"} <= {*operand} <= {"start", "length", "equals"}:
        raise EncodeError('this is written as { start = 0, length = 9, equals = "PXEClient" }; length may be left out')
    expected = _octets(kind, operand["equals"])
    start = operand["start"]
    length = operand.get("length", len(expected))
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in (start, length)):
        raise EncodeError("start and length are whole numbers")
    if length != len(expected):
        raise EncodeError(f"it never holds: equals has {len(expected)} bytes, and length is {length}")
    if not expected:
        raise EncodeError("it always holds: equals is empty")
    if start < 0 < start + length:
        raise EncodeError(f"it never holds: {-start} bytes before the end there are no {length} bytes left")
    end = start + length or None
    return _checked(kind, lambda data: data[start:end] == expected)


def _matches(kind: AnyType, operand: Any) -> _Holds:
    if not isinstance(operand, str):
        raise EncodeError(f"{operand!r} is not a regular expression")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            fullmatch = re.compile(operand).fullmatch
    except (re.error, Warning, OverflowError, RecursionError) as error:
        raise EncodeError(f"{operand!r} is not a regular expression: {error}") from None
    text_of = _text_of(kind)

    def holds(data: bytes) -> bool:
        if len(data) > MAX_MATCHED:
            return False
        try:
            text = text_of(data)
        except WireError:
            return False
        return len(text) <= MAX_MATCHED and fullmatch(text) is not None

    return holds


_COMPARISONS: Mapping[str, Callable[[AnyType, Any], _Holds]] = {
    "equals": _equals,
    "in": _in,
    "prefix": _prefix,
    "suffix": _suffix,
    "contains": _contains,
    "substring": _substring,
    "matches": _matches,
}


# Types and values


def _has_one_spelling(kind: AnyType) -> bool:
    """Whether values of a type are equal exactly where their bytes are."""
    if isinstance(kind, Array):
        return _has_one_spelling(kind.of)
    return isinstance(kind, Text | Opaque | Integer | Address | Address6 | Boolean | Empty)


def _is_one_of(kind: AnyType, expected: Collection[bytes]) -> _Holds:
    """Compare values rather than bytes: names can be compressed, for example."""
    values = [kind.decode(data) for data in expected]

    def holds(data: bytes) -> bool:
        try:
            return data in expected or kind.decode(data) in values
        except WireError:
            return False

    return holds


def _checked(kind: AnyType, holds: _Holds) -> _Holds:
    """Well-formedness is looked at only where the bytes compare, which is seldom."""
    if isinstance(kind, Text) or (isinstance(kind, Opaque) and not kind.min_size and kind.size is None):
        return holds
    return lambda data: holds(data) and is_well_formed(kind, data)


def _whole(kind: AnyType, operand: Any) -> bytes:
    """The bytes of a value.

    Raises:
        EncodeError: The type has no such value.
    """
    data = kind.encode(_octets(kind, operand) if isinstance(kind, Opaque) else operand)
    return data.rstrip(b"\0") if isinstance(kind, Text) else data


def _part(operator: str, kind: AnyType, operand: Any) -> bytes:
    """The bytes of a part of a value, at least one."""
    if isinstance(kind, Text | Opaque):
        part = _octets(kind, operand)
    elif isinstance(kind, Array) and kind.of.size is not None and _has_one_spelling(kind):
        part = kind.encode(operand)
    else:
        raise EncodeError(
            f"{operator} is for texts, bytes and lists of values of one size, and this is of type {kind.name}; "
            "use equals, in, substring, matches or exists"
        )
    if not part:
        raise EncodeError("it always holds: nothing is part of everything")
    return part


def _octets(kind: AnyType, operand: Any) -> bytes:
    """The bytes that an operand stands for where a value's own bytes are compared."""
    if isinstance(operand, bytes):
        return operand
    if not isinstance(operand, str):
        raise EncodeError(f"{operand!r} is not a text")
    if isinstance(kind, Text):
        return notation.encode_utf8(operand)
    if isinstance(kind, Opaque) and kind.printable and operand[:2].lower() != "0x":
        return notation.encode_utf8(notation.unquoted(operand))
    return Opaque().parse_text(operand)


def _text_of(kind: AnyType) -> Callable[[bytes], str]:
    """What of a value's bytes makes the text that a regular expression is tried on; it may raise ``WireError``."""
    if isinstance(kind, Text) or (isinstance(kind, Opaque) and kind.printable):
        return notation.decode_utf8
    return lambda data: kind.to_text(kind.decode(data))


def _is_network(operand: Any) -> bool:
    return isinstance(operand, IPv4Network) or (isinstance(operand, str) and "/" in operand)


def _network(operand: Any) -> tuple[int, int]:
    """A prefix's address and mask."""
    try:
        network = IPv4Network(operand)
    except ValueError as error:
        raise EncodeError(f"{error}; a network is written as 10.0.0.0/8") from None
    return int(network.network_address), int(network.netmask)


def _is_within(data: bytes, networks: Sequence[tuple[int, int]]) -> bool:
    address_int = int.from_bytes(data, "big")
    return len(data) == 4 and any(address_int & mask_int == network_int for network_int, mask_int in networks)


# Words for people


def _is_list(operand: Any) -> bool:
    return isinstance(operand, Sequence | frozenset | set) and not isinstance(operand, str | bytes)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(map(repr, words))


def _hint(words: Sequence[str]) -> str:
    return "; join several tests with all or any" if words else ""


def _yes_or_no(answer: bool) -> str:
    return "yes" if answer else "no"


def _shown(operand: Any) -> str:
    """An operand as it stands in the configuration, on one line."""
    if isinstance(operand, str):
        return notation.quote(operand)
    if isinstance(operand, bytes):
        return f"0x{operand.hex()}"
    if isinstance(operand, bool):
        return str(operand).lower()
    if isinstance(operand, Mapping):
        return f"{{ {', '.join(f'{word} = {_shown(value)}' for word, value in operand.items())} }}"
    if _is_list(operand):
        shown = [_shown(one) for one in list(operand)[:_SHOWN_ITEMS]]
        more = len(operand) - len(shown)
        return f"[{', '.join(shown)}{f', and {more} more' if more else ''}]"
    return str(operand)
