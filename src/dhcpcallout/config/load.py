"""From a configuration file to ``Settings``, or to everything that is wrong in it, each with its line."""

import codecs
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..control.address import HAS_UNIX_SOCKETS, control_path
from ..engine import ClientClass, Pool, Reservation, Scope, SharedNetwork, Subnet
from ..errors import CalloutLoadError, ConfigError, EncodeError, Problem
from ..loaders import Isolation, Registry, load_function, read_reg_file, read_windows_registry
from ..transports import parse_listen
from ..wire import REGISTRY, OptionDefinition, OptionRegistry
from ..wire.types.composite import Array
from .locate import Place, find_duplicate, line_of, locate
from .schema import (
    CalloutsTable,
    CalloutTable,
    ClassTable,
    Document,
    ReservationTable,
    ScopeTable,
    SubnetTable,
    Table,
    as_key,
    table_of,
)
from .settings import Settings
from .validate import Mistake, Validated, validate

__all__ = ["load_config", "parse_config"]

_TWICE = re.compile("Cannot overwrite|Cannot declare|Duplicate")
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_KEY_IN_PROBLEM = re.compile(
    r"(?<![\w-])(?:subnet|shared-network|class|reservation|option-definition)\[\d+\](?:\.[\w-]+|\[\d+\])*"
)

_Report = Callable[[str, str], None]
"""Called with the key and the text of a mistake; the key is that of the document without its mistakes."""


def load_config(path: str | os.PathLike[str]) -> Settings:
    """Read a configuration file.

    Raises:
        ConfigError: With every mistake in the file, in its order; or the file cannot be read.
    """
    file = os.fspath(path)
    try:
        content = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise ConfigError([Problem(file, None, "", error.strerror or str(error))]) from None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} is not UTF-8, which TOML is written in"
        raise ConfigError([Problem(file, line, "", problem)]) from None
    return parse_config(text, file=file, base_directory=Path(path).parent)


def parse_config(text: str, *, file: str = "dhcp.toml", base_directory: str | os.PathLike[str]) -> Settings:
    """Read a configuration from its text.

    Args:
        text: What the file holds.
        file: Its name, for messages.
        base_directory: What relative paths are relative to.

    Raises:
        ConfigError: With every mistake, in the text's order.
    """
    try:
        try:
            data = tomllib.loads(text)
        except ValueError as error:  # TOMLDecodeError, or an integer of more digits than int() takes
            raise ConfigError([_syntax_problem(error, text, file)]) from None
        validated = validate(data)
        found: list[tuple[str, str]] = []
        base = Path(base_directory).absolute()
        settings = _settings(validated.document, file, base, lambda key, problem: found.append((key, problem)))
        mistakes = [*validated.mistakes, *_further_mistakes(validated, settings, found, data, text)]
        if mistakes:
            raise ConfigError(_problems(mistakes, text, file))
    except RecursionError:
        raise ConfigError([Problem(file, None, "", "arrays or tables are nested too deeply")]) from None
    return settings


def _syntax_problem(error: ValueError, text: str, file: str) -> Problem:
    message = str(error)
    duplicate = find_duplicate(text) if _TWICE.match(message) else None
    if duplicate is not None:
        problem = f"is given twice, first on line {duplicate.first_line}"
        return Problem(file, duplicate.line, _key(duplicate.path), problem)
    where = _WHERE.search(message)
    if where is None:
        return Problem(file, None, "", message)
    line = int(where[1]) if where[1] else text.rstrip().count("\n") + 1
    return Problem(file, line, "", message[: where.start()])


def _settings(document: Document, file: str, base_directory: Path, report: _Report) -> Settings:
    scheme, _, rest = document.leases.store.partition(":")
    callouts, server = document.callouts, document.server
    return Settings(
        file=file,
        base_directory=base_directory,
        interfaces=tuple(server.interfaces),
        listen=tuple(map(parse_listen, server.listen)),
        authoritative=server.authoritative,
        offer_time_s=server.offer_time_s,
        decline_time_s=server.decline_time_s,
        leasequery_relays=tuple(server.leasequery_relays),
        max_parked=server.max_parked,
        parked_timeout_s=server.parked_timeout_s,
        on_timeout=server.on_timeout,
        store=f"sqlite:{base_directory / rest}" if scheme == "sqlite" else document.leases.store,
        control=_control(server.control, base_directory / rest if scheme == "sqlite" else None, base_directory),
        callouts=_callouts(callouts, file, base_directory, report),
        networks=(
            *map(_subnet, document.subnet),
            *(
                SharedNetwork(**_values(table), subnets=tuple(map(_subnet, table.subnet)))
                for table in document.shared_network
            ),
        ),
        defaults=Scope(**{name: value for name, value in _values(document).items() if name in ScopeTable.model_fields}),
        classes=tuple(
            _class(table, f"class[{number}]", base_directory, report) for number, table in enumerate(document.class_)
        ),
        reservations=_reservations(document.reservation),
        registry=_registry(document, report),
    )


