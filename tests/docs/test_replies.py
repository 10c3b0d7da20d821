"""The configurations, numbers and mistakes in docs/replies.md are as the page says."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dhcpcallout.codes import MessageType
from dhcpcallout.engine.answers import Answer, Answers
from dhcpcallout.engine.model import Scope
from dhcpcallout.engine.scopes import PlannedScope, Resolved, compile_scope, lease_time, prefix_scope, resolve
from dhcpcallout.wire import REGISTRY, Packet

PAGE = (Path(__file__).parents[2] / "docs" / "replies.md").read_text(encoding="utf-8")
TOML = [tomllib.loads(block) for block in re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)]
LEASE_TIMES = re.findall(r"\n\| ?(.*) \| (`lease-time.*) \| ?(.*) \| (\d+) \|", PAGE)
ATTRIBUTES = {"lease_time", "min_lease_time", "max_lease_time", "renew_time", "rebind_time"}


def scope(table: Mapping[str, Any], problem: Callable[[str, str], None] | None = None) -> PlannedScope:
    """What a table of a configuration file says."""

    def fail(key: str, text: str) -> None:
        pytest.fail(f"{key}: {text}")

    said = {key.replace("-", "_"): value for key, value in table.items()}
    attributes = {f"{name}_s" if name in ATTRIBUTES else name: value for name, value in said.items()}
    known = {name: value for name, value in attributes.items() if name in Scope.__dataclass_fields__}
    return compile_scope(Scope(**known), "", "subnet[0]", problem or fail)


def answer(resolved: Resolved, wanted: bytes, hostname: str | None = None) -> Answer:
    asked = Packet(options={55: wanted})
    return Answers().reply(asked, MessageType.ACK, resolved, 1, lease_time_s=resolved.lease_time_s, hostname=hostname)


def test_the_first_configuration_tells_what_the_page_says() -> None:
    [subnet] = TOML[0]["subnet"]
    [reservation] = subnet["reservation"]
    shared = [scope(subnet), scope({"options": TOML[0]["options"]}), prefix_scope(0xFFFFFF00)]
    wanted = b"\1\3\6\x0c\x0f"
    told = answer(resolve(shared), wanted).packet
    assert [code for code in told.options if code in range(1, 50)] == [1, 3, 6, 15]
    assert told.options[15] == b"example.com"
    told = answer(resolve([scope(reservation), *shared]), wanted, reservation["hostname"]).packet
    assert [code for code in told.options if code in range(1, 50)] == [1, 6, 12, 15]
    assert (told.options[15], told.options[12]) == (b"print.example.com", b"printer")
    assert 15 in answer(resolve(shared), b"\1").packet.options
    assert 42 not in told.options


def test_the_vendors_options_are_their_own() -> None:
    pxe, access_points = (resolve([scope(table)]) for table in TOML[1]["class"])
    assert answer(pxe, b"\x2b").packet.options[43] == b"\6\1\x08"
    assert answer(access_points, b"\x2b").packet.options[43] == b"\xf1\4\x0a\0\0\7"


@pytest.mark.parametrize(("pool", "everyone", "asked", "granted"), LEASE_TIMES)
def test_a_client_gets_the_lease_time_that_the_page_says(pool: str, everyone: str, asked: str, granted: str) -> None:
    scopes = [scope(tomllib.loads("\n".join(re.findall("`(.*?)`", cell)))) for cell in (pool, everyone)]
    assert lease_time(resolve(scopes), int(asked) if asked else None) == int(granted)


def test_every_row_of_lease_times_is_looked_at() -> None:
    assert len(LEASE_TIMES) == 7


def test_every_option_with_a_rule_is_one() -> None:
    rules = re.findall(r"\n\| (`.*?) \|", PAGE[PAGE.index("| option |") : PAGE.index("## Vendors")])
    names = [name for cell in rules for name in re.findall("`(.*?)`", cell)]
    assert [REGISTRY.spec(name).code for name in names] == [3, 33, 108, 116, 12, 81, 66, 67]


def test_the_mistakes_are_reported_in_the_words_of_the_page() -> None:
    reported: list[str] = []
    scope(
        {
            "options": {
                "dhcp-lease-time": 60,
                "dhcp-renewal-time": 30,
                "routers": "10.0.0.1",
                "router": "10.0.0.1",
                "ruoters": "10.0.0.1",
            },
            "always-send": ["routers", "v6-only-preferred"],
            "never-send": ["routers"],
            "lease-time": 600,
            "max-lease-time": 60,
            "renew-time": 600,
        },
        lambda key, text: reported.append(f"{key}: {text}"),
    )
    assert re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)[0].splitlines() == reported
