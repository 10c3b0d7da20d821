"""The datagrams that callouts are tried with."""

from dhcpcallout.codes import MessageType
from dhcpcallout.errors import WireError
from dhcpcallout.verify.packets import hostile, mutants, of_every_type, reply_of, request_of
from dhcpcallout.wire import check, decode


def test_requests_and_replies_are_of_exactly_the_size_that_is_asked_for() -> None:
    for size in (*range(250, 800), *range(4076, 4100), 65507):
        for message, kind in ((request_of(size), MessageType.DISCOVER), (reply_of(size), MessageType.ACK)):
            assert len(message) == size
            assert message[-1] == 0xFF
            assert decode(message, strict=True).message_type is kind


def test_there_is_a_message_of_every_type_in_both_directions() -> None:
    seen = {(packet.op, packet.message_type) for packet in (decode(data) for _, data in of_every_type())}
    assert {(op, kind) for op in (1, 2) for kind in (*MessageType, None)} <= seen


def test_hostile_datagrams_are_the_same_in_each_run_and_each_has_a_name() -> None:
    first, second = list(hostile()), list(hostile())
    assert first == second
    assert list(mutants(500)) == list(mutants(500))
    names = [name for name, _ in first]
    assert len(set(names)) == len(names) > 200
    assert {len(data) for _, data in first} >= {0, 1, 235, 236, 240, 4096, 4097, 65507}


def test_hostile_datagrams_are_of_all_kinds() -> None:
    kinds = {"good": 0, "malformed": 0, "no message": 0}
    for _, data in (*hostile(), *mutants(500)):
        try:
            kinds["malformed" if check(data) else "good"] += 1
        except WireError:
            kinds["no message"] += 1
    assert min(kinds.values()) >= 20
