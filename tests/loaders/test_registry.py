import hashlib
import logging
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import EventId
from dhcpcallout.errors import CalloutInitError, CalloutLoadError
from dhcpcallout.hooks import Callout, CalloutEntry
from dhcpcallout.loaders import Registry, examine_callouts, load_callout, load_callouts, ordered, resolve

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


NAMES = st.lists(st.from_regex(r"/base/[a-cA-C]{1,3}\.so", fullmatch=True), unique=True)


@given(NAMES, st.data())
def test_with_policy_first_the_first_that_loads_ends_the_search_and_gets_the_rest(
    dlls: list[str], data: st.DataObject
) -> None:
    failing = data.draw(st.sets(st.sampled_from(dlls)) if dlls else st.just(set()))
    loader = FakeLoader({name: CalloutLoadError("no") for name in failing})
    result = load_callouts(Registry(dlls, 1), loaders=[loader])
    in_order = ordered(dlls)
    place = next((place for place, name in enumerate(in_order) if name not in failing), len(in_order))
    assert [path for path, _ in loader.calls] == list(in_order[: place + 1])
    assert [callout.name for callout in result.callouts] == list(in_order[place : place + 1])
    for path, call in loader.calls:
        assert call == CalloutEntry(in_order[in_order.index(path) + 1 :], 0)
    assert [attempt.entry for attempt in result.attempts] == list(in_order)


@given(NAMES, st.data())
def test_with_policy_all_each_is_tried_in_order_with_no_chain(dlls: list[str], data: st.DataObject) -> None:
    failing = data.draw(st.sets(st.sampled_from(dlls)) if dlls else st.just(set()))
    loader = FakeLoader({name: CalloutLoadError("no") for name in failing})
    result = load_callouts(Registry(dlls, 1, "all"), loaders=[loader])
    in_order = ordered(dlls)
    assert loader.calls == [(name, CalloutEntry(())) for name in in_order]
    assert [callout.name for callout in result.callouts] == [name for name in in_order if name not in failing]


LEFT_OUT = (
    "left out of the chain that /base/c.so was given: e.so: is a relative path; write the absolute one: /base/e.so"
)


def test_each_attempt_says_what_became_of_its_entry(caplog: pytest.LogCaptureFixture) -> None:
    loader = FakeLoader(
        {"/base/a.so": CalloutLoadError("a cannot be loaded"), "/base/b.so": CalloutInitError("b raised")}
    )
    with caplog.at_level(logging.INFO):
        result = load_callouts(
            Registry(["/base/d.so", "/base/c.so", "/base/b.so", "/base/a.so", "/base/_.txt", "e.so"], 1),
            base_directory="/base",
            loaders=[loader],
        )
    assert [
        (attempt.entry, attempt.loader, attempt.callout is not None, attempt.event_id, attempt.reason)
        for attempt in result.attempts
    ] == [
        ("/base/a.so", "fake", False, EventId.CALLOUT_LOAD_FAILED, "a cannot be loaded"),
        ("/base/b.so", "fake", False, EventId.CALLOUT_LOAD_EXCEPTION, "b raised"),
        ("/base/c.so", "fake", True, EventId.CALLOUT_LOADED, ""),
        ("/base/d.so", "fake", False, None, "not tried: it is in the chain that /base/c.so was given"),
        ("/base/_.txt", None, False, None, "not tried: it is in the chain that /base/c.so was given"),
        (
            "e.so",
            None,
            False,
            EventId.CALLOUT_LOAD_FAILED,
            LEFT_OUT,
        ),
    ]
    assert loader.calls[-1] == ("/base/c.so", CalloutEntry(("/base/d.so", "/base/_.txt")))
    assert event_ids(caplog) == [1034, 1032, 1033, 1034]


def test_an_entry_that_no_loader_accepts_fails_with_what_would_be_right(caplog: pytest.LogCaptureFixture) -> None:
    result = load_callouts(Registry(["/policy.rb"], 1))
    (attempt,) = result.attempts
    assert attempt.event_id == EventId.CALLOUT_LOAD_FAILED
    assert attempt.reason == (
        "'/policy.rb' is no callout: a native one's path ends in .dll, .so or .dylib; "
        "a Python one is python:package.module, or a path that ends in .py"
    )
    assert event_ids(caplog) == [1034]


