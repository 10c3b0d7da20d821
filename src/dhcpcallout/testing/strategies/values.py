"""Hypothesis strategies for options: typed values, their bytes, and bytes that may be malformed."""

from ipaddress import IPv4Network
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...codes import OptionCode
from ...errors import EncodeError
from ...wire.option import Option, OptionSpace, OptionSpec
from ...wire.registry import REGISTRY
from ...wire.suboptions import Encapsulated, SubOptions, VendorEncapsulated, VendorIdentified, VendorOptions
from ...wire.types.addresses import Address, Address6
from ...wire.types.base import AnyType, Empty
from ...wire.types.client import ClientFqdn, FqdnFlags, FullyQualifiedName, UserClass, UserClasses
from ...wire.types.composite import Array, LengthPrefixed, Record
from ...wire.types.integers import Boolean, Flags, Integer, Named
from ...wire.types.location import Location
from ...wire.types.names import DomainName, join_labels
from ...wire.types.routes import ClasslessRoute, Route
from ...wire.types.services import NamesOrAddresses, Servers
from ...wire.types.strings import Opaque, Text

__all__ = ["option_data", "option_values", "options"]

_MAX_ITEMS = 4
_MAX_TEXT = 20


def option_values(code_or_name: int | str, *, space: OptionSpace = REGISTRY) -> SearchStrategy[Any]:
    """Typed values of an option: what ``OptionSpec.decode`` can return, odd ones included.

    Args:
        code_or_name: The option.
        space: Where it is looked up: a registry, or the space of an option's sub-options.

    Raises:
        UnknownOptionError: There is no such option.
    """
    return _values(space.spec(code_or_name).type)


def option_data(code_or_name: int | str, *, space: OptionSpace = REGISTRY) -> SearchStrategy[bytes]:
    """The bytes of well-formed values of an option.

    Args:
        code_or_name: The option.
        space: Where it is looked up: a registry, or the space of an option's sub-options.

    Raises:
        UnknownOptionError: There is no such option.
    """
    spec = space.spec(code_or_name)
    return _values(spec.type).map(spec.encode)


def options(*, malformed: bool = False, space: OptionSpace = REGISTRY) -> SearchStrategy[Option]:
    """Options of every code but pad and end, assigned or not, with well-formed values.

    Args:
        malformed: Take any bytes for the values instead.
        space: Where they are looked up.
    """
    assigned = st.sampled_from([spec.code for spec in space])
    codes = assigned | st.integers(OptionCode.PAD + 1, OptionCode.END - 1)
    return codes.flatmap(lambda code: _options_of(space.spec(code), malformed=malformed))


def _options_of(spec: OptionSpec, *, malformed: bool) -> SearchStrategy[Option]:
    data = st.binary(max_size=64) if malformed else _values(spec.type).map(spec.encode)
    return data.map(lambda octets: Option(spec.code, octets, spec))


