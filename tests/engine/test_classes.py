"""Which classes a client is in, in which order, and what a table of classes does with mistakes and faults."""

import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.engine.classes import ClassTable, compile_classes
from dhcpcallout.engine.model import ClientClass
from dhcpcallout.testing.strategies import packets
from dhcpcallout.wire import Packet

PXE = ClientClass(name="pxe", test={"option": 60, "prefix": "PXEClient"})
PXE_PACKET = Packet(options={60: b"PXEClient:Arch:00007"})


def table_of(*classes: ClientClass) -> ClassTable:
    problems: list[tuple[str, str]] = []
    table = compile_classes(classes, "class", lambda key, text: problems.append((key, text)))
    assert problems == []
    return table


def problems_of(*classes: ClientClass) -> list[tuple[str, str]]:
    problems: list[tuple[str, str]] = []
    compile_classes(classes, "class", lambda key, text: problems.append((key, text)))
    return problems


def fail(packet: Packet) -> bool:
    raise ValueError("port\n7")


# Membership


def test_without_classes_a_client_is_known_or_unknown() -> None:
    table = ClassTable()
    assert table.classify(Packet(), known=True) == ("ALL", "KNOWN")
    assert table.classify(Packet(), known=False, reserved_classes=["gold"]) == ("ALL", "UNKNOWN")
    assert table.classify(Packet(), known=True) is table.classify(PXE_PACKET, known=True)
    assert table.scopes(("ALL", "KNOWN")) == ()
    assert table.dropping(("ALL", "KNOWN")) is None


def test_classes_are_decided_in_order_and_may_ask_for_earlier_ones() -> None:
    table = table_of(
        PXE,
        ClientClass(name="stranger", test={"member": "UNKNOWN"}),
        ClientClass(name="strange-pxe", test={"all": [{"member": "pxe"}, {"member": "stranger"}]}),
        ClientClass(name="rest", test={"not": {"any": [{"member": "pxe"}, {"member": "stranger"}]}}),
    )
    assert table.classify(PXE_PACKET, known=False) == ("ALL", "UNKNOWN", "pxe", "stranger", "strange-pxe")
    assert table.classify(PXE_PACKET, known=True) == ("ALL", "KNOWN", "pxe")
    assert table.classify(Packet(), known=True) == ("ALL", "KNOWN", "rest")
    assert table.names == ("ALL", "KNOWN", "UNKNOWN", "pxe", "stranger", "strange-pxe", "rest")


def test_a_reservation_puts_a_client_into_classes_at_their_place() -> None:
    table = table_of(
        ClientClass(name="gold"),
        PXE,
        ClientClass(name="golden-pxe", test={"all": [{"member": "pxe"}, {"member": "gold"}]}),
    )
    assert table.classify(Packet(), known=True, reserved_classes=("pxe", "gold", "no such class")) == (
        "ALL",
        "KNOWN",
        "gold",
        "pxe",
        "golden-pxe",
    )
    assert table.classify(PXE_PACKET, known=True) == ("ALL", "KNOWN", "pxe")


def test_a_function_decides_in_the_place_of_a_test() -> None:
    asked: list[Packet] = []

    def function(packet: Packet) -> bool:
        asked.append(packet)
        return packet.chaddr == b"abcdef"

    table = table_of(
        ClientClass(name="odd", function=function), ClientClass(name="even", test={"not": {"member": "odd"}})
    )
    packet = Packet(chaddr=b"abcdef")
    assert table.classify(packet, known=True)[2:] == ("odd",)
    assert table.classify(Packet(), known=True)[2:] == ("even",)
    assert asked[0] is packet


@pytest.mark.parametrize("function", [fail, lambda packet: sys.exit(1), lambda packet: packet.get("no such option")])
def test_a_function_that_fails_means_no_is_counted_and_is_logged_once(
    function: Any, caplog: pytest.LogCaptureFixture
) -> None:
    table = table_of(
        ClientClass(name="100% broken", function=function),
        ClientClass(name="broken too", function=function),
        ClientClass(name="whole", test={"member": "ALL"}),
    )
    for _ in range(3):
        assert table.classify(Packet(), known=True)[2:] == ("whole",)
    assert table.faults == {"100% broken": 3, "broken too": 3}
    assert [(record.levelno, record.args) for record in caplog.records] == [
        (logging.ERROR, ("100% broken",)),
        (logging.ERROR, ("broken too",)),
    ]
    assert {record.event_id for record in caplog.records} == {1031}  # type: ignore[attr-defined]
    assert all(record.exc_info for record in caplog.records)


# What classes bring along


def test_scopes_come_in_the_order_of_the_classes_without_those_that_say_nothing() -> None:
    table = table_of(
        ClientClass(name="b", test={"member": "ALL"}, lease_time_s=60),
        ClientClass(name="silent", test={"member": "ALL"}),
        ClientClass(name="a", test={"member": "ALL"}, options={"host-name": "a"}),
        ClientClass(name="other", test={"member": "UNKNOWN"}, lease_time_s=60),
    )
    scopes = table.scopes(table.classify(Packet(), known=True))
    assert [(scope.name, scope.lease_time_s, dict(scope.options)) for scope in scopes] == [
        ("class b", 60, {}),
        ("class a", None, {12: b"a"}),
    ]
    assert table.scopes(("ALL", "KNOWN")) == ()


