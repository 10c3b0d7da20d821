"""``docs/options.md``, made from the registry: ``python -m dhcpcallout.wire.reference`` prints it."""

from collections.abc import Iterator

from .option import OptionSpace
from .registry import REGISTRY
from .suboptions import Encapsulated, SubOptions, VendorEncapsulated, VendorIdentified, VendorOptions
from .types.addresses import Address, Address6
from .types.base import AnyType, Empty
from .types.client import UserClass, UserClasses
from .types.composite import Array, LengthPrefixed, Record
from .types.integers import Boolean, Flags, Integer, Named
from .types.names import DomainName
from .types.routes import ClasslessRoute, Route
from .types.strings import Opaque, Text

__all__ = ["reference"]

_INTRODUCTION = """\
# The options

Every code that IANA has assigned in "BOOTP Vendor Extensions and DHCP Options", and two private ones that Microsoft's
clients ask for, with a name, a type and the document that defines it. A name is the one that Kea uses, or IANA's;
look-ups know the aliases too, and take the code in its place. A code that is not assigned has the name `option-NNN`, and
bytes for its value.

<!-- Made by `make docs` from src/dhcpcallout/wire/table.py: what is to be changed here is changed there. -->

## Values and texts

Each option has a typed value in Python and a text for people. Either can be turned into the other, and into bytes:

```python
from dhcpcallout.wire import REGISTRY

code, data = REGISTRY.encode_value("domain-name-servers", ["192.0.2.53", "192.0.2.54"])
option = REGISTRY.option(code, data)
assert option.text == "192.0.2.53, 192.0.2.54"
assert str(option.value[0]) == "192.0.2.53"
assert REGISTRY.parse_text("domain-name-servers", option.text) == option

data = REGISTRY.spec("dhcp-agent-options").encode({"circuit-id": b"eth0", "link-selection": "192.0.2.1"})
option = REGISTRY.option("dhcp-agent-options", data)
assert option.text == 'circuit-id="eth0", link-selection=192.0.2.1'
assert option.value.get("circuit-id").value == b"eth0"
```

A configuration file gives values as TOML has them, or as texts:

```toml
[options]
domain-name-servers = ["192.0.2.53", "192.0.2.54"]
ntp-servers = "192.0.2.123"
interface-mtu = 1400
domain-search = ["example.com", "example.net"]
classless-static-route = ["default via 192.0.2.1", "198.51.100.0/24 via 192.0.2.2"]
option-6rd = { ipv4-mask-length = 8, prefix-length = 32, prefix = "2001:db8::", border-relays = ["192.0.2.6"] }
ipxe-encap-opts = { no-pxedhcp = 1, username = "install" }
vivso-suboptions = [{ enterprise = 3561, options = { acs-url = "https://acs.example" } }]
233 = "0a:0b:0c"
```

| type | text | also taken |
|---|---|---|
| `uint8` ... `uint64`, `int8` ... `int32` | `1500` | `0x5dc`; a name where values have names: `h-node` |
| `boolean` | `true`, `false` | `1`, `0`, `yes`, `no`, `on`, `off` |
| `empty` | `true` | |
| `ipv4-address`, `ipv6-address` | `192.0.2.1` | a 32-bit number |
| `string` | as it is; in quotation marks where it would not be clear: `"tab\\x09"` | |
| `binary` | hexadecimal: `0a0b0c` | `0a:0b:0c`, `0x0a0b0c`, a text in quotation marks: `"eth0"` |
| `fqdn` | `example.com` | with the root's dot; DNS's escapes: `a\\.b`, `\\009` |
| `list of ...` | `192.0.2.1, 192.0.2.2` | a list; a single value |
| `record of ...` | `flags=s+e name=host.`, or without names | the fields in order; a list, a table |
| classless route | `198.51.100.0/24 via 192.0.2.2` | without `via`; `default via 192.0.2.1`; a pair |
| sub-options | `circuit-id="eth0", link-selection=192.0.2.1` | a table; `circuit-id:65746830` for bytes of any kind |

A list or a record within another stands in braces: `{a, b} c`. A text is one line and printable, whatever the bytes:
what is not is written `\\xNN`, within quotation marks. `bytes`, in Python, are always what stands on the wire already.

## What is read though it is not quite right

A malformed value raises `WireError` with the option's code and the offset; its bytes stay at hand in `option.data`.
What clients and servers are known to send is read all the same:

- NULs at the end of a text are not part of it (RFC 2132 section 2). Bytes that are not UTF-8 are kept: as lone
  surrogates in Python (`surrogateescape`), as `\\xNN` in texts.
- 43: what is not made of sub-options, which RFC 2132 only recommends, is `bytes`. Pads and the end are left out.
- 77: a class without its length, as iPXE sends it, is `UserClass(..., bare=True)`; a list may have NULs after it.
- 81: both encodings of the name, and partial names (RFC 4702 section 2.3.1).
- 119: a name may end with a pointer to a part of any name before it (RFC 3397), and to nothing else.
- 121, 249: bits of a destination beyond its prefix do not count (RFC 3442).
- 125: what is not made of sub-options, as Mitel sends it, is `bytes`.
- A number where names are expected is kept as a number; flags that nobody has defined are kept.

## Options of your own

In Python with `REGISTRY.define(...)` or `REGISTRY.with_definitions([OptionDefinition(...)])`, which give a new registry:

```python
from dhcpcallout.wire import REGISTRY, OptionDefinition

registry = REGISTRY.with_definitions(
    [
        OptionDefinition(224, "printers", "ipv4-address", array=True),
        OptionDefinition(225, "door", record=("uint16", "string")),
        OptionDefinition(226, "site", encapsulates="site"),
        OptionDefinition(1, "floor", "uint8", space="site"),
    ]
)
assert registry.encode_value("printers", "192.0.2.9")[1] == b"\\xc0\\x00\\x02\\x09"
assert registry.encode_value("door", [12, "east"])[1] == b"\\x00\\x0ceast"
assert registry.encode_value("site", {"floor": 3})[1] == b"\\x01\\x01\\x03"
```

The types are those of the table above, and `tuple`, a text after its length in one byte. An option that IANA has
assigned can be defined anew: code 150 as a `string`, for GRUB; code 43 with `encapsulates="pxe"`. Sub-options are added
by the name of their space; `vendor-N` is that of the vendor with the enterprise number N, in option 125.
"""  # noqa: E501

