"""The list of hardware addresses, in both languages: they say the same of every list and every client."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dhcpcallout import Callout, hooks
from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.hooks import Drop, HookTable
from dhcpcallout.loaders import load_callout
from dhcpcallout.testing import SimulatedNetwork
from dhcpcallout.wire import Packet, encode

LIST = """\
# Who is served, and who is not.
MAC_ACTION = {%s}
02:00:00:00:00:01        # Alice's, in one notation
0200.0000.0002
02-00-00-00-0A-bC

020000000003
02 00 : 00 00 00 04
1:not:an:address
"""

Load = Callable[[str], Callout]


@pytest.fixture
def mac_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "MACList.txt"
    monkeypatch.setenv("MAC_LIST", str(path))
    return path


def drops(table: HookTable, data: bytes) -> bool:
    answer = table.ask(
        hooks.NEW_PACKET, table.contexts(), data, server_address_int=1, source_int=0, source_port=68, interface=""
    )
    assert isinstance(answer, Drop) or answer == data
    return isinstance(answer, Drop)


@pytest.mark.parametrize("language", ["py", "c"])
@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
def test_those_on_the_list_are_served_or_refused(
    language: str, action: str, mac_list: Path, load_example: Load
) -> None:
    mac_list.write_text(LIST.replace("1:not:an:address\n", "") % action)
    network = SimulatedNetwork(callouts=[load_example(f"mac_list.{language}")])
    for mac in ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:0a:bc", "02:00:00:00:00:03"):
        assert (network.client(mac).lease() is not None) == (action == "ALLOW")
    assert (network.client("02:00:00:00:00:99").lease() is not None) == (action == "DENY")


ADDRESS = re.compile("[0-9a-fA-F]{2}([:.-]?[0-9a-fA-F]{2}){0,15} *(#|$)")
BAD = {
    "no address": LIST % "ALLOW",
    "no action": "02:00:00:00:00:01\n",
    "two actions": "MAC_ACTION={ALLOW}\nMAC_ACTION={DENY}\n",
    "another action": "MAC_ACTION={PERHAPS}\n",
    "half a byte": "MAC_ACTION={ALLOW}\n02:00:00:00:00:1\n",
    "a separator at the end": "MAC_ACTION={ALLOW}\n02:00:00:00:00:01:\n",
    "17 bytes": "MAC_ACTION={ALLOW}\n" + "01" * 17,
    "a NUL": "MAC_ACTION={ALLOW}\n02:00\0\n",
    "nothing": "",
}


@pytest.mark.parametrize("language", ["py", "c"])
@pytest.mark.parametrize("what", BAD)
def test_a_list_with_a_mistake_is_not_loaded(language: str, what: str, mac_list: Path, load_example: Load) -> None:
    mac_list.write_bytes(BAD[what].encode())
    with pytest.raises(CalloutLoadError):
        load_example(f"mac_list.{language}")


@pytest.mark.parametrize("language", ["py", "c"])
def test_without_a_list_it_is_not_loaded(language: str, mac_list: Path, load_example: Load) -> None:
    with pytest.raises(CalloutLoadError):
        load_example(f"mac_list.{language}")


ADDRESSES = st.from_regex(r"[0-3a-bA-B]{2}([:.-]?[0-3a-bA-B]{2}){0,15}( *#.*)?", fullmatch=True)
OTHERS = st.sampled_from(["# a comment", "", "  \t\r", "MAC_ACTION={DENY}", "MAC_ACTION", "01" * 17]) | st.text(
    max_size=90
)
LISTS = st.builds(
    lambda action, lines: [action, *lines],
    st.sampled_from(["MAC_ACTION={ALLOW}", "MAC_ACTION = {DENY} # like this", ""]),
    st.lists(ADDRESSES, max_size=5) | st.lists(ADDRESSES | OTHERS, max_size=3),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LISTS, clients=st.lists(st.binary(max_size=300), max_size=4))
@example(lines=["MAC_ACTION={DENY}", "00" * 16], clients=[bytes(2) + b"\x10" + bytes(297)])
def test_both_languages_read_every_list_alike_and_treat_every_client_alike(
    lines: list[str], clients: list[bytes], mac_list: Path, both: tuple[Path, Path]
) -> None:
    mac_list.write_bytes("\n".join(lines).encode(errors="replace"))
    in_python, in_c = (loaded(path) for path in both)
    assert (in_python is None) == (in_c is None)
    if in_python is None or in_c is None:
        return
    listed = [re.sub("[:.-]|#.*", "", line).strip() for line in lines if ADDRESS.match(line)]
    messages = [encode(Packet(chaddr=bytes.fromhex(address))).data for address in listed]
    for data in (*messages, *clients, *(bytes(2) + client for client in clients)):
        assert drops(in_python, data) == drops(in_c, data)
    in_c.callouts[0].close()


def loaded(path: Path) -> HookTable | None:
    try:
        return HookTable([load_callout(str(path))])
    except CalloutLoadError:
        return None


@pytest.fixture
def both(install_example: Callable[[str], Path]) -> tuple[Path, Path]:
    """The callout in both languages, installed."""
    return install_example("mac_list.py"), install_example("mac_list.c")
