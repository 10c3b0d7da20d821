"""The code in docs/callouts.md, as a reader would use it."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dhcpcallout import hooks
from dhcpcallout.hooks import Drop, HookTable
from dhcpcallout.loaders import load_callout
from dhcpcallout.wire import Packet, decode, encode

PAGE = (Path(__file__).parents[2] / "docs" / "callouts.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL) if containing in text)
    return str(found)


def receive(table: HookTable, data: bytes) -> bytes | Drop:
    return table.ask(
        hooks.NEW_PACKET, table.contexts(), data, server_address_int=1, source_int=0, source_port=68, interface=""
    )


def test_the_python_callout_refuses_replaces_and_keeps_a_context(tmp_path: Path) -> None:
    (tmp_path / "policy.py").write_text(block("python", "no-printers"))
    table = HookTable([load_callout(str(tmp_path / "policy.py"))])
    assert receive(table, encode(Packet(options={60: b"printer 7"})).data) == Drop()
    assert receive(table, b"no message") == b"no message"
    reply = encode(Packet(op=2)).data
    for hostname, sname in ((b"thin-client", b"boot.example.org"), (b"other", b"")):
        contexts = table.contexts()
        data = encode(Packet(options={12: hostname})).data
        table.ask(hooks.NEW_PACKET, contexts, data, server_address_int=1, source_int=0, source_port=68, interface="")
        sent = table.ask(hooks.PACKET_SEND, contexts, reply, server_address_int=1, request_data=data)
        assert isinstance(sent, bytes)
        assert decode(sent).sname == sname
    assert table.faults == [0]


def test_a_python_callout_loads_the_rest_of_the_list(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(block("python", "first-of-several"))
    (tmp_path / "rest.py").write_text(block("python", "no-printers"))
    callout = load_callout(str(tmp_path / "first.py"), chain=[str(tmp_path / "rest.py")])
    assert list(callout.functions) == ["new_packet", "packet_drop", "packet_send"]


@pytest.mark.parametrize(("size", "kept"), [(1500, True), (1501, False)])
def test_the_c_callout_compiles_and_does_what_it_says(
    size: int, kept: bool, compile_callout: Callable[[Path], Path], tmp_path: Path
) -> None:
    source = tmp_path / "small_only.c"
    source.write_text(block("c", "DhcpServerCalloutEntry"))
    table = HookTable([load_callout(str(compile_callout(source)))])
    assert receive(table, bytes(size)) == (bytes(size) if kept else Drop())


def test_the_command_that_builds_it_does(require_system: Callable[..., None], tmp_path: Path) -> None:
    require_system("cc")
    (tmp_path / "small_only.c").write_text(block("c", "DhcpServerCalloutEntry"))
    (command,) = re.findall(r"^    (cc .*)$", PAGE, flags=re.MULTILINE)
    command = command.replace("dhcpcallout", f"{shlex.quote(sys.executable)} -m dhcpcallout")
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    load_callout(str(tmp_path / "small_only.so")).close()