def _values(kind: AnyType) -> SearchStrategy[Any]:  # one line a type
    match kind:
        case Empty():
            return st.just(True)
        case Boolean():
            return st.booleans()
        case Flags():
            return st.integers(0, 255).map(kind.flags)
        case Named():
            return st.integers(0, kind.maximum).map(lambda number: kind.decode(kind.encode(number)))
        case Integer():
            return st.integers(kind.minimum, kind.maximum)
        case Address():
            return st.ip_addresses(v=4)
        case Address6():
            return st.ip_addresses(v=6)
        case Text():
            return _texts(kind)
        case Opaque():
            if kind.size is not None:
                return st.binary(min_size=kind.size, max_size=kind.size)
            return st.binary(min_size=kind.min_size, max_size=2 * _MAX_TEXT)
        case DomainName():
            return _labels().map(lambda labels: join_labels(labels) or ".")
        case ClasslessRoute():
            return st.builds(Route, _networks(), st.ip_addresses(v=4))
        case Location():
            return st.tuples(*(st.integers(0, (1 << bits.width) - 1).map(bits.value) for bits in kind.kinds)).map(
                lambda fields: kind.make(*fields)
            )
        case FullyQualifiedName():
            return st.integers(0, 255).map(FqdnFlags).flatmap(_fqdns)
        case NamesOrAddresses():
            most = 1 if kind.single else _MAX_ITEMS
            names = st.lists(_values(DomainName()), min_size=1, max_size=most).map(tuple)
            addresses = st.lists(st.ip_addresses(v=4), min_size=1, max_size=most).map(tuple)
            return st.builds(Servers, names=names) | st.builds(Servers, addresses=addresses)
        case UserClasses():
            listed = st.lists(_texts(Text()), min_size=1, max_size=_MAX_ITEMS).map(tuple)
            bare = st.tuples(_texts(Text())).map(lambda classes: UserClass(classes, bare=True))
            return st.builds(UserClass, listed) | bare.filter(lambda value: _fits(kind, value))
        case VendorEncapsulated():
            octets = st.binary(min_size=1, max_size=2 * _MAX_TEXT)
            return _sub_options(kind) | octets.filter(lambda data: isinstance(kind.decode(data), bytes))
        case Encapsulated():
            return _sub_options(kind)
        case VendorIdentified():
            return _enterprises(kind).flatmap(
                lambda number: st.builds(VendorOptions, st.just(number), _values(kind.options_of(number)))
            )
        case Array():
            items = _values(kind.of)
            return st.lists(items, min_size=kind.min_items, max_size=_MAX_ITEMS).map(tuple)
        case LengthPrefixed():
            return _values(kind.of).filter(lambda value: _fits(kind, value))
        case Record():
            return st.tuples(*(_values(field) for _, field in kind.fields)).map(lambda fields: kind.make(*fields))
    raise TypeError(f"no strategy for {kind!r}")


def _texts(kind: Text) -> SearchStrategy[str]:
    if kind.size is not None:
        return st.binary(min_size=kind.size, max_size=kind.size).map(kind.decode)
    plain = st.text(max_size=_MAX_TEXT).map(lambda text: text.rstrip("\0"))
    octets = st.binary(max_size=_MAX_TEXT).map(lambda data: data.rstrip(b"\0").decode("utf-8", "surrogateescape"))
    return (plain | octets).filter(lambda text: _fits(kind, text))


def _labels() -> SearchStrategy[list[bytes]]:
    letters = st.text("abcxyz019-", min_size=1, max_size=12).map(str.encode)
    odd = st.binary(min_size=1, max_size=63)
    return st.lists(letters | odd, max_size=5).filter(lambda labels: sum(map(len, labels)) + len(labels) < 255)


def _networks() -> SearchStrategy[IPv4Network]:
    return st.builds(
        lambda address, width: IPv4Network((address, width), strict=False),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 32),
    )


def _fqdns(flags: FqdnFlags) -> SearchStrategy[ClientFqdn]:
    if flags & FqdnFlags.E:
        ends = st.sampled_from(("", "."))
        names = st.builds(lambda labels, end: join_labels(labels) + end, _labels(), ends)
    else:
        names = _texts(Text(min_size=0))
    return st.builds(ClientFqdn, st.just(flags), st.integers(0, 255), st.integers(0, 255), names)


def _enterprises(kind: VendorIdentified) -> SearchStrategy[int]:
    return st.sampled_from(kind.enterprises) | st.integers(0, 0xFFFFFFFF)


def _sub_options(kind: Encapsulated) -> SearchStrategy[SubOptions]:
    known = [spec.code for spec in kind.space]
    codes = st.integers(1 if kind.marks else 0, 254 if kind.marks else kind.max_code)
    if known:
        codes = st.sampled_from(known) | codes
    option = codes.flatmap(lambda code: _options_of(kind.space.spec(code), malformed=False))
    any_option = option | codes.flatmap(lambda code: _options_of(kind.space.spec(code), malformed=True))
    return st.lists(any_option, max_size=_MAX_ITEMS).map(SubOptions)


def _fits(kind: AnyType, value: Any) -> bool:
    try:
        kind.encode(value)
    except EncodeError:
        return False
    return True
