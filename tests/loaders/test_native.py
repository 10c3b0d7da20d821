import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dhcpcallout import hooks
from dhcpcallout.codes import AddressDeleteReason, DropReason
from dhcpcallout.errors import CalloutFault, CalloutInitError, CalloutLoadError
from dhcpcallout.events import AddressDeleted, Context, PacketDropped, PacketReceived, ReplyBuilt
from dhcpcallout.hooks import Callout, CalloutEntry, Drop, HookTable, Replace, Verdict
from dhcpcallout.loaders.native import NativeLoader
from dhcpcallout.wire import Packet, encode

SOURCES = Path(__file__).parents[1] / "native"
CompileCallout = Callable[..., Path]
Behave = Callable[[str], Callout]


def load(path: Path, *chain: str, version: int = 0) -> Callout:
    return NativeLoader().load(str(path), CalloutEntry(chain, version))


@pytest.fixture
def behave(compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch) -> Behave:
    """Load ``behaviours.c`` with one behaviour."""

    def behave(behaviour: str) -> Callout:
        monkeypatch.setenv("BEHAVIOUR", behaviour)
        return load(compile_callout(SOURCES / "behaviours.c"))

    return behave


def received(data: bytes) -> PacketReceived:
    return PacketReceived(data=data, server_address_int=1, context={}, source_int=2, source_port=68, interface="eth0")


def dropped(data: bytes) -> PacketDropped:
    return PacketDropped(data=data, server_address_int=1, context={}, reason=DropReason.PROCESSED)


def deleted(data: bytes) -> AddressDeleted:
    return AddressDeleted(
        data=data, server_address_int=1, context={}, address_int=3, reason=AddressDeleteReason.DECLINE
    )


def built(data: bytes) -> ReplyBuilt:
    return ReplyBuilt(data=data, server_address_int=1, context={}, request_data=b"")


def new_packet(callout: Callout, data: bytes) -> Verdict | None:
    verdict: Verdict | None = callout.functions["new_packet"][0](received(data))
    return verdict


@pytest.mark.parametrize("suffix", [".so", ".DLL", ".dylib", ".So"])
def test_a_shared_library_is_told_by_its_name(suffix: str) -> None:
    assert NativeLoader().accepts(f"/callouts/audit{suffix}")


@pytest.mark.parametrize("entry", ["audit.so.1", "audit", "python:audit", "audit.py", "dll"])
def test_nothing_else_is_a_shared_library(entry: str) -> None:
    assert not NativeLoader().accepts(entry)


@pytest.mark.parametrize(
    ("behaviour", "after"),
    [
        ("nothing", None),
        ("in place", b"+bc"),
        ("shrink", b"ab"),
        ("empty", b""),
        ("fill", b"x" * 4096),
        ("own buffer", b"a buffer of my own"),
        ("point into it", b"c"),
    ],
)
def test_what_a_hook_makes_of_a_message_replaces_it(behave: Behave, behaviour: str, after: bytes | None) -> None:
    callout = behave(behaviour)
    expected = None if after is None else Replace(after)
    assert new_packet(callout, b"abc") == expected
    assert callout.functions["packet_send"][0](built(b"abc")) == expected


def test_a_message_that_grows_unwritten_grows_by_zeros_not_by_another_clients_bytes(behave: Behave) -> None:
    callout = behave("grow unwritten")
    new_packet(callout, b"secret" * 600)
    assert new_packet(callout, b"abc") == Replace(b"abc\0\0\0\0\0\0\0\0")


def test_what_a_hook_makes_of_a_dropped_message_is_let_be(behave: Behave) -> None:
    assert behave("in place").functions["packet_drop"][0](dropped(b"abc")) is None


def test_a_write_to_a_message_that_is_only_shown_changes_nothing(behave: Behave) -> None:
    event = deleted(b"abc")
    assert behave("in place").functions["address_delete"][0](event) is None
    assert event.data == b"abc"


def test_process_it_false_drops_whatever_else_the_hook_did(behave: Behave) -> None:
    assert new_packet(behave("drop and write"), b"abc") == Drop(DropReason.GEN_FAILURE)


