import logging
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import EventId
from dhcpcallout.errors import CalloutInitError, CalloutLoadError
from dhcpcallout.hooks import Callout, CalloutEntry
from dhcpcallout.loaders import Registry, load_callout, load_callouts, ordered, resolve

LoadFunction = Callable[[str], None]


class ClosingCallout(Callout):
    def __init__(self, name: str, closed: list[str]) -> None:
        super().__init__(name)
        self._closed = closed

    def close(self) -> None:
        self._closed.append(self.name)


class FakeLoader:
    """Accepts what ends in .so, fails what ``failing`` names, and notes its calls."""

    name = "fake"

    def __init__(self, failing: dict[str, CalloutLoadError] | None = None) -> None:
        self.failing = failing or {}
        self.calls: list[tuple[str, CalloutEntry]] = []
        self.closed: list[str] = []

    def accepts(self, entry: str) -> bool:
        return entry.endswith(".so")

    def load(self, entry: str, call: CalloutEntry) -> Callout:
        self.calls.append((entry, call))
        if entry in self.failing:
            raise self.failing[entry]
        return ClosingCallout(entry, self.closed)


def event_ids(caplog: pytest.LogCaptureFixture) -> list[int]:
    return [vars(record)["event_id"] for record in caplog.records if hasattr(record, "event_id")]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["b", "a", "c"], ("a", "b", "c")),
        (["b.so", "B.a", "A.so"], ("A.so", "B.a", "b.so")),
        # As upper case, "_" comes after "Z"; as lower case it would come before "a".
        (["a_b", "aZb"], ("aZb", "a_b")),
        (["z", "Ä", "ä", "a"], ("a", "z", "Ä", "ä")),
        (["a10", "a9"], ("a10", "a9")),
        # A letter without an upper case of one character stays what it is: "ß" does not become "SS".
        (["st", "ß"], ("st", "ß")),
        # By units of UTF-16: a pair of surrogates comes before U+E000 and what follows it.
        (["\ue000", "\U0001d11e"], ("\U0001d11e", "\ue000")),
        (["b", "a", "b"], ("a", "b")),
        ([], ()),
    ],
)
def test_entries_are_ordered_ordinally_without_regard_to_case(entries: list[str], expected: tuple[str, ...]) -> None:
    assert ordered(entries) == expected


