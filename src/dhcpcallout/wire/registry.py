"""Every DHCP option by code and by name, and users' own options beside them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import ConfigError, Problem, UnknownOptionError
from .option import Option, OptionSpace, OptionSpec
from .suboptions import Encapsulated
from .table import DHCP4, SPACES
from .types.addresses import Address, Address6
from .types.base import AnyType, Empty
from .types.composite import Array, LengthPrefixed, Record, plain_tuple
from .types.integers import Boolean, Integer
from .types.names import DomainName
from .types.strings import Opaque, Text

__all__ = ["REGISTRY", "TYPE_NAMES", "Option", "OptionDefinition", "OptionRegistry", "OptionSpec"]

_TYPES: dict[str, AnyType] = {
    "binary": Opaque(),
    "boolean": Boolean(),
    "empty": Empty(),
    "fqdn": DomainName(),
    "int8": Integer(8, signed=True),
    "int16": Integer(16, signed=True),
    "int32": Integer(32, signed=True),
    "ipv4-address": Address(),
    "ipv6-address": Address6(),
    "string": Text(),
    "tuple": LengthPrefixed(Text()),
    "uint8": Integer(8),
    "uint16": Integer(16),
    "uint32": Integer(32),
    "uint64": Integer(64),
}
TYPE_NAMES = (*_TYPES, "record")
"""What ``OptionDefinition.type`` can be."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_NUMBERED = re.compile(r"(option-)?[0-9]+")


@dataclass(frozen=True, slots=True)
class OptionDefinition:
    """An option that a user defines.

    Attributes:
        code: Its number, 1 to 254; 224 to 254 are for private use. An option that IANA has assigned can be defined
            anew.
        name: Small letters, digits and hyphens; not another option's.
        type: ``binary``, ``boolean``, ``empty``, ``fqdn`` (a domain name), ``int8``, ``int16``, ``int32``, ``uint8``,
            ``uint16``, ``uint32``, ``uint64``, ``ipv4-address``, ``ipv6-address``, ``string`` (the rest of the option),
            ``tuple`` (a text after its length in one byte) or ``record``.
        array: Whether the option holds one value of that type after the other, to its end.
        record: The types of a record's fields.
        encapsulates: The space of the sub-options that make up the option's value, instead of a type. A space comes
            into being by being named here.
        space: The space that the code belongs to: "dhcp4", or that of an option's sub-options; "vendor-N" for those of
            the vendor with the enterprise number N, in option 125.
    """

    code: int
    name: str
    type: str = ""
    array: bool = False
    record: tuple[str, ...] = ()
    encapsulates: str = ""
    space: str = DHCP4


class OptionRegistry(OptionSpace):
    """DHCP's options, and the spaces of their sub-options. It never changes.

    Args:
        spaces: The rows of each space; "dhcp4" holds DHCP's own options.
        definitions: Those of them that a user has defined.

    Attributes:
        definitions: The same, as a tuple.
    """

    def __init__(
        self, spaces: Mapping[str, Iterable[OptionSpec]], definitions: Iterable[OptionDefinition] = ()
    ) -> None:
        self.definitions = tuple(definitions)
        bound: dict[str, OptionSpace] = {}

        def rows(specs: Iterable[OptionSpec]) -> Iterator[OptionSpec]:
            return (replace(spec, type=spec.type.bind(bound)) for spec in specs)

        super().__init__(DHCP4, rows(spaces[DHCP4]), max_code=255)
        bound |= {name: OptionSpace(name, rows(specs)) for name, specs in spaces.items() if name != DHCP4}
        self._spaces = bound

    @property
    def spaces(self) -> tuple[str, ...]:
        """The names of the sub-options' spaces."""
        return tuple(self._spaces)

    def space(self, name: str) -> OptionSpace:
        """The options of a space.

        Raises:
            UnknownOptionError: There is no such space.
        """
        if name == DHCP4:
            return self
        try:
            return self._spaces[name]
        except KeyError:
            raise UnknownOptionError(
                f"there is no space {name!r}; there are {DHCP4}, {', '.join(self._spaces)}"
            ) from None

    def define(
        self,
        code: int,
        name: str,
        type: str = "",  # noqa: A002 # the configuration's word
        *,
        array: bool = False,
        record: Iterable[str] = (),
        encapsulates: str = "",
        space: str = DHCP4,
    ) -> "OptionRegistry":
        """A registry with one more option; this one stays as it is.

        The arguments are ``OptionDefinition``'s attributes.

        Raises:
            ConfigError: With everything that is wrong with it.
        """
        return self.with_definitions([OptionDefinition(code, name, type, array, tuple(record), encapsulates, space)])

    def with_definitions(self, definitions: Iterable[OptionDefinition]) -> "OptionRegistry":
        """A registry with more options; this one stays as it is.

        Raises:
            ConfigError: With everything that is wrong with them; a key is ``option-definition[0].type``.
        """
        definitions = tuple(definitions)
        rows = {name: {spec.code: spec for spec in self.space(name)} for name in (DHCP4, *self._spaces)}
        for definition in definitions:
            if definition.encapsulates:
                rows.setdefault(definition.encapsulates, {})
        problems: list[Problem] = []
        defined: set[tuple[str, int]] = set()
        for number, definition in enumerate(definitions):
            if re.fullmatch(r"vendor-[0-9]{1,10}", definition.space):
                rows.setdefault(definition.space, {})
            found = [*_problems(definition, rows)]
            if (definition.space, definition.code) in defined:
                found.append(("code", f"{definition.code} is defined above already"))
            defined.add((definition.space, definition.code))
            problems += (Problem("", None, f"option-definition[{number}].{key}", text) for key, text in found)
            if not found:
                spec = OptionSpec(definition.code, definition.name, _type_of(definition), "defined by the user")
                rows[definition.space][definition.code] = spec
        problems += _cycles(definitions, rows)
        if problems:
            raise ConfigError(problems)
        spaces = {name: tuple(specs.values()) for name, specs in rows.items()}
        earlier = (one for one in self.definitions if (one.space, one.code) not in defined)
        return OptionRegistry(spaces, (*earlier, *definitions))


