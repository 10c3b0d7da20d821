from uuid import UUID

import pytest

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.client import (
    ClientFqdn,
    FqdnFlags,
    FullyQualifiedName,
    MachineIdentifier,
    UserClass,
    UserClasses,
)

FQDN = FullyQualifiedName()
CLASSES = UserClasses()


def test_a_fully_qualified_name_ends_with_the_root() -> None:
    value = ClientFqdn(FqdnFlags.S | FqdnFlags.E, name="host.example.")
    assert FQDN.decode(b"\5\0\0\4host\7example\0") == value
    assert FQDN.encode(value) == b"\5\0\0\4host\7example\0"


def test_a_partial_name_does_not() -> None:
    value = ClientFqdn(FqdnFlags.E, name="host")
    assert FQDN.decode(b"\4\0\0\4host") == value
    assert FQDN.encode(value) == b"\4\0\0\4host"


def test_without_e_the_name_is_a_text() -> None:
    value = ClientFqdn(FqdnFlags.S, 255, 254, "host.example")
    assert FQDN.decode(b"\1\xff\xfehost.example\0") == value
    assert FQDN.encode(value) == b"\1\xff\xfehost.example"


def test_it_can_be_configured_as_a_table() -> None:
    assert FQDN.encode({"flags": "s+e", "name": "pc."}) == FQDN.encode("s+e name=pc.") == b"\5\0\0\2pc\0"
    assert FQDN.encode({"flags": 0}) == b"\0\0\0"


def test_a_name_that_cannot_be_encoded_is_told() -> None:
    for name in ("a..b", "ä", None, 5):
        with pytest.raises(EncodeError):
            FQDN.encode({"flags": "e", "name": name})
    with pytest.raises(EncodeError):
        FQDN.encode({"flags": 0, "name": None})


def test_user_classes_are_told_apart_from_a_bare_one() -> None:
    assert CLASSES.decode(b"\4iPXE\2ab") == UserClass(("iPXE", "ab"))
    assert CLASSES.decode(b"iPXE") == UserClass(("iPXE",), bare=True)
    assert CLASSES.encode(UserClass(("iPXE",))) == b"\4iPXE"
    assert CLASSES.encode(UserClass(("iPXE",), bare=True)) == b"iPXE"


@pytest.mark.parametrize("value", ["iPXE, ab", ["iPXE", "ab"], ("iPXE", "ab"), UserClass(("iPXE", "ab"))])
def test_user_classes_are_taken_as_a_list(value: object) -> None:
    assert CLASSES.encode(value) == b"\4iPXE\2ab"


def test_a_bare_class_has_its_word() -> None:
    assert CLASSES.encode("bare iPXE") == b"iPXE"
    assert CLASSES.parse_text("bare, a") == UserClass(("bare", "a"))


def test_a_bare_class_that_would_be_read_as_a_list_is_refused() -> None:
    with pytest.raises(EncodeError, match="read as a length"):
        CLASSES.encode(UserClass(("\2ab",), bare=True))
    with pytest.raises(EncodeError, match="only one"):
        CLASSES.encode(UserClass(("a", "b"), bare=True))


def test_no_user_class_is_malformed() -> None:
    with pytest.raises(WireError):
        CLASSES.decode(b"\0\0")


def test_a_machine_has_a_uuid_in_network_byte_order() -> None:
    identifier = bytes(range(16))
    assert MachineIdentifier(0, identifier).uuid == UUID("00010203-0405-0607-0809-0a0b0c0d0e0f")
    assert MachineIdentifier(1, identifier).uuid is None
    assert MachineIdentifier(0, b"\1").uuid is None