_CLASSES = {
    ClasslessRoute: Route,
    UserClasses: UserClass,
    VendorIdentified: VendorOptions,
    Encapsulated: SubOptions,
}


def reference() -> str:
    """The whole page, in Markdown."""
    classes: dict[str, str] = {}
    sections = [_section("DHCP's options", REGISTRY, classes)]
    for name in REGISTRY.spaces:
        space = REGISTRY.space(name)
        if len(space):
            sections.append(_section(f"Sub-options: `{name}`", space, classes))
    return "\n".join([_INTRODUCTION, *sections, *_where(classes)])


def _section(title: str, space: OptionSpace, classes: dict[str, str]) -> str:
    lines = [f"## {title}\n", "| code | name | type | value in Python | defined in |", "|---|---|---|---|---|"]
    for spec in space:
        names = ", ".join(f"`{name}`" for name in (spec.name, *spec.aliases))
        value = _python(spec.type, classes).replace("|", "\\|")
        lines.append(f"| {spec.code} | {names} | {_type(spec.type)} | `{value}` | {spec.reference} |")
    return "\n".join([*lines, ""])


def _type(kind: AnyType) -> str:
    """A type's name, with the names of its values where there are few."""
    inner = kind.of if isinstance(kind, Array) else kind
    if not isinstance(inner, Named | Flags):
        return kind.name
    words = inner.words
    return f"{kind.name}: {', '.join(f'`{word}`' for word in words)}" if len(words) <= 10 else kind.name


def _python(kind: AnyType, classes: dict[str, str]) -> str:
    """The Python type of a value. ``classes`` gets the modules of the package's own."""
    match kind:
        case Array():
            return f"tuple[{_python(kind.of, classes)}, ...]"
        case LengthPrefixed():
            return _python(kind.of, classes)
        case VendorEncapsulated():
            return f"{_class(SubOptions, classes)} | bytes"
        case Named():
            return _class(kind.enum, classes)
        case Flags():
            return _class(kind.flags, classes)
        case Record() if isinstance(kind.make, type):
            return _class(kind.make, classes)
    for kinds, value in (
        ((Boolean, Empty), "bool"),
        (Integer, "int"),
        ((Text, DomainName), "str"),
        (Opaque, "bytes"),
        (Address, "IPv4Address"),
        (Address6, "IPv6Address"),
    ):
        if isinstance(kind, kinds):
            return value
    return _class(_CLASSES[type(kind)], classes)


def _class(of: type, classes: dict[str, str]) -> str:
    classes[of.__name__] = of.__module__
    return of.__name__


def _where(classes: dict[str, str]) -> Iterator[str]:
    yield "## Where the classes are\n"
    yield "An enum's value is a plain `int` where no member has that number; a dataclass says what its fields mean."
    yield "\n| module | classes |\n|---|---|"
    for module in sorted(set(classes.values())):
        names = ", ".join(f"`{name}`" for name in sorted(classes) if classes[name] == module)
        yield f"| `{module}` | {names} |"
    yield ""


if __name__ == "__main__":
    print(reference(), end="")
