"""Classes of clients: which of them a packet's client belongs to, and what each of them brings along."""

import inspect
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from ..codes import EventId
from ..wire import REGISTRY, OptionRegistry, Packet
from .conditions import Condition, compile_condition
from .model import ClientClass
from .scopes import EMPTY_SCOPE, PlannedScope, compile_scope
from .subjects import ReportProblem, suggestion

__all__ = ["ALL", "KNOWN", "UNKNOWN", "ClassTable", "Membership", "PlannedClass", "compile_classes"]

_log = logging.getLogger(__name__)

ALL = "ALL"
KNOWN = "KNOWN"
UNKNOWN = "UNKNOWN"
"""The classes that exist by themselves: every client, those with a reservation, those without one."""

_BUILT_IN = (ALL, KNOWN, UNKNOWN)
_OF_THE_KNOWN = (ALL, KNOWN)
_OF_THE_UNKNOWN = (ALL, UNKNOWN)


@dataclass(frozen=True, slots=True, eq=False)
class PlannedClass:
    """A class, checked. Without condition and function, a client belongs to it where its reservation says so.

    Attributes:
        name: What guards, other classes' tests and explanations call it.
        condition: Which clients belong to it.
        scope: What its clients are told.
        drop: Whether what its clients send is dropped.
        function: Says which clients belong to it, in the place of ``condition``.
    """

    name: str
    condition: Condition | None
    scope: PlannedScope
    drop: bool = False
    function: Callable[[Packet], bool] | None = None


class Membership(NamedTuple):
    """Whether a client belongs to a class.

    Attributes:
        name: The class.
        member: Whether it does.
        reason: Why, for people.
    """

    name: str
    member: bool
    reason: str


class ClassTable:
    """All classes, in the order in which they are decided.

    Args:
        classes: A condition may ask only for classes that stand before its own.

    Attributes:
        classes: The same, as a tuple.
        of_unreserved: What ``classify`` gives every client without a reservation, where no class asks what it sends;
            else None.
        names: Every name that a guard, a test or a reservation may give, ``ALL``, ``KNOWN`` and ``UNKNOWN`` included.
        faults: How often each class's function raised.
    """

    def __init__(self, classes: Sequence[PlannedClass] = ()) -> None:
        self.classes = tuple(classes)
        self.names = (*_BUILT_IN, *(one.name for one in self.classes))
        self.faults: Counter[str] = Counter()
        self._tests = tuple((one.name, self._test(one)) for one in self.classes)
        self.of_unreserved: tuple[str, ...] | None = (
            _OF_THE_UNKNOWN if all(test is None for _, test in self._tests) else None
        )
        self._scopes: Mapping[str, PlannedScope] = {
            one.name: one.scope for one in self.classes if one.scope is not EMPTY_SCOPE
        }
        self._dropping = frozenset(one.name for one in self.classes if one.drop)

    def classify(self, packet: Packet, *, known: bool, reserved_classes: Collection[str] = ()) -> tuple[str, ...]:
        """The classes that a packet's client belongs to.

        Args:
            packet: The packet.
            known: Whether the client has a reservation.
            reserved_classes: Classes to which the reservation makes it belong. Names of no class count for nothing.

        Returns:
            Their names: ``ALL``, then ``KNOWN`` or ``UNKNOWN``, then the others in the table's order.
        """
        built_in = _OF_THE_KNOWN if known else _OF_THE_UNKNOWN
        if not self._tests:
            return built_in
        members = dict.fromkeys(built_in)
        for name, test in self._tests:
            if name in reserved_classes or (test is not None and test(packet, members)):
                members[name] = None
        return tuple(members)

    def scopes(self, names: Iterable[str]) -> tuple[PlannedScope, ...]:
        """The scopes of classes, those left out that say nothing.

        Args:
            names: What ``classify`` returned.
        """
        scopes = self._scopes
        return tuple(scopes[name] for name in names if name in scopes) if scopes else ()

    def dropping(self, names: Iterable[str]) -> str | None:
        """The first class whose clients' packets are dropped, or None.

        Args:
            names: What ``classify`` returned.
        """
        return next((name for name in names if name in self._dropping), None) if self._dropping else None

    def explain(self, packet: Packet, *, known: bool, reserved_classes: Collection[str] = ()) -> tuple[Membership, ...]:
        """What ``classify`` decides, with the reasons, for every class. Functions' faults are told, not counted.

        The arguments are those of ``classify``.
        """
        explained = [
            Membership(ALL, True, "every client belongs to it"),
            Membership(KNOWN, known, "the client has a reservation" if known else "the client has no reservation"),
            Membership(
                UNKNOWN, not known, "the client has a reservation" if known else "the client has no reservation"
            ),
        ]
        members = {one.name for one in explained if one.member}
        for one in self.classes:
            if one.name in reserved_classes:
                answer, reason = True, "the client's reservation says so"
            else:
                answer, reason = _decide(one, packet, members)
            explained.append(Membership(one.name, answer, reason))
            if answer:
                members.add(one.name)
        return tuple(explained)

    def checked(self, names: Iterable[str], key: str, problem: ReportProblem) -> frozenset[str]:
        """The names of classes that a guard or a reservation gives.

        Args:
            names: What the user wrote.
            key: The list's key in the configuration, ``subnet[0].classes``.
            problem: Called for every name that no class has; such names are left out.
        """
        known = set()
        for number, name in enumerate(names):
            if name in self.names:
                known.add(name)
            else:
                problem(f"{key}[{number}]", f"there is no class {name!r}; {suggestion(str(name), self.names)}")
        return frozenset(known)

    def _test(self, one: PlannedClass) -> Callable[[Packet, Collection[str]], bool] | None:
        if one.function is not None:
            return partial(self._ask, one.name, one.function)
        return one.condition.test if one.condition is not None else None

    def _ask(
        self,
        name: str,
        function: Callable[[Packet], bool],
        packet: Packet,
        members: Collection[str],  # noqa: ARG002
    ) -> bool:
        try:
            return bool(function(packet))
        except (Exception, SystemExit):  # a function that calls sys.exit() must not end the server
            self.faults[name] += 1
            if self.faults[name] == 1:
                _log.exception(
                    "the function of class %s failed: the client is taken not to belong to it; "
                    "further failures of it are counted, not logged",
                    name,
                    extra={"event_id": int(EventId.CALLOUT_EXCEPTION)},
                )
            return False


