import json
import os
import py_compile
import re
import sys
from collections.abc import Callable, Iterator
from importlib.util import cache_from_source
from pathlib import Path
from zipfile import ZipFile

import pytest

from dhcpcallout.errors import CalloutInitError, CalloutLoadError
from dhcpcallout.hooks import Callout, CalloutEntry
from dhcpcallout.loaders.python import PythonLoader, load_function, module_files

GOOD = "from dhcpcallout.hooks import Callout\n\ncallout = Callout('good')\n"
Write = Callable[[str, str], Path]


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules and the path as they were, after each test."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a module, and return its path."""

    def write(name: str, source: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
        return path

    return write


def load(entry: str | Path, base_directory: Path = Path("/nowhere")) -> Callout:
    return PythonLoader(base_directory).load(str(entry), CalloutEntry(("next.so",)))


@pytest.mark.parametrize("entry", ["python:policy", "python:package.module", "policy.py", "/opt/policy.PY"])
def test_a_python_entry_is_told_by_its_looks(entry: str) -> None:
    assert PythonLoader(Path()).accepts(entry)


@pytest.mark.parametrize("entry", ["policy", "Python:policy", "policy.pyc", "policy.so"])
def test_nothing_else_is_a_python_entry(entry: str) -> None:
    assert not PythonLoader(Path()).accepts(entry)


def test_a_module_is_found_in_the_base_directory(write: Write, tmp_path: Path) -> None:
    write("package_of_callouts/__init__.py", "")
    write("package_of_callouts/policy.py", GOOD)
    assert load("python:package_of_callouts.policy", tmp_path).name == "good"


def test_a_module_on_the_path_comes_before_one_in_the_base_directory(write: Write, tmp_path: Path) -> None:
    write("first/two_places.py", GOOD.replace("good", "on the path"))
    write("base/two_places.py", GOOD.replace("good", "in the base directory"))
    sys.path.append(str(tmp_path / "first"))
    assert load("python:two_places", tmp_path / "base").name == "on the path"


def test_a_module_in_the_base_directory_hides_none_of_the_standard_library(write: Write, tmp_path: Path) -> None:
    write("colorsys.py", GOOD)
    with pytest.raises(CalloutLoadError, match="it has no 'callout'"):
        load("python:colorsys", tmp_path)


def test_the_base_directory_is_put_on_the_path_once(write: Write, tmp_path: Path) -> None:
    write("policy_once.py", GOOD)
    load("python:policy_once", tmp_path)
    load("python:policy_once", tmp_path)
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


def test_a_module_written_after_its_folder_was_looked_at_is_found(write: Write, tmp_path: Path) -> None:
    write("policy_before.py", GOOD)
    load("python:policy_before", tmp_path)
    times = tmp_path.stat()
    write("policy_after.py", GOOD)
    # As where the clock of the file system is too coarse to tell the two moments apart.
    os.utime(tmp_path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert load("python:policy_after", tmp_path).name == "good"


def test_the_object_is_the_one_that_importing_the_module_gives(write: Write, tmp_path: Path) -> None:
    write("policy_imported.py", GOOD)
    callout = load("python:policy_imported", tmp_path)
    assert sys.modules["policy_imported"].callout is callout


def test_a_file_is_a_module_of_its_own_each_time(write: Write) -> None:
    path = write("json.py", GOOD)
    before = set(sys.modules)
    first, second = load(path), load(path)
    assert first is not second
    assert len({name for name in set(sys.modules) - before if name.startswith("dhcpcallout_callout_")}) == 2
    import json

    assert not hasattr(json, "callout")
    assert str(path.parent) not in sys.path


def test_a_file_may_define_dataclasses(write: Write) -> None:
    # They look their module up by its name, so it must be registered while it runs.
    source = (
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from typing import ClassVar\n"
        f"{GOOD}\n"
        "@dataclass\nclass Note:\n    count: ClassVar[int] = 0\n    text: str = ''\n"
    )
    assert load(write("with_dataclass.py", source)).name == "good"


def test_a_file_that_fails_leaves_no_module_behind(write: Write) -> None:
    paths = [
        write("raises.py", "1 / 0\n"),
        write("empty.py", ""),
        write("refuses.py", f"{GOOD}\n@callout.on_load\ndef load(entry):\n    raise OSError('no')\n"),
    ]
    before = set(sys.modules)
    for path in paths:
        with pytest.raises(CalloutLoadError):
            load(path)
    assert not {name for name in set(sys.modules) - before if name.startswith("dhcpcallout_callout_")}


def test_the_callout_is_told_its_chain(write: Write) -> None:
    source = f"{GOOD}\n@callout.on_load\ndef load(entry):\n    callout.name = repr(entry)\n"
    assert load(write("chained.py", source)).name == repr(CalloutEntry(("next.so",), 0))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0\n", r"importing it raised ZeroDivisionError: division by zero \(.*broken\.py:1\)"),
        ("\n\nraise SystemExit(3)\n", r"importing it raised SystemExit: 3 \(.*broken\.py:3\)"),
        ("def f(:\n", r"importing it raised SyntaxError: .*broken\.py, line 1"),
        ("import no_such_module_anywhere\n", "raised ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise BaseException('of the worst kind')\n", "raised BaseException: of the worst kind"),
        (f"{GOOD}@callout.control\nasync def control(event): ...\n", "raised TypeError: .*async"),
        (
            f"{GOOD}@callout.on_load\ndef load(entry):\n    raise KeyError('licence')\n",
            r"its on_load function raised KeyError: 'licence' \(.*broken\.py:\d+\)",
        ),
        (f"{GOOD}@callout.on_load\ndef load(entry):\n    exit(1)\n", "its on_load function raised SystemExit: 1"),
    ],
)
def test_whatever_a_callouts_code_raises_is_why_it_is_not_loaded(
    source: str, reason: str, write: Write, tmp_path: Path
) -> None:
    path = write("broken.py", source)
    with pytest.raises(CalloutInitError, match=reason):
        load(path)
    with pytest.raises(CalloutInitError, match=reason):
        load("python:broken", tmp_path)