@pytest.mark.parametrize("entry", ["", '""', "/a\0b.so"])
def test_an_entry_that_no_multi_sz_can_hold_fails_and_is_in_no_chain(entry: str) -> None:
    loader = FakeLoader({"/base/0.so": CalloutLoadError("no")})
    result = load_callouts(Registry(["/base/0.so", "/base/z.so", entry], 1), loaders=[loader])
    assert [path for path, _ in loader.calls] == ["/base/0.so", "/base/z.so"]
    assert loader.calls[0][1].chain == ("/base/z.so",)
    (attempt,) = (attempt for attempt in result.attempts if attempt.entry == entry.strip('"'))
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
    assert load_callouts(Registry(["/a.so"], 2), loaders=[FakeLoader()]).callouts


def test_the_first_loader_that_accepts_an_entry_loads_it() -> None:
    first, second = FakeLoader(), FakeLoader()
    load_callouts(Registry(["/a.so"], 1), loaders=[first, second])
    assert len(first.calls) == 1
    assert second.calls == []


def test_callouts_are_closed_the_last_first() -> None:
    loader = FakeLoader()
    result = load_callouts(Registry(["/base/a.so", "/base/b.so"], 1, "all"), loaders=[loader])
    result.close()
    assert loader.closed == ["/base/b.so", "/base/a.so"]


