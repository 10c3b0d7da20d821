"""Callouts of all kinds, good and bad, and what the verifier finds in each."""

import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import dhcpcallout
from dhcpcallout.errors import CalloutError
from dhcpcallout.verify import KINDS, SCENARIOS, Finding, Isolation, Report, Severity, verify

NATIVE = Path(__file__).parents[1] / "native"
EXAMPLES = Path(__file__).parents[2] / "examples" / "callouts"

Found = set[tuple[str, str]]


def found(report: Report) -> Found:
    return {(finding.kind, finding.slot) for finding in report.findings}


def the(report: Report, kind: str) -> Finding:
    return next(finding for finding in report.findings if finding.kind == kind)


@pytest.fixture(scope="module")
def compiled_before() -> dict[tuple[str, ...], Path]:
    """What was compiled already."""
    return {}


@pytest.fixture
def compiled(
    compile_callout: Callable[..., Path],
    compiled_before: dict[tuple[str, ...], Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[..., str]:
    """Compile a callout of tests/native, and set its behaviour. Each test has a library of its own."""

    def compiled(source: str, *arguments: str, **environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        if (source, *arguments) not in compiled_before:
            compiled_before[source, *arguments] = compile_callout(NATIVE / source, *arguments)
        return str(shutil.copy(compiled_before[source, *arguments], tmp_path))

    return compiled


@pytest.fixture
def compile_cpp(require_system: Callable[..., None], tmp_path: Path) -> Callable[[Path], str]:
    """Compile a callout in C++."""
    require_system("c++")
    sdk = Path(dhcpcallout.__file__).parent / "sdk"

    def compile_cpp(source: Path) -> str:
        library = tmp_path / f"{source.stem}.so"
        flags = ("-std=c++17", "-Wall", "-Wextra", "-shared", "-fPIC", f"-I{sdk}", f"-I{sdk / 'posix'}")
        subprocess.run(["c++", *flags, "-o", str(library), str(source)], check=True)
        return str(library)

    return compile_cpp


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], str]:
    """Write a callout in Python; what it needs is imported already."""

    def written(code: str) -> str:
        path = tmp_path / "written.py"
        head = (
            "import asyncio, os, pathlib, sys, time\n"
            "from dhcpcallout import *\n"
            "from dhcpcallout.hooks import *\n"
            'callout = Callout("written")\n'
        )
        path.write_text(head + textwrap.dedent(code))
        return str(path)

    return written


# Native callouts whose process lives


@pytest.mark.parametrize(
    ("habit", "scenarios", "expected"),
    [
        ("free its contexts", ["messages", "refused", "turns", "volume"], set()),
        ("cache", ["volume"], set()),
        ("add an option", ["messages"], set()),
        ("nothing", ["entry"], {("no-slots", "")}),
        ("refuse to load", ["messages"], {("load", "")}),
        ("accept any version", ["entry"], {("version", "")}),
        ("fill a reserved member", ["entry"], {("reserved", "")}),
        ("write to the chain", ["entry"], {("chain", "")}),
        ("leak its contexts", ["volume"], {("memory", ""), ("context", "")}),
        ("keep one context", ["volume"], {("context", "")}),
        ("leak a little", ["volume"], {("memory", "")}),
        ("open a file a packet", ["volume"], {("leak", "")}),
        ("open at each start", ["service"], {("reload", "")}),
        ("return 5", ["messages"], {("status", "new_packet")}),
        ("drop everything", ["messages", "refused", "codes"], {("drops-all", "")}),
        ("make rubbish of requests", ["messages"], {("request", "new_packet")}),
        ("sleep", ["messages"], {("blocking", "packet_send"), ("slow", "packet_send")}),
        ("doze", ["messages"], {("waits", "packet_send")}),
        ("compute", ["messages"], {("slow", "packet_send")}),
        ("wait for half a second once", ["messages"], {("slow", "packet_send")}),
        ("dawdle at the start", ["messages"], {("waits", "control")}),
        ("add an option unchecked", ["sizes"], {("fault", "packet_send")}),
        ("give another address", ["messages"], {("reply", "packet_send")}),
        ("cut replies", ["messages"], {("reply", "packet_send")}),
        ("make long replies", ["messages"], {("size", "packet_send")}),
    ],
)
def test_what_a_native_callout_does_wrong_is_found(
    habit: str, scenarios: list[str], expected: Found, compiled: Callable[..., str]
) -> None:
    # What counts memory has little to count in a process of its own.
    isolation: Isolation = "process" if {"volume", "service"} & set(scenarios) else "none"
    report = verify(compiled("habits.c", HABIT=habit), isolation=isolation, scenarios=scenarios, packets=300)

    assert found(report) == expected
    assert report.hurts == any(KINDS[kind].severity is Severity.ERROR for kind, _ in expected)


def test_names_in_a_chain_that_keep_it_from_loading_are_found(compiled: Callable[..., str]) -> None:
    report = verify(compiled("habits.c", HABIT="refuse a chain"), isolation="none", scenarios=["chains"])

    assert found(report) == {("chain", "")}
    assert not report.hurts
    assert len(report.findings) == 6
    assert "with 1,000 names in its chain" in report.findings[-2].text
    assert "with a copy of itself in its chain" in report.findings[-1].text


@pytest.mark.parametrize(
    "behaviour", ["too long", "huge", "null", "overrun", "overrun once", "drop and overrun", "grow unwritten"]
)
def test_what_breaks_the_abi_is_a_fault(behaviour: str, compiled: Callable[..., str]) -> None:
    library = compiled("behaviours.c", BEHAVIOUR=behaviour)
    report = verify(library, isolation="none", scenarios=["messages", "sizes"])

    assert report.hurts
    assert {"fault"} <= {finding.kind for finding in report.findings} <= {"fault", "drops-all", "reply", "size"}
    assert sum(timing.faults for timing in report.timings) >= 1


# Native callouts that end their process


@pytest.mark.parametrize(
    ("habit", "scenario", "kind", "slot", "text"),
    [
        ("write behind the table", "entry", "entry", "", "behind the 80 bytes of the table"),
        ("trust its contexts", "refused", "crash", "packet_drop", "SIGSEGV"),
        ("free its contexts twice", "types", "crash", "packet_drop", "SIGABRT"),
        ("trust that there is a message type", "types", "crash", "handle_options", "SIGSEGV"),
        ("trust the length of names", "hostile", "crash", "handle_options", "SIGABRT"),
        ("allocate until it crashes", "messages", "crash", "address_offer", "SIGSEGV"),
        ("close standard error", "messages", "descriptors", "address_offer", "standard error"),
        ("close all descriptors", "messages", "descriptors", "address_offer", "the server's"),
        ("fork", "messages", "fork", "address_offer", "forked"),
        ("ignore SIGTERM", "messages", "signals", "", "SIGTERM"),
        ("change the directory", "messages", "process", "", "directory"),
        ("change the umask", "messages", "process", "", "umask"),
        ("leave a thread", "reload", "unload", "", "threads go on"),
        ("start a thread a packet", "volume", "leak", "", "threads"),
    ],
)
def test_what_ends_or_spoils_a_process_is_told_with_its_hook(
    habit: str, scenario: str, kind: str, slot: str, text: str, compiled: Callable[..., str]
) -> None:
    library = compiled("habits.c", "-fstack-protector-all", "-U_FORTIFY_SOURCE", HABIT=habit)
    report = verify(library, scenarios=[scenario], packets=100, memory_bytes=2**28 if "allocate" in habit else 2**30)

    finding = the(report, kind)
    assert (finding.slot, finding.scenario) == (slot, scenario)
    assert text in finding.text
    assert report.hurts == (kind != "process")


def test_a_crash_costs_one_scenario_and_the_next_is_run(compiled: Callable[..., str]) -> None:
    library = compiled("broken.c", BEHAVIOUR="dereference NULL")
    report = verify(
        library, scenarios=["codes", "messages", "types", "refused"], hardware_addresses=[b"\2\0\0\0\0\xbb"]
    )

    assert [(result.name, result.outcome) for result in report.scenarios] == [
        ("messages", "crash"), ("types", "done"), ("codes", "done"), ("refused", "done"),
    ]  # fmt: skip
    assert found(report) == {("crash", "new_packet")}
    assert report.findings[0].text.startswith("SIGSEGV")
    assert report.slots == ("control", "new_packet", "handle_options")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        ("overflow the stack", "crash"),
        ("exit", "exit"),
        ("exit with success", "exit"),
        ("become another program", "exit"),
        ("loop for ever", "hang"),
        ("stop itself", "hang"),
        ("crash in a thread", "crash"),
        ("leave children behind", "exit"),
        ("close all descriptors", "descriptors"),
    ],
)
def test_each_way_to_end_is_told_from_the_others(behaviour: str, kind: str, compiled: Callable[..., str]) -> None:
    library = compiled("broken.c", BEHAVIOUR=behaviour)
    report = verify(library, scenarios=["turns"], hardware_addresses=[b"\2\0\0\0\0\xbb"], timeout_s=2)

    assert found(report) == {(kind, "new_packet")}
    assert report.hurts