def test_ctrl_c_is_not_taken_for_a_callouts_mistake(write: Write) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(write("interrupted.py", "raise KeyboardInterrupt\n"))


def test_a_callout_refuses_in_its_own_words(write: Write) -> None:
    source = (
        "from dhcpcallout.errors import CalloutLoadError\n"
        f"{GOOD}\n@callout.on_load\ndef load(entry):\n    raise CalloutLoadError('no licence found')\n"
    )
    with pytest.raises(CalloutLoadError, match=r"^no licence found$") as raised:
        load(write("refusing.py", source))
    assert not isinstance(raised.value, CalloutInitError)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "it has no 'callout'; a callout module has: callout = Callout(\"a name for the log\")"),
        ("callout = print\n", "its 'callout' is a builtin_function_or_method, not a dhcpcallout.hooks.Callout"),
        (
            "from dhcpcallout.hooks import Callout\npolicy = Callout('policy')\n",
            "it has no 'callout'; is 'policy' the one? Then name it callout",
        ),
    ],
)
def test_a_module_without_a_callout_is_told_what_would_be_right(source: str, problem: str, write: Write) -> None:
    path = write("lacking.py", source)
    with pytest.raises(CalloutLoadError, match=re.escape(f"{path}: {problem}")) as raised:
        load(path)
    assert not isinstance(raised.value, CalloutInitError)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("python:no_such_callout", "python:no_such_callout: no module 'no_such_callout' in /nowhere or on sys.path"),
        ("python:no_such_package.policy", "no module 'no_such_package' in /nowhere"),
        ("python:json.no_such_module", "no module 'json.no_such_module' in /nowhere"),
        ("python:", "'' is no module's name; write python:package.module"),
        ("python:a module", "'a module' is no module's name"),
        ("python:.relative", "'.relative' is no module's name"),
        ("python:policy.py/..", "is no module's name"),
        ("/nowhere/policy.py", "/nowhere/policy.py: there is no such file"),
    ],
)
def test_a_module_that_is_not_there_is_not_loaded(entry: str, reason: str) -> None:
    with pytest.raises(CalloutLoadError, match=re.escape(reason)) as raised:
        load(entry)
    assert not isinstance(raised.value, CalloutInitError)


def test_a_callout_on_which_nothing_is_registered_loads(write: Write) -> None:
    assert not load(write("idle.py", GOOD)).functions


def test_a_function_is_found_in_a_module_of_the_base_directory(write: Write, tmp_path: Path) -> None:
    write("package_of_functions/__init__.py", "")
    write("package_of_functions/tests.py", "def is_even(number):\n    return number % 2 == 0\n")
    is_even = load_function("python:package_of_functions.tests:is_even", tmp_path)
    assert [is_even(2), is_even(3)] == [True, False]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (
            "python:functions_here",
            "'python:functions_here' is no function's name; write python:package.module:function",
        ),
        ("functions_here:f", "'functions_here:f' is no function's name"),
        ("functions_here.py:f", "'functions_here.py:f' is no function's name"),
        ("python:functions_here:", "'python:functions_here:' is no function's name"),
        ("python:functions_here:f()", "'python:functions_here:f()' is no function's name"),
        ("python::f", "'' is no module's name"),
        ("python:functions_nowhere:f", "no module 'functions_nowhere' in "),
        ("python:functions_here:g", "python:functions_here: it has no 'g', where a function is needed"),
        ("python:functions_here:NUMBER", "its 'NUMBER' is of type int, where a function is needed"),
    ],
)
def test_what_names_no_function_is_refused(write: Write, tmp_path: Path, entry: str, problem: str) -> None:
    write("functions_here.py", "NUMBER = 7\n\ndef f():\n    pass\n")
    with pytest.raises(CalloutLoadError, match=re.escape(problem)):
        load_function(entry, tmp_path)