def test_any_process_it_but_zero_is_true(behave: Behave) -> None:
    assert new_packet(behave("process it twice"), b"abc") is None


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("too long", "set *PacketSize to 4097; 4096 is the most"),
        ("huge", "set *PacketSize to 4294967295; 4096 is the most"),
        ("null", "set *Packet to NULL"),
        ("overrun", "wrote behind the 4096 bytes of its buffer"),
    ],
)
def test_breaking_the_rules_of_the_buffer_is_a_fault(behave: Behave, behaviour: str, message: str) -> None:
    callout = behave(behaviour)
    for _ in range(2):
        with pytest.raises(CalloutFault, match=re.escape(f"DhcpNewPktHook {message}")):
            new_packet(callout, b"abc")
    with pytest.raises(CalloutFault, match=re.escape(f"DhcpPktSendHook {message}")):
        callout.functions["packet_send"][0](built(b"abc"))
    with pytest.raises(CalloutFault, match=re.escape(f"DhcpPktDropHook {message}")):
        callout.functions["packet_drop"][0](dropped(b"abc"))


def test_the_call_after_a_fault_is_as_good_as_any(behave: Behave) -> None:
    callout = behave("overrun once")
    with pytest.raises(CalloutFault):
        new_packet(callout, b"abc")
    assert new_packet(callout, b"abc") is None


def test_a_hook_that_is_only_shown_a_message_may_not_overrun_it_either(behave: Behave) -> None:
    with pytest.raises(CalloutFault, match="DhcpAddressDelHook wrote behind"):
        behave("overrun").functions["address_delete"][0](deleted(b"abc"))


def test_a_fault_counts_more_than_process_it(behave: Behave) -> None:
    table = HookTable([behave("drop and overrun")])
    after = table.ask(
        hooks.NEW_PACKET,
        table.contexts(),
        b"abc",
        server_address_int=1,
        source_int=2,
        source_port=68,
        interface="",
    )
    assert after == b"abc"
    assert table.faults == [1]


def test_a_return_value_is_logged_once_a_hook_and_changes_nothing(
    behave: Behave, caplog: pytest.LogCaptureFixture
) -> None:
    callout = behave("return 5")
    for _ in range(3):
        assert new_packet(callout, b"abc") is None
        callout.functions["packet_send"][0](built(b"abc"))
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.WARNING]
    assert "DhcpNewPktHook returned 5" in caplog.text
    assert "DhcpPktSendHook returned 5" in caplog.text


def test_a_message_longer_than_the_buffer_is_shown_in_part_and_goes_on_whole(behave: Behave) -> None:
    assert new_packet(behave("nothing"), b"x" * 5000) is None
    assert new_packet(behave("shrink"), b"x" * 5000) == Replace(b"x" * 4095)


def test_a_message_of_exactly_the_buffers_size_fits(behave: Behave) -> None:
    assert new_packet(behave("in place"), b"x" * 4096) == Replace(b"+" + b"x" * 4095)


def test_an_address_out_of_range_is_an_error_and_no_wrong_address(behave: Behave) -> None:
    event = PacketReceived(data=b"", server_address_int=1 << 32, context={}, source_int=0, source_port=0, interface="")
    with pytest.raises(OverflowError):
        behave("nothing").functions["new_packet"][0](event)


def test_only_the_slots_that_the_table_has_are_filled(behave: Behave) -> None:
    assert list(behave("nothing").functions) == ["new_packet", "packet_drop", "packet_send", "address_delete"]


