"""What docs/registry.md shows, as an administrator would do it."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dhcpcallout.cli import app
from dhcpcallout.config import load_config
from dhcpcallout.loaders import Registry, read_reg_file, resolve

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "registry.md").read_text(encoding="utf-8")
SERVER = '[server]\nlisten = ["127.0.0.1:6767"]\n[[subnet]]\nnetwork = "10.0.0.0/8"\n'
SOURCE = """
#include "dhcpssdk.h"
static DWORD CALLBACK control(DWORD code, LPVOID reserved) { (void)code, (void)reserved; return ERROR_SUCCESS; }
static DWORD CALLBACK new_packet(LPBYTE *packet, DWORD *size, DWORD address, LPVOID reserved, LPVOID *context,
                                 LPBOOL process)
{
    (void)packet, (void)size, (void)address, (void)reserved, (void)context, (void)process;
    return ERROR_SUCCESS;
}
static DWORD CALLBACK packet_send(LPBYTE *packet, DWORD *size, DWORD code, DWORD address, LPVOID reserved,
                                  LPVOID context)
{
    (void)packet, (void)size, (void)code, (void)address, (void)reserved, (void)context;
    return ERROR_SUCCESS;
}
__declspec(dllexport) DWORD CALLBACK DhcpServerCalloutEntry(LPWSTR chain, DWORD version, LPDHCP_CALLOUT_TABLE table)
{
    (void)chain, (void)version;
    table->DhcpControlHook = control;
    table->DhcpNewPktHook = new_packet;
    table->DhcpPktSendHook = packet_send;
    return ERROR_SUCCESS;
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an exported key."""
    shutil.copy(ROOT / "tests" / "data" / "registry" / "regedit4.reg", tmp_path / "dhcp-server.reg")
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_table_is_what_is_printed(folder: Path, compile_callout: Callable[[Path], Path]) -> None:
    source = folder / "audit.c"
    source.write_text(SOURCE)
    callouts = {}
    for name in ("audit", "filter"):
        path = shutil.move(compile_callout(source), folder / f"{name}.so")
        callouts[f"C:\\Callouts\\{name}.dll"] = str(path)
    path_map = ", ".join(f"'{name}' = '{path}'" for name, path in callouts.items())
    config = folder / "dhcp.toml"
    config.write_text(f'[callouts]\nregistry = "dhcp-server.reg"\npath-map = {{ {path_map} }}\n{SERVER}')
    result = CliRunner().invoke(app, ["callouts", "list", "-c", str(config)])
    assert result.exit_code == 0
    (table,) = blocks("text")
    printed = result.stdout.replace(f"of {folder}/", "of /etc/dhcpcallout/").replace(f" {folder}/", " /opt/callouts/")
    hashed = re.compile("(?<=sha256  )[0-9a-f]{64}")
    assert hashed.sub("...", printed) == hashed.sub("...", table)


def test_a_first_look_at_the_file_runs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (command,) = re.findall(r"^    dhcpcallout (callouts list --registry .*)$", PAGE, flags=re.MULTILINE)
    result = CliRunner().invoke(app, [*shlex.split(command), "--json"])
    found = json.loads(result.stdout)["callouts"]
    assert [one["entry"] for one in found] == ["C:\\Callouts\\audit.dll", "C:\\Callouts\\filter.dll"]
    assert all("path-map = { 'C:\\Callouts' = " in one["reason"] for one in found)


def test_the_map_leads_where_the_page_says(folder: Path) -> None:
    (block,) = (block for block in blocks("toml") if "path-map" in block)
    (folder / "dhcp.toml").write_text(block + SERVER)
    path_map = load_config(folder / "dhcp.toml").callouts.path_map
    found = [
        resolve(entry, folder, path_map)
        for entry in ("C:\\Callouts\\filter.dll", "C:\\Callouts\\audit.dll", "%ProgramFiles%\\Policy\\policy.dll")
    ]
    assert found == ["/opt/callouts/filter.dll", "/opt/callouts/audit.so", "python:policy"]


def test_a_program_reads_the_same(folder: Path) -> None:
    dlls = ["C:\\Callouts\\audit.dll", "C:\\Callouts\\filter.dll"]
    values = {"CalloutDlls": dlls, "CalloutEnabled": 1}
    assert Registry.from_mapping(values) == read_reg_file(folder / "dhcp-server.reg")