@given(st.lists(st.text()), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_lists_order(entries: list[str], shuffler: random.Random) -> None:
    shuffled = entries[:]
    shuffler.shuffle(shuffled)
    assert ordered(shuffled) == ordered(entries)
    assert sorted(set(entries)) == sorted(ordered(entries))


@given(st.lists(st.text(st.characters(max_codepoint=0x7F)), unique_by=str.upper))
def test_ascii_entries_are_ordered_by_their_upper_case(entries: list[str]) -> None:
    assert list(ordered(entries)) == sorted(entries, key=str.upper)


NAMES = st.lists(st.from_regex(r"[a-cA-C]{1,3}\.so", fullmatch=True), unique=True)


@given(NAMES, st.data())
def test_with_policy_first_the_first_that_loads_ends_the_search_and_gets_the_rest(
    dlls: list[str], data: st.DataObject
) -> None:
    failing = data.draw(st.sets(st.sampled_from(dlls)) if dlls else st.just(set()))
    loader = FakeLoader({f"/base/{name}": CalloutLoadError("no") for name in failing})
    result = load_callouts(Registry(dlls, 1), base_directory="/base", loaders=[loader])
    in_order = ordered(dlls)
    place = next((place for place, name in enumerate(in_order) if name not in failing), len(in_order))
    assert [path for path, _ in loader.calls] == [f"/base/{name}" for name in in_order[: place + 1]]
    assert [callout.name for callout in result.callouts] == [f"/base/{name}" for name in in_order[place : place + 1]]
    for path, call in loader.calls:
        rest = in_order[in_order.index(path.removeprefix("/base/")) + 1 :]
        assert call == CalloutEntry(tuple(f"/base/{name}" for name in rest), 0)
    assert [attempt.entry for attempt in result.attempts] == list(in_order)


@given(NAMES, st.data())
def test_with_policy_all_each_is_tried_in_order_with_no_chain(dlls: list[str], data: st.DataObject) -> None:
    failing = data.draw(st.sets(st.sampled_from(dlls)) if dlls else st.just(set()))
    loader = FakeLoader({f"/base/{name}": CalloutLoadError("no") for name in failing})
    result = load_callouts(Registry(dlls, 1, "all"), base_directory="/base", loaders=[loader])
    in_order = ordered(dlls)
    assert loader.calls == [(f"/base/{name}", CalloutEntry(())) for name in in_order]
    assert [callout.name for callout in result.callouts] == [
        f"/base/{name}" for name in in_order if name not in failing
    ]


def test_each_attempt_says_what_became_of_its_entry(caplog: pytest.LogCaptureFixture) -> None:
    loader = FakeLoader(
        {"/base/a.so": CalloutLoadError("a cannot be loaded"), "/base/b.so": CalloutInitError("b raised")}
    )
    with caplog.at_level(logging.INFO):
        result = load_callouts(
            Registry(["d.so", "c.so", "b.so", "a.so", "_.txt"], 1), base_directory="/base", loaders=[loader]
        )
    assert [
        (attempt.entry, attempt.loader, attempt.callout is not None, attempt.event_id, attempt.reason)
        for attempt in result.attempts
    ] == [
        ("a.so", "fake", False, EventId.CALLOUT_LOAD_FAILED, "a cannot be loaded"),
        ("b.so", "fake", False, EventId.CALLOUT_LOAD_EXCEPTION, "b raised"),
        ("c.so", "fake", True, EventId.CALLOUT_LOADED, ""),
        ("d.so", "fake", False, None, "not tried: it is in the chain that c.so was given"),
        ("_.txt", None, False, None, "not tried: it is in the chain that c.so was given"),
    ]
    assert event_ids(caplog) == [1034, 1032, 1033]


def test_an_entry_that_no_loader_accepts_fails_with_what_would_be_right(caplog: pytest.LogCaptureFixture) -> None:
    result = load_callouts(Registry(["policy.rb"], 1))
    (attempt,) = result.attempts
    assert attempt.event_id == EventId.CALLOUT_LOAD_FAILED
    assert attempt.reason == (
        "'policy.rb' is no callout: a native one's path ends in .dll, .so or .dylib; "
        "a Python one is python:package.module, or a path that ends in .py"
    )
    assert event_ids(caplog) == [1034]


@pytest.mark.parametrize("entry", ["", "  ", "a\0b.so"])
def test_an_entry_that_no_multi_sz_can_hold_fails_and_is_in_no_chain(entry: str) -> None:
    loader = FakeLoader({"/base/0.so": CalloutLoadError("no")})
    result = load_callouts(Registry(["0.so", "z.so", entry], 1), base_directory="/base", loaders=[loader])
    assert [path for path, _ in loader.calls] == ["/base/0.so", "/base/z.so"]
    assert loader.calls[0][1].chain == ("/base/z.so",)
    (attempt,) = (attempt for attempt in result.attempts if attempt.entry == entry)
    assert attempt.callout is None
    assert "is no callout" in attempt.reason


def test_without_entries_nothing_is_loaded_and_nothing_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for enabled in (None, 0, 1):
            assert load_callouts(Registry((), enabled)).attempts == ()
    assert not caplog.records


@pytest.mark.parametrize(
    ("enabled", "reason", "warnings"),
    [
        (0, "not tried: CalloutEnabled is 0", 0),
        (None, "not tried: CalloutEnabled is not there; 1 enables the callouts", 1),
    ],
)
def test_disabled_callouts_are_not_tried(
    enabled: int | None, reason: str, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    loader = FakeLoader()
    result = load_callouts(Registry(["a.so"], enabled), loaders=[loader])
    assert loader.calls == []
    assert result.callouts == ()
    assert [attempt.reason for attempt in result.attempts] == [reason]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * warnings


def test_any_number_but_zero_enables() -> None:
    assert load_callouts(Registry(["a.so"], 2), loaders=[FakeLoader()]).callouts


def test_the_first_loader_that_accepts_an_entry_loads_it() -> None:
    first, second = FakeLoader(), FakeLoader()
    load_callouts(Registry(["a.so"], 1), loaders=[first, second])
    assert len(first.calls) == 1
    assert second.calls == []


def test_callouts_are_closed_the_last_first() -> None:
    loader = FakeLoader()
    result = load_callouts(Registry(["a.so", "b.so"], 1, "all"), base_directory="/base", loaders=[loader])
    result.close()
    assert loader.closed == ["/base/b.so", "/base/a.so"]


@pytest.mark.parametrize(
    ("entry", "resolved"),
    [
        ("a.so", "/base/a.so"),
        ("./sub/../a.so", "/base/a.so"),
        ("/opt/a.so", "/opt/a.so"),
        ("policy.py", "/base/policy.py"),
        ("python:policy", "python:policy"),
    ],
)
def test_paths_are_relative_to_the_base_directory(entry: str, resolved: str) -> None:
    assert resolve(entry, Path("/base")) == resolved


def test_paths_are_relative_to_the_current_directory_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loader = FakeLoader()
    load_callouts(Registry(["a.so"], 1), loaders=[loader])
    assert [path for path, _ in loader.calls] == [str(tmp_path / "a.so")]


def test_one_callout_is_loaded_with_its_chain_resolved() -> None:
    loader = FakeLoader()
    loaders: Sequence[FakeLoader] = [loader]
    callout = load_callout("a.so", chain=["b.so", "python:c"], base_directory="/base", loaders=loaders)
    assert callout.name == "/base/a.so"
    assert loader.calls == [("/base/a.so", CalloutEntry(("/base/b.so", "python:c")))]


def test_one_callout_that_cannot_be_loaded_raises() -> None:
    with pytest.raises(CalloutLoadError, match=r"'a\.txt' is no callout"):
        load_callout("a.txt")


def test_a_broken_callout_does_not_stop_the_next(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "b.so").write_text("no library\n")
    (tmp_path / "c.py").write_text("from dhcpcallout.hooks import Callout\n\ncallout = Callout('the third')\n")
    with caplog.at_level(logging.INFO):
        result = load_callouts(Registry(["c.py", "b.so", "a.py"], 1), base_directory=tmp_path)
    assert [callout.name for callout in result.callouts] == ["the third"]
    assert event_ids(caplog) == [1032, 1034, 1033]
    assert "SystemExit" in result.attempts[0].reason
