"""What a run says: its tables, and which targets were met."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from .measure import AVALANCHE_CLIENTS, LATENCY_RATE, MOST_LOSS, Result

__all__ = ["markdown", "report"]

_TARGETS = (
    ("ours-sqlite", "rate", "exchanges a second, SQLite", 1.6, True),
    ("ours-hooks", "rate", "exchanges a second, SQLite and the native callout", 1.3, True),
    ("ours-sqlite", "ack_p99_ms", "p99 of ACKs, SQLite", 2.0, False),
)
"""A server and a figure, what it is, the ratio to the baseline's that is wanted, and whether more is better."""


def report(
    titles: Mapping[str, str], baseline: str, results: Mapping[str, Result], notes: Mapping[str, Sequence[str]]
) -> str:
    """The tables of a run, in Markdown.

    Args:
        titles: What each server is called, by its name, in order.
        baseline: The name of the server that the others are compared with.
        results: What was measured.
        notes: What else there is to say.
    """
    names = [name for name in titles if name in results or name in notes]
    base = results.get(baseline, {})

    def middle(name: str, figure: str) -> float:
        values = results.get(name, {}).get(figure)
        return median(values) if values else math.nan

    def ratio(name: str, figure: str) -> float:
        return middle(name, figure) / median(base[figure]) if base.get(figure) else math.nan

    def spread(name: str, figure: str) -> str:
        values = results.get(name, {}).get(figure)
        return f"{min(values):,.0f} - {max(values):,.0f}" if values and len(values) > 1 else ""

    speed: list[tuple[str, ...]] = [
        (
            "server",
            "exchanges/s",
            "of the rounds",
            "ratio",
            "saturated",
            "renewing, ACKs/s",
            "CPU an answer, us",
            "in the kernel",
        )
    ]
    speed += [
        (
            titles[name],
            _figure(middle(name, "rate"), ",.0f"),
            spread(name, "rate"),
            _figure(ratio(name, "rate"), ".2f"),
            _figure(middle(name, "saturated"), ",.0f"),
            _figure(middle(name, "renewing_rate"), ",.0f"),
            _figure(middle(name, "cpu_us"), ".1f"),
            _figure(middle(name, "kernel_us"), ".1f"),
        )
        for name in names
    ]
    rest: list[tuple[str, ...]] = [
        ("server", "OFFER p50, ms", "p99", "ACK p50, ms", "p99", "ratio of p99", "memory, MB", "avalanche, s", "resent")
    ]
    rest += [
        (
            titles[name],
            *(_figure(middle(name, f"{kind}_p{p}_ms"), ".3f") for kind in ("offer", "ack") for p in (50, 99)),
            _figure(ratio(name, "ack_p99_ms"), ".2f"),
            _figure(middle(name, "resident_mb"), ".0f"),
            _figure(middle(name, "avalanche_s"), ".2f"),
            _figure(middle(name, "resent"), ",.0f"),
        )
        for name in names
    ]
    speed_title = f"Four-way exchanges a second with at most {MOST_LOSS:.0%} lost:"
    rest_title = (
        f"Latency and memory at {LATENCY_RATE:,} exchanges a second; an avalanche of {AVALANCHE_CLIENTS:,} clients:"
    )
    parts = []
    for title, table in ((speed_title, _measured(speed)), (rest_title, _measured(rest))):
        if len(table[0]) > 1:
            parts.append(f"{title}\n\n{markdown(table)}")
    remarks = [f"- {titles[name]}: {note}." for name in names for note in notes.get(name, ())]
    for name, figure, what, wanted, more in _TARGETS:
        reached = ratio(name, figure)
        if not math.isnan(reached):
            met = reached >= wanted if more else reached <= wanted
            remarks.append(
                f"- {what}: {reached:.2f} of {titles[baseline]}'s, at {'least' if more else 'most'} {wanted} wanted: "
                f"{'met' if met else 'MISSED'}."
            )
    return "\n\n".join([*parts, "\n".join(remarks)] if remarks else parts)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its head; all columns but the first are set to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([f"{row[0]:<{widths[0]}}", *cells]) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])])


def _measured(table: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The table without the columns that have no figure."""
    _, *rows = table
    kept = [0] + [column for column in range(1, len(table[0])) if any(row[column] not in ("", "-") for row in rows)]
    return [[row[column] for column in kept] for row in table]


def _figure(value: float, form: str) -> str:
    return "-" if math.isnan(value) else f"{value:{form}}"
