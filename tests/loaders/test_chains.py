"""Several callouts at once: chained by the first of them, or called by the server, they see and do the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from dhcpcallout.codes import EventId, MessageType
from dhcpcallout.engine import Arrival
from dhcpcallout.loaders import LoadResult, Registry, load_callouts
from dhcpcallout.loaders.isolated import Isolation
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import encode

TESTS = Path(__file__).parents[1]
LINK = TESTS / "native" / "link.c"
CHAIN = TESTS.parent / "examples" / "callouts" / "chain.c"

IN_PYTHON = '''
"""What link.c does, in Python."""

import itertools
import os
from pathlib import Path

from dhcpcallout import Callout, Drop, Replace

NAME = "{name}"
callout = Callout(NAME)
numbers = itertools.count(1)


def note(hook, detail, context=None):
    number = (context or {{}}).get("number", "-")
    with Path(os.environ["RECORD"]).open("a") as file:
        file.write(f"{{NAME}} {{number}} {{hook}} {{detail}}\\n")


def sname(data):
    return data[44:108].rstrip(b"\\0")


def signed(data):
    return Replace(data[:44] + (sname(data) + NAME.encode()).ljust(64, b"\\0") + data[108:])


@callout.control
def control(event):
    note("control", f"{{event.code:x}}")


@callout.new_packet
def new_packet(event):
    assert not event.context
    event.context["number"] = next(numbers)
    note("new_packet", sname(event.data).decode(), event.context)
    return Drop() if event.data[33] == ord(NAME) else signed(event.data)


@callout.packet_drop
def packet_drop(event):
    note("packet_drop", f"{{event.reason:x}}", event.context)


@callout.packet_send
def packet_send(event):
    note("packet_send", sname(event.data).decode(), event.context)
    return signed(event.data)


@callout.address_delete
def address_delete(event):
    note("address_delete", f"{{event.address_int:x}}", event.context)


@callout.address_offer
def address_offer(event):
    note("address_offer", f"{{event.address_int:x}}", event.context)


@callout.handle_options
def handle_options(event):
    note("handle_options", f"{{event.packet.message_type:x}}", event.context)


@callout.delete_client
def delete_client(event):
    note("delete_client", f"{{event.address_int:x}}")
'''


@dataclass
class Chained:
    """Callouts that were loaded from a list, on a network, and what they wrote."""

    loaded: LoadResult
    record: Path

    def __post_init__(self) -> None:
        self.network = SimulatedNetwork(callouts=self.loaded.callouts)

    def recorded(self) -> list[str]:
        """What they wrote since the last time."""
        lines = self.record.read_text(encoding="ascii").splitlines() if self.record.exists() else []
        self.record.unlink(missing_ok=True)
        return lines


Chain = Callable[..., Chained]


@dataclass(frozen=True)
class Way:
    """One of the ways in which three callouts, a, b and c, are called.

    Attributes:
        chained: Whether the callout chain.c calls them, and not the server.
        python: Which of them are in Python.
        isolated: Whether what the server loads is in a worker process each.
    """

    chained: bool = False
    python: str = ""
    isolated: bool = False


WAYS = {
    "by the callout chain.c": Way(chained=True),
    "by the server": Way(),
    "by the server, two in Python": Way(python="ac"),
    "by the server, one in Python": Way(python="b"),
}
ISOLATED_WAYS = {
    "by the callout chain.c in a worker": Way(chained=True, isolated=True),
    "by the server, each in a worker": Way(python="b", isolated=True),
}


@pytest.fixture
def load(
    compile_callout: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., LoadResult]]:
    """Load the files of ``tmp_path`` as a list that says ``policy``."""
    loaded: list[LoadResult] = []
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))

    def load(policy: Literal["first", "all"], *names: str, isolated: bool = False) -> LoadResult:
        isolation = Isolation("process", timeout_ms=20_000, environment={"RECORD": str(tmp_path / "record")})
        registry = Registry(
            [str(tmp_path / name) for name in names], 1, policy, isolation=isolation if isolated else Isolation()
        )
        loaded.append(load_callouts(registry))
        return loaded[-1]

    yield load
    for result in loaded:
        result.close()


@pytest.fixture
def link(compile_callout: Callable[..., Path], tmp_path: Path) -> Callable[..., str]:
    """Make a callout of one letter's name in C or in Python; give its entry."""

    def link(name: str, *flags: str, python: bool = False) -> str:
        if python:
            (tmp_path / f"{name}.py").write_text(IN_PYTHON.format(name=name))
            return f"{name}.py"
        return str(compile_callout(LINK, f"-DNAME='{name}'", *flags).rename(tmp_path / f"{name}.so").name)

    return link


@pytest.fixture
def chain(load: Callable[..., LoadResult], link: Callable[..., str], build_chain: str, tmp_path: Path) -> Chain:
    """The three callouts, called in one of the ways that there are."""

    def chain(way: Way) -> Chained:
        names = [link(name, python=name in way.python) for name in "abc"]
        if way.chained:
            loaded = load("first", *names, build_chain, isolated=way.isolated)
        else:
            loaded = load("all", *names, isolated=way.isolated)
        return Chained(loaded, tmp_path / "record")

    return chain


@pytest.fixture
def build_chain(compile_callout: Callable[..., Path], tmp_path: Path) -> str:
    """The chain loader in C, whose name comes before all others."""
    return compile_callout(CHAIN).rename(tmp_path / "0_chäin.so").name


