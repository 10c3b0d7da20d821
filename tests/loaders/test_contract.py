"""What every loader promises, over the same callout in each kind that a loader loads."""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from dhcpcallout import hooks
from dhcpcallout.codes import AddressDeleteReason, AddressGiven, AddressType, ControlCode, DropReason
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.events import ClientDeleted, Context, ServiceControlled
from dhcpcallout.hooks import Callout, CalloutEntry, Drop, HookTable
from dhcpcallout.loaders import IsolatedLoader, Isolation, Loader, default_loaders, load_callout
from dhcpcallout.wire import Packet, encode

SOURCES = Path(__file__).parents[1] / "contracts" / "loader"
SERVER = 0xC0A80001
REQUEST = encode(Packet(xid=0x01020304, chaddr=b"\x00\x0c\x01\x02\x03\x04", options={53: b"\x03"})).data


SetEnvironment = Callable[[str, str], None]


@pytest.fixture
def worker_environment() -> dict[str, str]:
    """What is in the environment of workers, besides what is in every one's."""
    return {}


@pytest.fixture
def set_environment(worker_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Set a variable for the callout, wherever it is loaded."""

    def set_environment(name: str, value: str) -> None:
        monkeypatch.setenv(name, value)
        worker_environment[name] = value

    return set_environment


@pytest.fixture(params=["in the server", "in a worker"])
def loaders(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    worker_environment: dict[str, str],
    set_environment: SetEnvironment,
) -> Sequence[Loader]:
    """The loaders for each place where a callout may be loaded."""
    set_environment("CONTRACT_RECORD", str(tmp_path / "record"))
    if request.param == "in the server":
        return default_loaders(tmp_path)
    isolation = Isolation("process", environment=worker_environment)
    return [IsolatedLoader(loader, isolation, tmp_path) for loader in default_loaders(tmp_path)]


@pytest.fixture(params=["native", "python-file", "python-module"])
def entry(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The contract's callout in one kind, as an entry."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    if request.param == "native":
        compile_callout: Callable[[Path], Path] = request.getfixturevalue("compile_callout")
        shutil.copy(compile_callout(SOURCES / "callout.c"), tmp_path / "callout.so")
        yield str(tmp_path / "callout.so")
    else:
        shutil.copy(SOURCES / "callout.py", tmp_path / "contract_callout.py")
        file = tmp_path / "contract_callout.py"
        yield str(file) if request.param == "python-file" else "python:contract_callout"
        sys.modules.pop("contract_callout", None)


@pytest.fixture
def callout(entry: str, loaders: Sequence[Loader], tmp_path: Path) -> Iterator[Callout]:
    callout = load_callout(entry, base_directory=tmp_path, loaders=loaders)
    yield callout
    callout.close()


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[], list[str]]:
    """What the callout wrote since the last time."""
    read = 0

    def recorded() -> list[str]:
        nonlocal read
        lines = (tmp_path / "record").read_text(encoding="ascii").splitlines()[read:]
        read += len(lines)
        return lines

    return recorded


def receive(table: HookTable, contexts: tuple[Context, ...], data: bytes) -> bytes | Drop:
    return table.ask(
        hooks.NEW_PACKET, contexts, data, server_address_int=SERVER, source_int=0, source_port=68, interface=""
    )


def test_it_satisfies_the_protocol(loaders: Sequence[Loader]) -> None:
    assert all(isinstance(loader, Loader) for loader in loaders)


def test_one_loader_accepts_the_entry_by_its_looks(entry: str, loaders: Sequence[Loader]) -> None:
    assert [loader.accepts(entry) for loader in loaders].count(True) == 1


def test_the_functions_are_on_the_slots_that_the_callout_filled(callout: Callout) -> None:
    assert list(callout.functions) == [slot.name for slot in hooks.ABI_SLOTS]


@pytest.mark.parametrize(
    ("chain", "units"),
    [
        ((), "00000000"),
        (("python:a", "/ö𝄞.so"), "0070007900740068006f006e003a00610000002f00f6d834dd1e002e0073006f00000000"),
    ],
)
def test_the_callout_is_told_its_chain_and_the_version(
    chain: tuple[str, ...],
    units: str,
    entry: str,
    tmp_path: Path,
    loaders: Sequence[Loader],
    recorded: Callable[[], list[str]],
) -> None:
    load_callout(entry, chain=chain, base_directory=tmp_path, loaders=loaders).close()
    assert recorded() == [f"load 0 {units}"]


def test_every_hook_gets_the_facts_of_its_event(callout: Callout, recorded: Callable[[], list[str]]) -> None:
    table, data = HookTable([callout]), REQUEST
    recorded()
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.START))
    contexts = table.contexts()
    assert receive(table, contexts, data) == data
    table.notify(hooks.HANDLE_OPTIONS, contexts, data=data, server_address_int=SERVER)
    table.notify(
        hooks.ADDRESS_DELETE,
        contexts,
        data=data,
        server_address_int=SERVER,
        address_int=0x0A010203,
        reason=AddressDeleteReason.NACKED,
    )
    table.notify(
        hooks.ADDRESS_OFFER,
        contexts,
        data=data,
        server_address_int=SERVER,
        address_int=0x0A010204,
        given=AddressGiven.OLD,
        address_type=AddressType.DHCP,
        lease_time_s=0xFFFFFFFF,
    )
    reply = b"\x02\x01"
    assert table.ask(hooks.PACKET_SEND, contexts, reply, server_address_int=SERVER, request_data=data) == reply
    table.notify(hooks.PACKET_DROP, contexts, data=data, server_address_int=SERVER, reason=DropReason.PROCESSED)
    table.announce(hooks.DELETE_CLIENT, ClientDeleted(0x0A010204, b"\x00\x0c\x01\x02\x03\x04", AddressType.BOOTP))
    table.announce(hooks.CONTROL, ServiceControlled(ControlCode.STOP))
    assert recorded() == [
        "control 1",
        f"new_packet c0a80001 {data.hex()}",
        f"handle_options 1 type 3 {data.hex()}",
        f"address_delete 20000004 c0a80001 0a010203 1 {data.hex()}",
        f"address_offer 30000002 c0a80001 0a010204 30000004 4294967295 1 {data.hex()}",
        f"packet_send 10000000 c0a80001 1 {reply.hex()}",
        f"packet_drop b c0a80001 1 {data.hex()}",
        "delete_client 0a010204 30000003 000c01020304",
        "control 2",
    ]
    assert table.faults == [0]


def test_a_packet_may_be_dropped(callout: Callout) -> None:
    table = HookTable([callout])
    assert receive(table, table.contexts(), b"Drop") == Drop(DropReason.GEN_FAILURE)


def test_a_packet_and_a_reply_may_be_replaced(callout: Callout) -> None:
    table = HookTable([callout])
    contexts = table.contexts()
    assert receive(table, contexts, b"Replace") == b"Replace!"
    assert table.ask(hooks.PACKET_SEND, contexts, b"R:", server_address_int=SERVER, request_data=b"") == b"R:e"


def test_a_packets_context_comes_back_in_its_own_hooks_only(
    callout: Callout, recorded: Callable[[], list[str]]
) -> None:
    table = HookTable([callout])
    first, second, third = table.contexts(), table.contexts(), table.contexts()
    receive(table, first, b"-A")
    receive(table, second, b"-B")
    assert recorded()[-2:] == ["new_packet c0a80001 2d41", "new_packet c0a80001 2d42"]
    for contexts in (first, second, third):
        table.notify(hooks.PACKET_DROP, contexts, data=b"-", server_address_int=SERVER, reason=DropReason.PROCESSED)
    assert recorded() == [f"packet_drop b c0a80001 {tag} 2d" for tag in (65, 66, 0)]


def test_a_fault_is_counted_and_logged_and_the_packet_goes_on_with_its_context(
    callout: Callout, recorded: Callable[[], list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    table = HookTable([callout])
    contexts = table.contexts()
    with caplog.at_level(logging.ERROR):
        assert receive(table, contexts, b"Fault") == b"Fault"
    assert table.faults == [1]
    assert [vars(record)["event_id"] for record in caplog.records] == [1031]
    recorded()
    table.notify(hooks.PACKET_DROP, contexts, data=b"-", server_address_int=SERVER, reason=DropReason.PROCESSED)
    assert recorded() == [f"packet_drop b c0a80001 {ord('a')} 2d"]


def test_a_callout_that_refuses_is_not_loaded(
    entry: str, tmp_path: Path, loaders: Sequence[Loader], set_environment: SetEnvironment
) -> None:
    set_environment("CONTRACT_REFUSE", "1")
    with pytest.raises(CalloutLoadError, match="callout"):
        load_callout(entry, base_directory=tmp_path, loaders=loaders)


def test_a_callout_that_is_not_there_is_not_loaded(entry: str, loaders: Sequence[Loader]) -> None:
    with pytest.raises(CalloutLoadError, match="no_such_callout"):
        load_callout(
            entry.replace("contract_callout", "callout").replace("callout", "no_such_callout"), loaders=loaders
        )


def test_closing_twice_does_no_harm(callout: Callout) -> None:
    callout.close()
    callout.close()


def test_two_of_the_same_loaded_by_the_loader_itself_work_side_by_side(
    entry: str, tmp_path: Path, loaders: Sequence[Loader], recorded: Callable[[], list[str]]
) -> None:
    loader = next(loader for loader in loaders if loader.accepts(entry))
    table = HookTable([loader.load(entry, CalloutEntry(())), loader.load(entry, CalloutEntry(()))])
    recorded()
    contexts = table.contexts()
    assert receive(table, contexts, b"R2") == b"R2!!"
    for callout in table.callouts:
        callout.close()
    assert recorded() == ["new_packet c0a80001 5232", "new_packet c0a80001 523221"]