def test_two_callouts_have_a_context_each(compile_callout: CompileCallout, tmp_path: Path) -> None:
    source = tmp_path / "context.c"
    source.write_text(
        """
        #include "dhcpssdk.h"
        static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD server, LPVOID reserved, LPVOID *context,
                                         LPBOOL process)
        {
            (void)packet, (void)server, (void)reserved, (void)process;
            *context = (LPVOID)((char *)0 + *size);
            return 0;
        }
        static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD server, LPVOID reserved,
                                          LPVOID context)
        {
            (void)packet, (void)code, (void)server, (void)reserved;
            *size = (DWORD)((char *)context - (char *)0);
            return 0;
        }
        DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
        {
            (void)chain, (void)version;
            table->DhcpNewPktHook = new_packet;
            table->DhcpPktSendHook = packet_send;
            return 0;
        }
        """
    )
    first, second = load(compile_callout(source)), load(compile_callout(source))
    # In one dict, as where a Python callout has loaded both as its chain.
    context: Context = {}
    for callout, size in ((first, 3), (second, 5)):
        event = PacketReceived(
            data=b"x" * size, server_address_int=1, context=context, source_int=2, source_port=68, interface=""
        )
        callout.functions["new_packet"][0](event)
    for callout, size in ((first, 3), (second, 5)):
        reply = ReplyBuilt(data=b"y" * 9, server_address_int=1, context=context, request_data=b"")
        assert callout.functions["packet_send"][0](reply) == Replace(b"y" * size)