def test_a_dropping_class_is_named() -> None:
    table = table_of(
        PXE, ClientClass(name="unwanted", test={"member": "pxe"}, drop=True), ClientClass(name="gone", drop=True)
    )
    assert table.dropping(table.classify(PXE_PACKET, known=True)) == "unwanted"
    assert table.dropping(table.classify(Packet(), known=True)) is None
    assert table.dropping(table.classify(Packet(), known=True, reserved_classes=["gone"])) == "gone"


def test_a_guards_names_are_checked() -> None:
    problems: list[tuple[str, str]] = []
    names = table_of(PXE).checked(["pxe", "pxee", "KNOWN", 7], "subnet[0].classes", lambda *one: problems.append(one))  # type: ignore[list-item]
    assert names == {"pxe", "KNOWN"}
    assert problems == [
        ("subnet[0].classes[1]", "there is no class 'pxee'; is 'pxe' meant?"),
        ("subnet[0].classes[3]", "there is no class 7; there are ALL, KNOWN, UNKNOWN, pxe"),
    ]


# Explanations


def test_an_explanation_has_every_class_and_why(caplog: pytest.LogCaptureFixture) -> None:
    table = table_of(
        PXE,
        ClientClass(name="gold"),
        ClientClass(name="silver"),
        ClientClass(name="function", function=lambda packet: packet.op == 1),
        ClientClass(name="broken", function=fail),
    )
    explained = table.explain(PXE_PACKET, known=True, reserved_classes=["gold"])
    assert [tuple(one) for one in explained] == [
        ("ALL", True, "every client belongs to it"),
        ("KNOWN", True, "the client has a reservation"),
        ("UNKNOWN", False, "the client has a reservation"),
        ("pxe", True, 'vendor-class-identifier prefix "PXEClient": yes, it is PXEClient:Arch:00007'),
        ("gold", True, "the client's reservation says so"),
        ("silver", False, "only a reservation makes a client belong to it"),
        ("function", True, "its function says so"),
        ("broken", False, "its function raised 'ValueError: port\\n7'"),
    ]
    unknown = table.explain(PXE_PACKET, known=False)
    assert unknown[1:3] == (
        ("KNOWN", False, "the client has no reservation"),
        ("UNKNOWN", True, "the client has no reservation"),
    )
    assert table.faults.total() == 0
    assert caplog.records == []


@given(packets(), st.booleans(), st.sets(st.sampled_from(["a", "b", "c", "d", "ALL"])))
def test_an_explanation_agrees_with_what_is_decided(packet: Packet, known: bool, reserved: set[str]) -> None:
    table = table_of(
        ClientClass(name="a", test={"option": "host-name", "exists": True}),
        ClientClass(name="b", test={"any": [{"member": "UNKNOWN"}, {"member": "a"}]}),
        ClientClass(name="c", function=lambda packet: packet.xid % 2 == 0),
        ClientClass(name="d", test={"not": {"member": "c"}}),
        ClientClass(name="e"),
    )
    explained = table.explain(packet, known=known, reserved_classes=reserved)
    members = table.classify(packet, known=known, reserved_classes=reserved)
    assert tuple(one.name for one in explained if one.member) == members
    assert [one.name for one in explained] == [*table.names]


# Mistakes


async def awaited(packet: Packet) -> bool:
    return True


@pytest.mark.parametrize(
    ("described", "key", "text"),
    [
        ({"name": ""}, "class[1].name", "'' is not a name"),
        ({"name": " a"}, "class[1].name", "' a' is not a name"),
        ({"name": "a\n"}, "class[1].name", "is not a name"),
        ({"name": "a\x1b[1mb"}, "class[1].name", "'a\\x1b[1mb' is not a name"),
        ({"name": "pxe"}, "class[1].name", "'pxe' is the name of class[0] already"),
        ({"name": "KNOWN"}, "class[1].name", "KNOWN exists by itself"),
        ({"name": "a", "test": {"member": "a"}}, "class[1].test.member", "before its own, and 'a' is not"),
        ({"name": "a", "test": {"member": "z"}}, "class[1].test.member", "before its own, and 'z' is not"),
        ({"name": "a", "test": {"member": "pxy"}}, "class[1].test.member", "is 'pxe' meant?"),
        (
            {"name": "a", "test": {"member": "ALL"}, "function": fail},
            "class[1].function",
            "a test or a function, not both",
        ),
        ({"name": "a", "function": "fail"}, "class[1].function", "'fail' cannot be called"),
        ({"name": "a", "function": awaited}, "class[1].function", "is an async function"),
        ({"name": "a", "drop": True, "lease_time_s": 60}, "class[1].drop", "they can be told nothing"),
        ({"name": "a", "options": {"routrs": "10.0.0.1"}}, "class[1].options.routrs", "is 'routers' "),
    ],
)
def test_a_mistake_is_reported_at_its_key(described: dict[str, Any], key: str, text: str) -> None:
    ((reported_key, reported_text),) = problems_of(PXE, ClientClass(**described), ClientClass(name="z"))
    assert reported_key == key
    assert text in reported_text


def test_a_test_with_a_mistake_makes_no_further_mistakes_of_the_tests_that_ask_for_its_class() -> None:
    wrong = ClientClass(name="wrong", test={"option": 60, "prefx": "a"})
    asking = ClientClass(name="asking", test={"member": "wrong"})
    assert [key for key, _ in problems_of(wrong, asking)] == ["class[0].test.prefx"]