def _callouts(table: CalloutsTable, file: str, base_directory: Path, report: _Report) -> Registry:
    values = _registry_values(table, file, base_directory, report)
    isolation = _isolation(table, Isolation())
    isolations: dict[str, Isolation] = {}
    for number, entry in enumerate(table.entry):
        if entry.name in isolations:
            report(f"callouts.entry[{number}].name", f"{entry.name} has an entry before already")
        elif entry.name not in (*values.dlls, *values.entries):
            report(f"callouts.entry[{number}].name", f"{entry.name} is not in CalloutDlls")
        isolations[entry.name] = _isolation(entry, isolation)
    return replace(
        values,
        policy=table.policy,
        allow_sha256=None if table.allow_sha256 is None else tuple(table.allow_sha256),
        path_map=table.path_map,
        isolation=isolation,
        isolations=isolations,
    )


def _registry_values(table: CalloutsTable, file: str, base_directory: Path, report: _Report) -> Registry:
    """The two values, from this file or from where it says."""
    if table.registry in (None, "windows") and table.registry_code_page is not None:
        report("callouts.registry-code-page", 'is said of no file; the file is named by registry = "FILE.reg"')
    if table.registry is None:
        return Registry(tuple(table.dlls), table.enabled, source=f"{file}, [callouts]")
    for name, key in (("dlls", "CalloutDlls"), ("enabled", "CalloutEnabled")):
        if name in table.model_fields_set:
            report(f"callouts.{key}", "is given beside registry, which says where it comes from; leave out one of them")
    try:
        if table.registry == "windows":
            return read_windows_registry()
        return read_reg_file(base_directory / table.registry, code_page=table.registry_code_page)
    except ConfigError as error:
        for problem in error.problems:
            report("callouts.registry", str(problem))
        return Registry()


_ISOLATION = {
    "isolation": "mode",
    "timeout_ms": "timeout_ms",
    "on_failure": "on_failure",
    "max_failures": "max_failures",
    "worker_command": "worker_command",
    "worker_environment": "environment",
    "worker_start_timeout_s": "start_timeout_s",
    "worker_memory_mib": "memory_mib",
    "worker_cpu_s": "cpu_s",
    "worker_open_files": "open_files",
    "worker_no_new_files": "no_new_files",
    "worker_no_new_processes": "no_new_processes",
    "worker_user": "user",
}
"""The attributes of ``Isolation`` that keys of the two tables give."""


def _isolation(table: CalloutsTable | CalloutTable, default: Isolation) -> Isolation:
    """What a table says of isolation, and the default what it does not say."""
    values = {attribute: getattr(table, name) for name, attribute in _ISOLATION.items()}
    return replace(default, **{attribute: value for attribute, value in values.items() if value is not None})


def _control(given: str | None, lease_file: Path | None, base_directory: Path) -> Path | None:
    """Where the control socket is: beside the lease file, unless the configuration has another place, or none."""
    if given is not None:
        return base_directory / given if given else None
    return control_path(lease_file) if lease_file is not None and HAS_UNIX_SOCKETS else None