def test_the_versions_are_offered_from_the_newest_with_an_empty_table_until_one_is_taken(
    compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("ACCEPT", "0")
    callout = load(compile_callout(SOURCES / "versions.c"), version=2)
    assert (tmp_path / "record").read_text().splitlines() == [
        "version 2, chain 00000000, table empty",
        "version 1, chain 00000000, table empty",
        "version 0, chain 00000000, table empty",
    ]
    assert not callout.functions
    callout.close()
    assert (tmp_path / "record").read_text().splitlines()[3:] == ["unloaded"]


def test_a_callout_that_takes_no_version_is_not_loaded(
    compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("ACCEPT", "7")
    with pytest.raises(CalloutLoadError, match=r"versions\.so: DhcpServerCalloutEntry returned 50 \(0x00000032\)$"):
        load(compile_callout(SOURCES / "versions.c"))
    assert (tmp_path / "record").read_text().splitlines() == ["version 0, chain 00000000, table empty", "unloaded"]


def test_a_library_without_the_entry_point_is_not_loaded(compile_callout: CompileCallout) -> None:
    with pytest.raises(CalloutLoadError, match=r"no_entry\.so: it does not export DhcpServerCalloutEntry"):
        load(compile_callout(SOURCES / "no_entry.c"))


def test_a_library_that_lacks_a_symbol_is_not_loaded(compile_callout: CompileCallout) -> None:
    with pytest.raises(CalloutLoadError, match="a_function_that_is_nowhere"):
        load(compile_callout(SOURCES / "unresolved.c", "-Wl,-z,lazy"))


def test_a_file_that_is_no_library_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "text.so"
    path.write_text("not a library, but long enough to be looked at as one\n" * 9)
    with pytest.raises(CalloutLoadError, match=r"text\.so"):
        load(path)


def test_a_library_of_another_architecture_is_not_loaded(
    compile_callout: CompileCallout, require_system: Callable[..., None]
) -> None:
    path = compile_callout(SOURCES / "no_entry.c")
    image = bytearray(path.read_bytes())
    if image[:4] != b"\x7fELF":
        require_system(reason="libraries here are not ELF files")
    image[4] ^= 3  # EI_CLASS: of 32 bits in place of 64, or the other way round
    path.write_bytes(image)
    with pytest.raises(CalloutLoadError, match="no_entry") as raised:
        load(path)
    assert not isinstance(raised.value, CalloutInitError)


def test_nothing_else_is_looked_for_when_a_library_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"ran {arguments}")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(CalloutLoadError, match="nowhere"):
        load(tmp_path / "nowhere.so")


def test_a_hook_of_a_closed_callout_is_a_fault_and_no_crash(behave: Behave) -> None:
    callout = behave("nothing")
    callout.close()
    with pytest.raises(CalloutFault, match="closed"):
        new_packet(callout, b"abc")


def test_the_foreign_library_is_imported_for_a_native_callout_alone() -> None:
    program = (
        "import sys, dhcpcallout.loaders as loaders; "
        "loaders.load_callouts(loaders.Registry(['nowhere.py', 'python:nowhere', 'what'], 1)); "
        "print(sorted({'cffi', 'ctypes'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


OPTIONS = {
    1: b"\xff\xff\xff\x00",
    3: b"\x0a\x00\x00\x01",
    12: b"printer",
    50: b"\x0a\x01\x00\x07",
    51: b"\x00\x00\x0f\xa0",
    53: b"\x03",
    54: b"\x0a\x00\x00\x02",
    55: b"\x01\x03\x06",
    60: b"MSFT 5.0",
    61: b"\x07\xaa\xbb\xcc\xdd",
    77: b"class",
    81: b"\x05\xff\xfe\x04host\x07example\x00",
}


def options_of(data: bytes, library: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a native callout finds in DHCP_SERVER_OPTIONS."""
    record = library.with_suffix(".txt")
    monkeypatch.setenv("RECORD", str(record))
    table = HookTable([load(library)])
    table.notify(hooks.HANDLE_OPTIONS, table.contexts(), data=data, server_address_int=1)
    assert table.faults == [0]
    *lines, boolean = record.read_text().splitlines()
    return {"boolean": boolean, **dict(line.split() for line in lines)}


def test_the_parsed_options_point_into_the_packet(
    compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(Packet(chaddr=b"\x00\x0c\x01\x02\x03\x04", options=OPTIONS)).data
    fields = options_of(data, compile_callout(SOURCES / "options.c"), monkeypatch)

    def at(value: bytes) -> str:
        assert data.count(value) == 1
        return str(data.index(value))

    assert fields == {
        "MessageType": str(data.index(b"\x35\x01\x03") + 2),
        "SubnetMask": at(OPTIONS[1]),
        "RequestedAddress": at(OPTIONS[50]),
        "RequestLeaseTime": at(OPTIONS[51]),
        "OverlayFields": "-",
        "RouterAddress": at(OPTIONS[3]),
        "Server": at(OPTIONS[54]),
        "ParameterRequestList": at(OPTIONS[55]),
        "ParameterRequestListLength": "3",
        "MachineName": at(b"printer"),
        "MachineNameLength": "7",
        "ClientHardwareAddressType": "7",
        "ClientHardwareAddressLength": "4",
        "ClientHardwareAddress": at(b"\xaa\xbb\xcc\xdd"),
        "ClassIdentifier": at(b"class"),
        "ClassIdentifierLength": "5",
        "VendorClass": at(b"MSFT 5.0"),
        "VendorClassLength": "8",
        "DNSFlags": "5",
        "DNSNameLength": "14",
        "DNSName": at(b"\x04host\x07example\x00"),
        "DSDomainNameRequested": "0",
        "DSDomainName": "-",
        "DSDomainNameLen": "0",
        "ScopeId": "-",
        "sizeof": "176" if sys.maxsize > 1 << 32 else "96",
        "boolean": "00000000",
    }


def test_what_the_packet_lacks_is_null_and_the_hardware_address_the_headers(
    compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encode(Packet(htype=6, chaddr=b"\x00\x0c\x01\x02\x03\x04")).data
    fields = options_of(data, compile_callout(SOURCES / "options.c"), monkeypatch)
    present = {name: value for name, value in fields.items() if value not in ("-", "0") and name != "sizeof"}
    assert present == {
        "ClientHardwareAddressType": "6",
        "ClientHardwareAddressLength": "6",
        "ClientHardwareAddress": "28",
        "boolean": "00000000",
    }


def test_the_structure_holds_nothing_of_the_packet_before(
    compile_callout: CompileCallout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    library = compile_callout(SOURCES / "options.c")
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    table = HookTable([load(library)])
    for options in (OPTIONS, {53: b"\x01"}):
        data = encode(Packet(options=options)).data
        table.notify(hooks.HANDLE_OPTIONS, table.contexts(), data=data, server_address_int=1)
    lines = (tmp_path / "record").read_text().splitlines()
    assert "MachineName -" in lines
    assert "MachineNameLength 0" in lines