def of_each(*lines: str) -> list[str]:
    """Each line once for each callout, with what those before it added to sname in place of a star."""
    return [f"{name} {line.replace('*', 'abc'[:place])}" for line in lines for place, name in enumerate("abc")]


@pytest.mark.parametrize("way", [*WAYS.values(), *ISOLATED_WAYS.values()], ids=[*WAYS, *ISOLATED_WAYS])
def test_each_is_called_in_order_with_its_own_context_and_what_those_before_it_made(chain: Chain, way: Way) -> None:
    chained = chain(way)
    assert chained.recorded() == of_each("- control 1")
    client = chained.network.client("02:00:00:00:00:01")
    address = client.lease()
    assert client.reply is not None
    assert client.reply.sname == b"abc"
    assert chained.recorded() == of_each(
        *("1 new_packet *", "1 handle_options 1", "1 packet_send *", "1 packet_drop b"),
        *("2 new_packet *", "2 handle_options 3", "2 address_offer a00000a", "2 packet_send *", "2 packet_drop b"),
    )
    assert str(address) == "10.0.0.10"
    client.release()
    assert chained.recorded() == of_each(
        "3 new_packet *", "3 handle_options 7", "3 address_delete a00000a", "- delete_client a00000a", "3 packet_drop b"
    )
    chained.network.restart()
    assert chained.recorded() == of_each("- control 2", "- control 1")
    assert sum(chained.network.engine.hooks.faults) == 0


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("who", ["a", "b", "c"])
def test_a_drop_by_one_ends_the_packet_for_those_after_it(chain: Chain, way: Way, who: str) -> None:
    chained = chain(way)
    chained.recorded()
    client = chained.network.client(b"\x02\0\0\0\0" + who.encode())
    assert client.lease() is None
    shown = "abc"[: "abc".index(who) + 1]
    number = {name: "1" if name in shown else "-" for name in "abc"}
    assert chained.recorded() == [
        *(f"{name} 1 new_packet {'abc'[:place]}" for place, name in enumerate(shown)),
        *(f"{name} {number[name]} packet_drop {reason}" for reason in ("100", "b") for name in "abc"),
    ]
    # The next packet is everybody's again.
    assert chained.network.client("02:00:00:00:00:01").lease() is not None


@pytest.mark.parametrize("way", [Way(chained=True), Way()], ids=["by the callout chain.c", "by the server"])
def test_a_buffer_of_ones_own_is_what_those_after_it_see(chain: Chain, way: Way) -> None:
    chained = chain(way)
    chained.recorded()
    assert chained.network.client(b"\x02\0\0\0\0B").discover() is not None
    assert chained.recorded()[:3] == of_each("1 new_packet *")


@pytest.mark.parametrize("way", [*WAYS.values(), *ISOLATED_WAYS.values()], ids=[*WAYS, *ISOLATED_WAYS])
def test_packets_that_take_turns_keep_their_contexts(chain: Chain, way: Way) -> None:
    chained = chain(way)
    engine, now = chained.network.engine, chained.network.now

    chained.recorded()
    arrival = Arrival(0, 68, 0x0A000001, interface="lan")
    discovers = [chained.network.client().message(MessageType.DISCOVER) for _ in range(2)]
    exchanges = [engine.receive(encode(message).data, arrival, now) for message in discovers]
    for exchange in reversed(exchanges):
        engine.finish(exchange, now)
    numbers = [line.split()[1] for line in chained.recorded() if line.startswith("b ")]
    assert numbers == ["1", "1", "2", "2", "2", "2", "1", "1"]


def test_the_chain_loader_fills_only_what_somebody_wants_and_keeps_contexts_besides(
    load: Callable[..., LoadResult], link: Callable[..., str], build_chain: str, tmp_path: Path
) -> None:
    loaded = load("first", build_chain, link("a", "-DONLY_SENDS"))
    (callout,) = loaded.callouts
    assert list(callout.functions) == ["new_packet", "packet_drop", "packet_send"]
    chained = Chained(loaded, tmp_path / "record")
    assert chained.network.client().discover() is not None
    assert chained.recorded() == ["a - packet_send "]


def test_the_chain_loader_goes_on_without_what_does_not_load(
    load: Callable[..., LoadResult], link: Callable[..., str], build_chain: str, tmp_path: Path
) -> None:
    (tmp_path / "b.so").write_text("no library")
    (tmp_path / "policy.py").write_text("not native\n")
    chained = Chained(
        load("first", build_chain, link("a"), "b.so", "missing.so", "policy.py", link("z")), tmp_path / "record"
    )
    chained.recorded()
    assert chained.network.client().discover() is not None
    assert [line for line in chained.recorded() if "new_packet" in line] == ["a 1 new_packet ", "z 1 new_packet a"]


def test_the_chain_loader_with_nothing_to_chain_refuses_so_that_the_server_goes_on(
    load: Callable[..., LoadResult], build_chain: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.py").write_text("from dhcpcallout import Callout\n\ncallout = Callout('policy')\n")
    loaded = load("first", build_chain, "policy.py")
    assert [attempt.event_id for attempt in loaded.attempts] == [
        EventId.CALLOUT_LOAD_FAILED,
        EventId.CALLOUT_LOADED,
    ]