def _values(table: Table) -> dict[str, Any]:
    """A table's values by the attributes of its model, but for the tables in it."""
    values = {name: getattr(table, name) for name, field in type(table).model_fields.items() if table_of(field) is None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _subnet(table: SubnetTable) -> Subnet:
    pools = (*table.pools, *(Pool(**_values(one)) for one in table.pool))
    return Subnet(**_values(table) | {"pools": pools}, reservations=_reservations(table.reservation))


def _reservations(tables: Iterable[ReservationTable]) -> tuple[Reservation, ...]:
    # What is given as an option's value is a list where the file has one: it is no list of the table's own.
    return tuple(Reservation(**_values(table) | {"option_value": table.option_value}) for table in tables)


def _class(table: ClassTable, key: str, base_directory: Path, report: _Report) -> ClientClass:
    function = None
    if table.function is not None:
        try:
            function = load_function(table.function, base_directory)
        except CalloutLoadError as error:
            report(f"{key}.function", str(error))
    return ClientClass(**_values(table) | {"function": function})


def _registry(document: Document, report: _Report) -> OptionRegistry:
    """The options with those that the file defines, as far as they are without mistakes."""
    definitions = dict(enumerate(OptionDefinition(**_values(table)) for table in document.option_definition))
    reported = False
    while definitions:
        try:
            return REGISTRY.with_definitions(definitions.values())
        except ConfigError as error:
            numbers = list(definitions)
            for found in error.problems:
                _, number, key = re.split(r"[\[\]]", found.key, maxsplit=2)
                definitions.pop(numbers[int(number)], None)
                if not reported:  # later ones may only come from what is left out
                    report(f"option-definition[{numbers[int(number)]}]{key}", found.problem)
            reported = True
    return REGISTRY


def _further_mistakes(
    validated: Validated, settings: Settings, found: list[tuple[str, str]], data: Mapping[str, Any], text: str
) -> Iterator[Mistake]:
    """What is wrong beyond the schema, at its place in the text."""
    document = validated.document
    origins = {_plan_key(place, document): origin for place, origin in validated.origins.items()}

    def place_of(key: str) -> Place:
        known = key
        while known not in origins:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        return (*origins[known], *re.findall(r"[^.\[\]]+", key[len(known) :]))

    to_blame = {place[0] for place, _ in validated.mistakes}  # for what seems to be absent
    for key, problem in _absences(settings):
        if place_of(key)[0] not in to_blame:
            yield place_of(key), problem
    for key, problem in (*_repetitions(settings), *_nameless(document), *found):
        if place_of(key) not in validated.stand_ins:
            yield place_of(key), problem

    try:
        settings.plan()
    except ConfigError as error:
        lines = locate(text)
        lost = {place for place, _ in validated.mistakes} - set(validated.origins.values())
        in_vain = {place[:size] for place in lost for size in range(len(place))} | validated.stand_ins
        doubtful = (*_doubtful(document, settings, data, [key for key, _ in found]),)

        def with_line(key: re.Match[str]) -> str:
            place = place_of(key[0])
            return f"{_key(place)} (line {line_of(place, lines)})"

        for one in error.problems:
            place = place_of(one.key)
            if one.problem.startswith(doubtful) or place in in_vain:
                continue  # it may only follow from another mistake
            elements = list(_elements_at_fault(place, data, settings.registry))
            yield from elements or [(place, _KEY_IN_PROBLEM.sub(with_line, one.problem))]


def _doubtful(document: Document, settings: Settings, data: Mapping[str, Any], wrong: list[str]) -> Iterator[str]:
    """How the problems begin that may come from others alone: from names, definitions and classes with mistakes."""
    yield "'' is the name of "
    definitions, classes = (_tables(data, name) for name in ("option-definition", "class"))
    if len(definitions) > len(document.option_definition) or any(key.startswith("option-def") for key in wrong):
        for name in (table.get("name") for table in definitions):
            if name not in settings.registry:
                yield f"there is no option {name!r}"
    if len(classes) > len(document.class_) or not all(table.name for table in document.class_):
        yield "there is no class "


def _tables(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    tables = data.get(name)
    return [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []


def _plan_key(place: Place, document: Document) -> str:
    """What ``plan`` calls a place in the document: a pool with a table of its own is one after those in ``pools``."""
    match place:
        case ("subnet", int(number), "pool", int(pool), *_):
            subnet, at = document.subnet[number], 2
        case ("shared-network", int(network), "subnet", int(number), "pool", int(pool), *_):
            subnet, at = document.shared_network[network].subnet[number], 4
        case _:
            return _key(place, str)
    return _key((*place[:at], "pools", len(subnet.pools) + pool, *place[at + 2 :]), str)


def _elements_at_fault(place: Place, data: Any, registry: OptionRegistry) -> Iterator[Mistake]:
    """What is wrong in an option that is a list, for each element that is: it may be on a line of its own."""
    spec = registry.get(place[-1]) if place[-2:-1] == ("options",) else None
    if spec is None or not isinstance(spec.type, Array):
        return
    for part in place:
        data = data[part]
    for index, element in enumerate(data if isinstance(data, list) else ()):
        try:
            spec.type.of.encode(element)
        except EncodeError as error:
            yield (*place, index), error.message


def _absences(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.listen and not settings.interfaces:
        yield "server", 'needs interfaces, such as ["eth1"], or listen, such as ["127.0.0.1:6767"]'
    if not settings.networks:
        yield "subnet", "is missing: at least one [[subnet]] is needed, to say which addresses there are"


def _nameless(document: Document) -> Iterator[tuple[str, str]]:
    for number, table in enumerate(document.shared_network):
        if not table.name:
            yield f"shared-network[{number}].name", "must not be empty"


def _repetitions(settings: Settings) -> Iterator[tuple[str, str]]:
    lists: Mapping[str, Sequence[object]] = {"interfaces": settings.interfaces, "listen": settings.listen}
    for name, values in lists.items():
        for index, value in enumerate(values):
            if value in values[:index]:
                yield f"server.{name}[{index}]", "is given before already"


def _problems(mistakes: Iterable[Mistake], text: str, file: str) -> list[Problem]:
    lines = locate(text)
    in_order = sorted(mistakes, key=lambda mistake: line_of(mistake[0], lines))
    return [Problem(file, line_of(place, lines), _key(place), _on_one_line(problem)) for place, problem in in_order]


def _on_one_line(problem: str) -> str:
    """What is wrong, with what the file holds of unprintable characters escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in problem)


def _key(place: Place, as_written: Callable[[str], str] = as_key) -> str:
    """A place in one word, ``subnet[0].pools[1]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{as_written(part)}" for part in place).removeprefix(".")