@pytest.mark.parametrize(("where", "text"), [("load", "called to load"), ("start", "")])
def test_a_crash_out_of_packets_is_told_with_what_was_done(where: str, text: str, compiled: Callable[..., str]) -> None:
    library = compiled("broken.c", BEHAVIOUR="abort", WHERE=where)
    report = verify(library, scenarios=["refused"])

    assert the(report, "crash").slot == ("control" if where == "start" else "")
    assert text in the(report, "crash").text


def test_an_exception_of_cpp_is_told_with_what_the_runtime_prints(compile_cpp: Callable[[Path], str]) -> None:
    report = verify(compile_cpp(NATIVE / "throw.cpp"), scenarios=["messages"], hardware_addresses=[b"\2\0\0\0\0\xbb"])

    crash = the(report, "crash")
    assert (crash.slot, crash.text.split()[0]) == ("new_packet", "SIGABRT")
    assert "out of a hook" in crash.output


def test_the_report_of_a_sanitizer_is_kept(
    require_system: Callable[..., None], compiled: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    require_system("cc")
    command = ["cc", "-print-file-name=libasan.so"]
    sanitizer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if not Path(sanitizer).is_absolute():
        require_system(reason="the compiler has no libasan.so")
    library = compiled("habits.c", "-g", "-fsanitize=address", HABIT="read behind its memory")
    monkeypatch.setenv("LD_PRELOAD", sanitizer)
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    report = verify(library, scenarios=["sizes"], memory_bytes=0)

    assert found(report) == {("exit", "new_packet")}
    assert "heap-buffer-overflow" in the(report, "exit").output
    assert "habits.c:" in the(report, "exit").output


def test_a_callout_that_can_be_loaded_once_alone_gets_a_process_for_each_scenario(compiled: Callable[..., str]) -> None:
    report = verify(compiled("habits.c", HABIT="load once"), scenarios=["messages", "types", "refused"])

    assert found(report) == {("reload", "")}
    assert [result.outcome for result in report.scenarios] == ["done", "done", "done"]


@pytest.mark.parametrize("source", ["no_entry.c", "unresolved.c"])
def test_what_is_no_callout_is_an_error(source: str, compiled: Callable[..., str]) -> None:
    report = verify(compiled(source))

    assert found(report) == {("load", "")}
    assert {result.outcome for result in report.scenarios[1:]} == {"not run"}


def test_a_file_that_others_may_write_to_is_verified_with_a_warning(compiled: Callable[..., str]) -> None:
    library = Path(compiled("habits.c", HABIT="nothing"))
    library.chmod(0o777)
    report = verify(str(library), isolation="none", scenarios=["entry"])

    assert found(report) == {("trust", ""), ("no-slots", "")}
    assert "chmod" in the(report, "trust").text


# Callouts in Python


@pytest.mark.parametrize(
    ("code", "scenarios", "expected"),
    [
        ("@callout.new_packet\ndef f(event): return event.packet.chaddr and None", ["hostile"],
         {("fault", "new_packet")}),
        ("@callout.packet_send\ndef f(event): sys.exit('enough')", ["messages"], {("fault", "packet_send")}),
        ("@callout.packet_send\ndef f(event): return 'yes'", ["messages"], {("fault", "packet_send")}),
        ("@callout.packet_send\ndef f(event): return Replace(bytes(5000))", ["messages"], {("fault", "packet_send")}),
        ("@callout.packet_send\ndef f(event): return Replace(b'?')", ["messages"], {("reply", "packet_send")}),
        ("@callout.packet_drop\ndef f(event): f(event)", ["messages"], {("fault", "packet_drop")}),
        ("@callout.select_address\ndef f(event): return UseAddress('192.0.2.1')", ["messages"],
         {("fault", "select_address")}),
        ("@callout.select_subnet\ndef f(event): return UseSubnet('192.0.2.0/24')", ["messages"],
         {("fault", "select_subnet")}),
        ("@callout.build_reply\ndef f(event): event.reply.yiaddr = '10.0.0.9'", ["messages"],
         {("fault", "build_reply")}),
        ("@callout.control\ndef f(event): raise ValueError('not now')", ["refused"], {("fault", "control")}),
        ("@callout.new_packet\ndef f(event): raise KeyboardInterrupt", ["types"], {("crash", "")}),
        ("@callout.lease_committed\nasync def f(event): raise OSError('no network')", ["messages"],
         {("fault", "lease_committed")}),
        ("@callout.new_packet\nasync def f(event): await asyncio.sleep(60)", ["types"],
         {("timeout", "new_packet")}),
        ("@callout.lease_committed\nasync def f(event): time.sleep(0.012)", ["messages"],
         {("blocking", "lease_committed"), ("slow", "lease_committed")}),
        ("@callout.lease_committed\nasync def f(event): await asyncio.sleep(0.012)", ["messages"], set()),
        ("kept = []\n@callout.new_packet\ndef f(event): kept.append(bytearray(10))", ["volume"], {("memory", "")}),
        ("raise ValueError('at import')", ["messages"], {("load", "")}),
        ("time.sleep(60)", ["messages"], {("hang", "")}),
        ("@callout.address_offer\ndef f(event): os._exit(7)", ["messages"], {("exit", "address_offer")}),
        ("@callout.address_offer\ndef f(event):\n  while True: pass", ["messages"], {("hang", "address_offer")}),
        ("@callout.address_offer\ndef f(event): import ctypes; ctypes.string_at(0)", ["messages"],
         {("crash", "address_offer")}),
        ("@callout.address_offer\ndef f(event): os.chdir('/')", ["messages"], {("process", "")}),
        ("@callout.packet_send\ndef f(event): print('hello'); os.write(1, b'>rubbish\\n{')", ["messages"], set()),
    ],
)  # fmt: skip
def test_what_a_callout_in_python_does_wrong_is_found(
    code: str, scenarios: list[str], expected: Found, written: Callable[[str], str]
) -> None:
    ends = {kind for kind, _ in expected} & {"exit", "hang", "crash", "process"} or "os.write" in code
    report = verify(
        written(code),
        isolation="process" if ends else "none",
        scenarios=scenarios,
        packets=500,
        timeout_s=1.5,
        scenario_s=1 if "sleep(60)" in code else 20,
    )

    assert found(report) == expected


def test_a_fault_says_where_in_the_callout_it_was_raised_and_with_which_packet(written: Callable[[str], str]) -> None:
    entry = written("@callout.new_packet\ndef f(event):\n    return event.packet.chaddr and None\n")
    report = verify(entry, isolation="none", scenarios=["hostile"])

    fault = the(report, "fault")
    assert fault.text == f"AttributeError: 'NoneType' object has no attribute 'chaddr' ({entry}:7)"
    assert bytes.fromhex(fault.packet) == b""
    (timing,) = report.timings
    assert 0 < timing.faults < timing.calls


def test_async_functions_are_awaited_in_a_loop_that_sync_ones_may_use(written: Callable[[str], str]) -> None:
    entry = written(
        """
        tasks = set()

        @callout.control
        def control(event):
            asyncio.get_running_loop()

        @callout.new_packet
        async def refuse(event):
            event.context["begun"] = True
            await asyncio.sleep(0)
            return Drop() if event.packet is not None and event.packet.hops else None

        @callout.packet_drop
        def end(event):
            if event.context.get("begun"):
                tasks.add(asyncio.get_running_loop().create_task(asyncio.sleep(60)))
        """
    )
    report = verify(entry, isolation="none", scenarios=["messages", "turns", "sizes"])

    assert report.findings == []
    assert report.answers["new_packet"]["Drop"] >= 5
    assert report.drops["DISCOVER"] >= 2


# What is told


def test_it_is_told_what_was_changed_in_which_messages(written: Callable[[str], str]) -> None:
    entry = written(
        """
        @callout.new_packet
        def name(event):
            packet = event.packet
            if packet is not None and packet.hostname:
                packet.hostname = "renamed"
                return Replace(packet)

        @callout.build_reply
        def serve_boot_file(event):
            event.reply.file = b"boot.img"

        @callout.packet_send
        def domain(event):
            packet = event.packet
            packet.set("domain-name", "example.net")
            packet.secs = 1
            return Replace(packet)
        """
    )
    report = verify(entry, isolation="none", scenarios=["messages"])

    assert report.findings == []
    assert set(report.changes["new_packet"]) == {"option 12 (host-name)"}
    assert set(report.changes["build_reply"]) == {"file"}
    assert set(report.changes["packet_send"]) == {"secs", "option 15 (domain-name)"}
    assert report.changes["packet_send"]["secs"] == report.answers["packet_send"]["Replace"]


def test_contexts_are_counted(compiled: Callable[..., str]) -> None:
    library = compiled("habits.c", HABIT="free its contexts")
    report = verify(library, isolation="none", scenarios=["messages"])

    assert report.contexts["set"] == report.contexts["returned"] > 50
    assert 1 <= report.contexts["distinct"] < 20


def test_every_slot_is_called_with_every_code(written: Callable[[str], str], tmp_path: Path) -> None:
    entry = written(
        f"""
        seen = set()

        def note(slot):
            def function(event):
                code = next((getattr(event, name) for name in ("reason", "given", "code") if hasattr(event, name)), "")
                seen.add(f"{{slot}} {{getattr(code, 'name', code)}}")
                if slot == "control" and code.name == "STOP":
                    pathlib.Path({str(tmp_path / "seen")!r}).write_text("\\n".join(seen))
            return function

        for slot in SLOTS:
            callout.register(slot.name, note(slot.name))
        """
    )
    for scenarios in (["messages", "codes"], ["service"]):
        verify(entry, isolation="none", scenarios=scenarios)
        seen = set((tmp_path / "seen").read_text().splitlines())
        if "codes" in scenarios:
            drops = "DUPLICATE NOMEM INTERNAL_ERROR TIMEOUT UNAUTH PAUSED NO_SUBNETS INVALID WRONG_SERVER NOADDRESS"
            assert {f"packet_drop {name}" for name in f"{drops} GEN_FAILURE PROCESSED".split()} <= seen
            assert {f"address_delete {name}" for name in ("CONFLICT", "DECLINE", "RELEASE", "NACKED")} <= seen
            assert {"address_offer NEW", "address_offer OLD", "delete_client "} <= seen
        else:
            assert {f"control {name}" for name in ("START", "STOP", "PAUSE", "CONTINUE")} <= seen


def test_the_messages_scenario_has_the_engine_call_every_slot(written: Callable[[str], str]) -> None:
    entry = written("for slot in SLOTS: callout.register(slot.name, lambda event: None)\n")
    report = verify(entry, isolation="none", scenarios=["messages"])

    assert {timing.slot for timing in report.timings} == set(report.slots)
    assert report.findings == []


def test_a_scenario_that_takes_too_long_is_cut_short(written: Callable[[str], str]) -> None:
    entry = written("@callout.new_packet\ndef f(event): time.sleep(0.02)")
    report = verify(entry, scenarios=["hostile", "refused"], scenario_s=0.2)

    assert [(result.name, result.outcome) for result in report.scenarios] == [
        ("hostile", "cut short"),
        ("refused", "done"),
    ]


def test_a_command_that_is_no_python_is_an_error_of_its_own(written: Callable[[str], str]) -> None:
    for command in (["/nonexistent/python"], [shutil.which("true") or "true"]):
        with pytest.raises(CalloutError):
            verify(written(""), worker_command=command)


def test_a_scenario_that_there_is_not_is_refused(written: Callable[[str], str]) -> None:
    with pytest.raises(ValueError, match="no scenario nothing; there are entry, messages"):
        verify(written(""), scenarios=["nothing"])


# Good callouts


def examples() -> list[str]:
    return sorted(
        path.name for path in EXAMPLES.iterdir() if path.suffix in (".c", ".cpp", ".py") and path.stem[:5] != "test_"
    )


@pytest.mark.parametrize("name", examples())
def test_the_examples_would_hurt_no_server(
    name: str,
    compile_callout: Callable[..., Path],
    compile_cpp: Callable[[Path], str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list").write_text("MAC_ACTION = {DENY}\n00:0c:01:0b:ad:01\n")
    monkeypatch.setenv("MAC_LIST", str(tmp_path / "list"))
    monkeypatch.setenv("RELAY_INFO_LOG", str(tmp_path / "relay_info.log"))
    monkeypatch.setenv("AUDIT_LOG", str(tmp_path / "audit.log"))
    monkeypatch.setenv("WEBHOOK_URL", "http://127.0.0.1:9/")
    path = EXAMPLES / name
    entry = str(path)
    if path.suffix == ".cpp":
        entry = compile_cpp(path)
    elif path.suffix == ".c":
        entry = str(compile_callout(path))
    chain = [str(compile_callout(EXAMPLES / "mac_filter.c"))] if name == "chain.c" else []
    report = verify(entry, packets=300, chain=chain)

    assert [finding.to_dict() for finding in report.findings if finding.severity is Severity.ERROR] == []
    assert [result.name for result in report.scenarios] == [name for name in SCENARIOS if name != "capture"]