def test_a_function_s_module_that_raises_says_where(write: Write, tmp_path: Path) -> None:
    path = write("functions_that_fail.py", "\n1 / 0\n")
    with pytest.raises(CalloutInitError, match=f"raised ZeroDivisionError: .*{re.escape(str(path))}:2"):
        load_function("python:functions_that_fail:f", tmp_path)


def test_the_files_of_a_module_are_those_of_its_packages_and_its_own_and_nothing_is_imported(
    write: Write, tmp_path: Path
) -> None:
    raising = "raise AssertionError('was run')\n"
    outer = write("files_of/__init__.py", raising)
    inner = write("files_of/plain/policy.py", raising)
    bytecode = Path(cache_from_source(str(outer)))
    bytecode.parent.mkdir()
    bytecode.write_bytes(b"")
    expected = (str(bytecode), str(outer), str(inner))
    assert module_files("files_of.plain.policy", tmp_path) == expected
    sys.path.append(str(tmp_path))
    assert module_files("files_of.plain.policy", Path("/nowhere")) == expected
    assert not {name for name in sys.modules if name.startswith("files_of")}


def test_the_files_of_a_module_that_is_not_in_its_package_are_the_packages() -> None:
    assert module_files("json.no_such_module", Path("/nowhere"))[-1] == json.__file__


@pytest.mark.parametrize("name", ["", "..", "a b", "no_such_module", "sys", "json/decoder"])
def test_what_is_in_no_file_has_no_files(name: str, tmp_path: Path) -> None:
    assert module_files(name, tmp_path) == ()


def test_the_file_of_a_module_in_an_archive_is_the_archive(tmp_path: Path) -> None:
    archive = tmp_path / "callouts.zip"
    with ZipFile(archive, "w") as file:
        file.writestr("in_an_archive.py", GOOD)
    sys.path.append(str(archive))
    assert module_files("in_an_archive", tmp_path) == (str(archive),)
    assert load("python:in_an_archive").name == "good"


def test_a_file_is_run_as_it_is_whatever_bytecode_there_is(write: Write) -> None:
    file = write("as_it_is.py", "raise AssertionError('the bytecode was run')\n")
    # Bytecode that says of itself that it is never to be compared with its source.
    py_compile.compile(str(file), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    before = {path: path.read_bytes() for path in file.parent.rglob("*.pyc")}
    assert len(before) == 1
    file.write_text(GOOD)
    assert load(file).name == "good"
    assert {path: path.read_bytes() for path in file.parent.rglob("*.pyc")} == before


POSIX = pytest.mark.skipif(os.name != "posix", reason="modes say nothing there")


@POSIX
@pytest.mark.parametrize("name", ["package_of_all/__init__.py", "package_of_all/policy.py", "package_of_all"])
def test_a_module_that_others_may_write_is_not_imported(name: str, write: Write, tmp_path: Path) -> None:
    for file in ("__init__", "policy"):
        write(f"package_of_all/{file}.py", "raise AssertionError('was run')\n")
    (tmp_path / name).chmod(0o777)
    with pytest.raises(CalloutLoadError, match=f"everybody may write to {tmp_path / name}: chmod go-w"):
        load("python:package_of_all.policy", tmp_path)


@POSIX
def test_bytecode_that_others_may_write_is_not_run(write: Write, tmp_path: Path) -> None:
    file = write("compiled_by_all.py", GOOD)
    py_compile.compile(str(file), doraise=True)
    bytecode = Path(cache_from_source(str(file)))
    bytecode.chmod(0o666)
    with pytest.raises(CalloutLoadError, match=f"everybody may write to {bytecode}: chmod go-w"):
        load("python:compiled_by_all", tmp_path)


@POSIX
def test_a_base_directory_where_others_may_put_modules_is_not_searched(write: Write, tmp_path: Path) -> None:
    write("beside_others.py", GOOD)
    write("elsewhere/on_the_path.py", GOOD)
    tmp_path.chmod(0o1777)
    sys.path.append(str(tmp_path / "elsewhere"))
    with pytest.raises(CalloutLoadError) as raised:
        load("python:beside_others", tmp_path)
    assert str(raised.value) == (
        f"python:beside_others: no module 'beside_others' on sys.path, and {tmp_path}: is refused: "
        f"everybody may write to {tmp_path}: chmod go-w {tmp_path}"
    )
    assert load("python:on_the_path", tmp_path).name == "good"
    assert str(tmp_path) not in sys.path