def _type_of(definition: OptionDefinition) -> AnyType:
    if definition.encapsulates:
        return Encapsulated(definition.encapsulates, marks=True)
    value_type: AnyType
    if definition.record:
        value_type = Record(plain_tuple, [("", _TYPES[name]) for name in definition.record], named=False)
    else:
        value_type = _TYPES[definition.type or "binary"]
    return Array(value_type) if definition.array else value_type


def _problems(definition: OptionDefinition, rows: Mapping[str, Mapping[int, OptionSpec]]) -> Iterator[tuple[str, str]]:
    """What is wrong with a definition: the field, and the text."""
    if not 1 <= definition.code <= 254:
        yield "code", f"{definition.code} is not a code from 1 to 254"
    if not _NAME.fullmatch(definition.name) or _NUMBERED.fullmatch(definition.name):
        yield "name", f"{definition.name!r} is not a name of small letters, digits and hyphens"
    if definition.space not in rows:
        yield "space", f"no option encapsulates the space {definition.space!r}; there are {', '.join(rows)}"
    for spec in rows.get(definition.space, {}).values():
        if spec.code != definition.code and definition.name in (spec.name, *spec.aliases):
            yield "name", f"{definition.name!r} is the name of option {spec.code}"
    yield from _type_problems(definition)


def _type_problems(definition: OptionDefinition) -> Iterator[tuple[str, str]]:
    if definition.encapsulates:
        if definition.type not in ("", "empty") or definition.array or definition.record:
            yield "encapsulates", "an option that holds sub-options has no type, record or array"
        if definition.encapsulates == DHCP4:
            yield "encapsulates", f"{DHCP4!r} is not a space of sub-options"
        return
    known = ", ".join(_TYPES)
    if definition.record and definition.type not in ("", "record"):
        yield "type", f"{definition.type!r} has no fields; with record it is 'record', or left out"
    elif definition.type == "record" and not definition.record:
        yield "record", f"the fields' types are missing; they are {known}"
    elif not definition.record and definition.type not in ("", *_TYPES):
        yield "type", f"{definition.type!r} is not a type; there are {known}, record"
    unknown = [name for name in definition.record if name not in _TYPES]
    if unknown:
        yield "record", f"{', '.join(map(repr, unknown))}: a field's type is one of {known}"
        return
    fields = definition.record or ((definition.type or "binary",) if definition.type in ("", *_TYPES) else ())
    followed = fields if definition.array else fields[:-1]
    for name in followed:
        if name in ("binary", "string"):
            yield (
                "record" if definition.record else "array",
                f"{name!r} ends with the option, so none can follow; use tuple",
            )
    if definition.array and fields and all(name == "empty" for name in fields):
        yield "array", "a list of nothing but 'empty' has no end"


def _cycles(definitions: Sequence[OptionDefinition], spaces: Iterable[str]) -> Iterator[Problem]:
    """Definitions that put a space within itself: a message could nest its values without end."""
    within: dict[str, set[str]] = {"dhcp-agent-options": {name for name in spaces if name.startswith("vendor-")}}
    for definition in definitions:
        within.setdefault(definition.space, set()).add(definition.encapsulates)
    for number, definition in enumerate(definitions):
        reached: set[str] = set()
        ahead = {definition.encapsulates}
        while ahead:
            reached |= ahead
            ahead = {inner for name in ahead for inner in within.get(name, ())} - reached
        if definition.space in reached - {DHCP4}:
            text = f"the space {definition.space!r} would hold itself"
            yield Problem("", None, f"option-definition[{number}].encapsulates", text)


REGISTRY = OptionRegistry(SPACES)
"""The options that IANA has assigned, and well-known private ones."""