@pytest.mark.parametrize(
    ("entry", "resolved"),
    [
        ("/opt/a.so", "/opt/a.so"),
        ("/opt/sub/../a.so", "/opt/a.so"),
        ("python:policy", "python:policy"),
        ("%Callouts%/a.so", "/srv/callouts/a.so"),
        ("%CALLOUTS%/%which%.so", "/srv/callouts/b.so"),
        # What no environment string is called stays as it is.
        ("/opt/%unknown%/100%.so", "/opt/%unknown%/100%.so"),
        ("/opt/%%/a.so", "/opt/%%/a.so"),
    ],
)
def test_an_entry_is_an_absolute_path_or_a_modules_name(
    entry: str, resolved: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("Callouts", "/srv/callouts")
    monkeypatch.setenv("WHICH", "b")
    assert resolve(entry, Path("/base")) == resolved


@pytest.mark.parametrize("entry", ["a.so", "./a.so", "x/../a.so"])
def test_a_relative_path_is_refused_with_the_absolute_one_that_was_meant(entry: str) -> None:
    with pytest.raises(CalloutLoadError, match=r"is a relative path; write the absolute one: /base/a\.so$"):
        resolve(entry, Path("/base"))


@pytest.mark.parametrize(
    ("entry", "folder", "what"),
    [
        ("C:\\Callouts\\a.dll", "C:\\Callouts", "is a path of Windows"),
        (
            "%UnknownRoot%\\System32\\a.dll",
            "%UnknownRoot%\\System32",
            "begins with %UnknownRoot%, which is not in the environment",
        ),
        ("\\\\server\\share\\a.dll", "\\\\server\\share", "is a path of Windows"),
        ("C:a.dll", "C:a.dll", "is a path of Windows"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="there a path of Windows is one of this system")
def test_a_path_of_windows_elsewhere_is_refused_with_what_to_write(entry: str, folder: str, what: str) -> None:
    with pytest.raises(CalloutLoadError) as raised:
        resolve(entry, Path("/base"))
    assert str(raised.value) == (
        f"{entry}: {what}; say where the file is here, "
        f"such as path-map = {{ '{folder}' = \"/opt/callouts\" }} under [callouts]"
    )


@pytest.mark.parametrize(
    ("entry", "resolved"),
    [
        ("C:\\Callouts\\a.dll", "/opt/callouts/a.dll"),
        ("c:/callouts/Sub\\A.dll", "/opt/callouts/Sub/A.dll"),
        ("C:\\Callouts\\audit.dll", "/opt/audit/audit.so"),
        ("C:\\Callouts\\Other\\a.dll", "/opt/other/a.dll"),
        ("%UnknownRoot%\\a.dll", "/opt/root/a.dll"),
        ("D:\\policy.dll", "python:policy"),
        # No part of a name is a folder.
        ("C:\\CalloutsToo\\a.dll", None),
        ("/opt/a.so", "/opt/a.so"),
    ],
)
def test_folders_and_files_of_another_machine_are_found_where_the_map_says(entry: str, resolved: str | None) -> None:
    path_map = {
        "C:\\Callouts": "/opt/callouts",
        "C:\\Callouts\\audit.dll": "/opt/audit/audit.so",
        "C:\\Callouts\\Other\\": "/opt/other",
        "%UnknownRoot%": "/opt/root",
        "D:\\policy.dll": "python:policy",
    }
    if resolved is None:
        with pytest.raises(CalloutLoadError, match="is a path of Windows"):
            resolve(entry, Path("/base"), path_map)
    else:
        assert resolve(entry, Path("/base"), path_map) == resolved


def test_an_entry_that_is_mapped_is_in_its_place_in_the_list_and_in_the_chain() -> None:
    loader = FakeLoader()
    registry = Registry(["D:\\a.so", "C:\\z.so"], 1, path_map={"C:": "/second", "D:": "/first"})
    result = load_callouts(registry, loaders=[loader])
    assert loader.calls == [("/second/z.so", CalloutEntry(("/first/a.so",)))]
    assert [(attempt.entry, attempt.path) for attempt in result.attempts] == [
        ("C:\\z.so", "/second/z.so"),
        ("D:\\a.so", "/first/a.so"),
    ]


def test_quotes_and_blanks_around_an_entry_do_not_count() -> None:
    assert Registry(['"/z.so"', " /b.so\t", '" /a.so "', '/"x".so', '"']).entries == (
        '"',
        '/"x".so',
        "/a.so",
        "/b.so",
        "/z.so",
    )


@pytest.mark.parametrize(
    ("values", "registry"),
    [
        ({"CalloutDlls": ["/a.so", "/b.so"], "CalloutEnabled": 1}, Registry(("/a.so", "/b.so"), 1)),
        ({"calloutdlls": "/a.so", "CALLOUTENABLED": 0}, Registry(("/a.so",), 0)),
        ({"CalloutEnabled": True}, Registry((), 1)),
        ({}, Registry()),
    ],
)
def test_a_mapping_has_the_values_by_microsofts_names(values: dict[str, Any], registry: Registry) -> None:
    assert Registry.from_mapping(values) == registry


def test_a_mapping_may_come_with_a_policy() -> None:
    registry = Registry.from_mapping({"CalloutEnabled": 1}, policy="all", source="the test")
    assert (registry.policy, registry.source) == ("all", "the test")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"CalloutDll": ["/a.so"]}, ValueError, "'CalloutDll' is neither CalloutDlls nor CalloutEnabled"),
        ({"CalloutDlls": [1]}, TypeError, r"CalloutDlls is a list of strings, not \(1,\)"),
        ({"CalloutDlls": 1}, TypeError, "CalloutDlls is a list of strings, not 1"),
        ({"CalloutEnabled": "1"}, TypeError, "CalloutEnabled is a number, not '1'"),
    ],
)
def test_a_mapping_with_a_mistake_is_refused(values: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Registry.from_mapping(values)


def test_one_callout_is_loaded_with_its_chain_resolved() -> None:
    loader = FakeLoader()
    loaders: Sequence[FakeLoader] = [loader]
    callout = load_callout("/base/a.so", chain=["/base/./b.so", "python:c"], loaders=loaders)
    assert callout.name == "/base/a.so"
    assert loader.calls == [("/base/a.so", CalloutEntry(("/base/b.so", "python:c")))]


def test_one_callout_that_cannot_be_loaded_raises() -> None:
    with pytest.raises(CalloutLoadError, match=r"'/a\.txt' is no callout"):
        load_callout("/a.txt")


@pytest.mark.parametrize(("entry", "chain"), [("a.so", ()), ("/base/a.so", ("b.so",))])
def test_one_callout_with_a_relative_path_in_it_or_in_its_chain_raises(entry: str, chain: tuple[str, ...]) -> None:
    with pytest.raises(CalloutLoadError, match="is a relative path"):
        load_callout(entry, chain=chain, loaders=[FakeLoader()])


def test_a_broken_callout_does_not_stop_the_next(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "b.so").write_text("no library\n")
    (tmp_path / "c.py").write_text("from dhcpcallout.hooks import Callout\n\ncallout = Callout('the third')\n")
    with caplog.at_level(logging.INFO):
        result = load_callouts(Registry([f"{tmp_path}/{name}" for name in ("c.py", "b.so", "a.py")], 1))
    assert [callout.name for callout in result.callouts] == ["the third"]
    assert event_ids(caplog) == [1032, 1034, 1033]
    assert "SystemExit" in result.attempts[0].reason


GOOD = "from dhcpcallout.hooks import Callout\n\ncallout = Callout('good')\n"


@pytest.mark.parametrize("is_module", [False, True])
def test_the_sha_256_of_what_was_loaded_is_told_and_logged(
    is_module: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    file = tmp_path / "hashed_callout.py"
    file.write_text(GOOD)
    entry = "python:hashed_callout" if is_module else str(file)
    with caplog.at_level(logging.INFO):
        result = load_callouts(Registry([entry], 1), base_directory=tmp_path)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert [(attempt.path, attempt.sha256) for attempt in result.attempts] == [(entry, digest)]
    (record,) = caplog.records
    assert record.getMessage() == f"callout {entry} loaded; its slots: none; SHA-256 {digest}"
    sys.modules.pop("hashed_callout", None)


def test_with_a_list_of_hashes_nothing_else_is_loaded_or_chained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = {name: str(tmp_path / f"{name}.so") for name in ("bad", "good", "later", "never", "zero")}
    for name in ("bad", "good", "later", "never"):
        Path(paths[name]).write_text(name)
    digests = {name: hashlib.sha256(name.encode()).hexdigest() for name in paths}
    loader = FakeLoader()
    allowed = [digests["good"].upper(), digests["later"], digests["zero"]]
    result = load_callouts(Registry(list(paths.values()), 1, allow_sha256=allowed), loaders=[loader])
    assert loader.calls == [(paths["good"], CalloutEntry((paths["later"],)))]
    refused = f"is refused: its SHA-256 is {digests['bad']}; allow-sha256 allows others"
    assert result.attempts[0].reason == f"{paths['bad']}: {refused}"
    assert [attempt.event_id for attempt in result.attempts] == [1034, 1033, None, 1034, 1034]
    assert result.attempts[4].reason.endswith("there is no file of it to hash; allow-sha256 allows others")
    assert event_ids(caplog) == [1034, 1034, 1034]


def test_an_empty_list_of_hashes_allows_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_text("a")
    assert not load_callouts(Registry([f"{tmp_path}/a.so"], 1, allow_sha256=()), loaders=[FakeLoader()]).callouts


@pytest.mark.skipif(os.name != "posix", reason="modes say nothing there")
def test_what_others_may_write_is_not_loaded_and_the_next_is_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.so", "b.so", "c.so"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a.so").chmod(0o666)
    (tmp_path / "c.so").chmod(0o666)
    loader = FakeLoader()
    result = load_callouts(Registry([f"{tmp_path}/{name}" for name in ("a.so", "b.so", "c.so")], 1), loaders=[loader])
    # The rest of the chain is the callout's to load, without any check: what is refused is not in it.
    assert loader.calls == [(f"{tmp_path}/b.so", CalloutEntry(()))]
    assert [attempt.event_id for attempt in result.attempts] == [1034, 1033, 1034]
    assert f"everybody may write to {tmp_path}/a.so: chmod go-w {tmp_path}/a.so" in result.attempts[0].reason
    assert event_ids(caplog) == [1034, 1034]
    with pytest.raises(CalloutLoadError, match="everybody may write to"):
        load_callout(f"{tmp_path}/b.so", chain=[f"{tmp_path}/c.so"], loaders=[loader])


@pytest.mark.skipif(os.name != "posix", reason="modes say nothing there")
def test_a_module_that_others_may_write_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    package = tmp_path / "package_of_others"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('was run')\n")
    (package / "policy.py").write_text(GOOD)
    (package / "__init__.py").chmod(0o666)
    result = load_callouts(Registry(["python:package_of_others.policy"], 1), base_directory=tmp_path)
    assert f"everybody may write to {package}/__init__.py" in result.attempts[0].reason


def test_what_is_known_of_entries_without_running_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "looked_at.py").write_text("raise AssertionError('was run')\n")
    digest = hashlib.sha256((tmp_path / "looked_at.py").read_bytes()).hexdigest()
    known = examine_callouts(
        Registry(["python:looked_at", f"{tmp_path}/looked_at.py", "x.py", "/nowhere.so"]), base_directory=tmp_path
    )
    assert [(one.entry, one.loader, one.sha256, one.event_id) for one in known] == [
        ("/nowhere.so", "native", "", None),
        (f"{tmp_path}/looked_at.py", "python", digest, None),
        ("python:looked_at", "python", digest, None),
        ("x.py", None, "", 1034),
    ]
