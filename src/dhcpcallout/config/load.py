"""From a configuration file to ``Settings``, or to everything that is wrong in it, each with its line."""

import codecs
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine import Reservation, Scope, Subnet
from ..engine.plan import plan
from ..errors import ConfigError, EncodeError, Problem
from ..loaders import Registry
from ..transports import parse_listen
from ..wire import REGISTRY
from ..wire.types.composite import Array
from .locate import Place, find_duplicate, line_of, locate
from .schema import Document, SubnetTable, as_key
from .settings import Settings
from .validate import Mistake, Validated, validate

__all__ = ["load_config", "parse_config"]

_TWICE = re.compile("Cannot overwrite|Cannot declare|Duplicate")
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_KEY_IN_PROBLEM = re.compile(r"\bsubnet\[\d+\](?:\.[\w-]+|\[\d+\])*")


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
        settings = _settings(validated.document, file, Path(base_directory).absolute())
        mistakes = [*validated.mistakes, *_further_mistakes(validated, settings, data, text)]
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


def _settings(document: Document, file: str, base_directory: Path) -> Settings:
    scheme, _, rest = document.leases.store.partition(":")
    callouts = document.callouts
    return Settings(
        file=file,
        base_directory=base_directory,
        interfaces=tuple(document.server.interfaces),
        listen=tuple(map(parse_listen, document.server.listen)),
        authoritative=document.server.authoritative,
        store=f"sqlite:{base_directory / rest}" if scheme == "sqlite" else document.leases.store,
        callouts=Registry(tuple(callouts.dlls), callouts.enabled, callouts.policy),
        options=document.options,
        subnets=tuple(map(_subnet, document.subnet)),
    )


def _subnet(table: SubnetTable) -> Subnet:
    return Subnet(
        network=table.network,
        pools=tuple(table.pools),
        lease_time_s=table.lease_time,
        options=table.options,
        interface=table.interface,
        reservations=tuple(
            Reservation(hardware_address=one.hardware_address, address=one.address) for one in table.reservation
        ),
    )


def _further_mistakes(
    validated: Validated, settings: Settings, data: Mapping[str, Any], text: str
) -> Iterator[Mistake]:
    """What is wrong beyond the schema, at its place in the text."""
    origins = {_key(place, str): origin for place, origin in validated.origins.items()}

    def place_of(key: str) -> Place:
        known = key
        while known not in origins:
            known = known[: max(known.rfind("."), known.rfind("["), 0)]
        return (*origins[known], *re.findall(r"[^.\[\]]+", key[len(known) :]))

    to_blame = {place[0] for place, _ in validated.mistakes}  # for what seems to be absent
    for key, problem in _absences(settings):
        if place_of(key)[0] not in to_blame:
            yield place_of(key), problem
    for key, problem in _repetitions(settings):
        yield place_of(key), problem
    try:
        plan(settings.subnets, defaults=Scope(options=settings.options))
    except ConfigError as error:
        lines = locate(text)

        def with_line(key: re.Match[str]) -> str:
            place = place_of(key[0])
            return f"{_key(place)} (line {line_of(place, lines)})"

        for found in error.problems:
            place = place_of(found.key)
            elements = list(_elements_at_fault(place, data))
            yield from elements or [(place, _KEY_IN_PROBLEM.sub(with_line, found.problem))]


def _elements_at_fault(place: Place, data: Any) -> Iterator[Mistake]:
    """What is wrong in an option that is a list, for each element that is: it may be on a line of its own."""
    spec = REGISTRY.get(place[-1]) if place[-2:-1] == ("options",) else None
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
    if not settings.subnets:
        yield "subnet", "is missing: at least one [[subnet]] is needed, to say which addresses there are"


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