def compile_classes(
    classes: Sequence[ClientClass], key: str, problem: ReportProblem, *, registry: OptionRegistry = REGISTRY
) -> ClassTable:
    """Check classes and make a table of them.

    Args:
        classes: What the user says.
        key: Their key in the configuration, ``class``.
        problem: Called with the key and the text of every mistake; what is wrong is left out.
        registry: Where options are looked up.
    """
    planned = []
    places: dict[str, str] = {}
    names = [one.name for one in classes]
    for number, one in enumerate(classes):
        place = f"{key}[{number}]"
        _check_name(one.name, f"{place}.name", places, problem)
        _check_function(one, f"{place}.function", problem)
        condition = None
        if one.test is not None:
            condition = compile_condition(
                one.test,
                f"{place}.test",
                problem,
                registry=registry,
                known_classes=(*_BUILT_IN, *names[:number]),
                later_classes=names[number:],
            )
        scope = compile_scope(one, f"class {one.name}", place, problem, registry=registry)
        if one.drop and scope is not EMPTY_SCOPE:
            problem(f"{place}.drop", "what these clients send is dropped, so that they can be told nothing")
        planned.append(PlannedClass(one.name, condition, scope, one.drop, one.function))
        places.setdefault(one.name, place)
    return ClassTable(planned)


def _check_name(name: str, key: str, places: Mapping[str, str], problem: ReportProblem) -> None:
    if not name or name != name.strip() or not name.isprintable():
        problem(key, f"{name!r} is not a name: at least one character, none unprintable, no space around it")
    elif name in _BUILT_IN:
        problem(key, f"{name} exists by itself; a class of another name can have test = {{ member = {name!r} }}")
    elif name in places:
        problem(key, f"{name!r} is the name of {places[name]} already")


def _check_function(one: ClientClass, key: str, problem: ReportProblem) -> None:
    if one.function is None:
        return
    if one.test is not None:
        problem(key, "a class has a test or a function, not both")
    function: object = one.function
    if not callable(function):
        problem(key, f"{function!r} cannot be called")
    elif inspect.iscoroutinefunction(function):
        problem(key, f"{function!r} is an async function; a class's function is called, not awaited")


def _decide(one: PlannedClass, packet: Packet, members: Collection[str]) -> tuple[bool, str]:
    if one.function is not None:
        try:
            answer = bool(one.function(packet))
        except (Exception, SystemExit) as error:
            return False, f"its function raised {traceback.format_exception_only(error)[-1].strip()!r}"
        return answer, "its function says so"
    if one.condition is None:
        return False, "only a reservation makes a client belong to it"
    return one.condition.test(packet, members), one.condition.explain(packet, members)
