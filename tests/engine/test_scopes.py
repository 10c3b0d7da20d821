"""Scopes: what is wrong in one, and what several add up to."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.codes import INFINITE
from dhcpcallout.engine.model import Reservation, Scope, Subnet
from dhcpcallout.engine.scopes import (
    DEFAULT_LEASE_TIME_S,
    EMPTY_SCOPE,
    PREFIX_SCOPE_NAME,
    PlannedScope,
    compile_scope,
    lease_time,
    prefix_scope,
    resolve,
    timers,
)
from dhcpcallout.wire import REGISTRY

TIMES = ("lease_time_s", "min_lease_time_s", "max_lease_time_s")


def compiled(scope: Scope, **arguments: Any) -> PlannedScope:
    """A scope that nothing is wrong with."""

    def problem(key: str, text: str) -> None:
        pytest.fail(f"{key}: {text}")

    return compile_scope(scope, "the scope", "subnet[0]", problem, **arguments)


def problems(scope: Scope, key: str = "subnet[0]") -> dict[str, str]:
    found: dict[str, str] = {}
    compile_scope(scope, "the scope", key, lambda where, text: found.update({where: text}))
    return found


class TestCompiling:
    def test_options_are_encoded_under_their_codes_whatever_they_were_called(self) -> None:
        options: dict[str | int, Any] = {
            "routers": ["10.0.0.1"],
            6: "10.0.0.2, 10.0.0.3",
            "option-224": b"\1",
            "Domain_Name": "example.com",
        }
        assert compiled(Scope(options=options)).options == {
            3: b"\x0a\0\0\1",
            6: b"\x0a\0\0\2\x0a\0\0\3",
            224: b"\1",
            15: b"example.com",
        }

    def test_everything_else_is_in_the_engines_units(self) -> None:
        scope = compiled(
            Scope(
                always_send=["routers", 15],
                never_send=["ntp-servers"],
                lease_time_s=3600,
                min_lease_time_s=60,
                max_lease_time_s=INFINITE,
                renew_time_s=1000,
                rebind_time_s=3000,
                next_server="10.0.0.9",
                server_name="boot",
                boot_file_name="a/ü.efi",
            )
        )
        assert (scope.name, sorted(scope.always), sorted(scope.never)) == ("the scope", [3, 15], [42])
        assert [getattr(scope, name) for name in TIMES] == [3600, 60, INFINITE]
        assert (scope.renew_time_s, scope.rebind_time_s) == (1000, 3000)
        assert (scope.next_server_int, scope.server_name) == (0x0A000009, b"boot")
        assert scope.boot_file_name == "a/ü.efi".encode()

    def test_a_users_own_options_are_known_by_their_names(self) -> None:
        registry = REGISTRY.define(230, "door-code", "uint16")
        assert compiled(Scope(options={"door-code": 513}), registry=registry).options == {230: b"\2\1"}

    def test_scopes_that_say_nothing_are_one_and_the_same(self) -> None:
        assert compiled(Subnet(network="10.0.0.0/24")) is EMPTY_SCOPE
        assert compiled(Reservation(hardware_address="02:00:00:00:00:01", hostname="printer")) is EMPTY_SCOPE
        assert compiled(Scope(boot_file_name="")) is not EMPTY_SCOPE

    def test_vendor_options_can_be_those_of_a_named_space(self) -> None:
        pxe = {"pxe": {"discovery-control": 8, "menu-prompt": {"timeout_s": 1, "prompt": "F8"}}}
        assert compiled(Scope(options={"vendor-encapsulated-options": pxe})).options == {
            43: b"\x06\x01\x08\x0a\x03\x01F8"
        }

    def test_vendor_options_by_number_stay_as_they_are(self) -> None:
        assert compiled(Scope(options={43: {1: b"\5"}})).options == {43: b"\1\1\5"}


class TestMistakes:
    @pytest.mark.parametrize(
        ("code", "remedy"),
        [
            (50, "only clients"),
            (51, "lease-time"),
            (52, "by itself"),
            (53, "by itself"),
            (54, "by itself"),
            (55, "only clients"),
            (57, "only clients"),
            (58, "renew-time"),
            (59, "rebind-time"),
            (61, "the client's"),
            (80, "rapid-commit"),
            (81, "hostname"),
            (82, "the relay agent's"),
            (118, "the client's"),
        ],
    )
    def test_what_the_server_sets_by_itself_cannot_be_configured(self, code: int, remedy: str) -> None:
        name = REGISTRY.spec(code).name
        assert remedy in problems(Scope(options={name: b"\1\2\3\4"}))[f"subnet[0].options.{name}"]
        assert problems(Scope(always_send=[name])).keys() == {"subnet[0].always-send[0]"}

    @pytest.mark.parametrize("code", [58, 59, 61, 81])
    def test_what_a_client_can_do_without_can_be_withheld(self, code: int) -> None:
        assert compiled(Scope(never_send=[code])).never == {code}

    def test_what_a_client_cannot_do_without_cannot_be_withheld(self) -> None:
        assert problems(Scope(never_send=["routers", "dhcp-lease-time"])).keys() == {"subnet[0].never-send[1]"}

    @pytest.mark.parametrize("code", [0, 255])
    def test_pad_and_end_are_no_options(self, code: int) -> None:
        scope = Scope(options={code: b""}, always_send=[code], never_send=[code])
        keys = ["subnet[0].options." + str(code), "subnet[0].always-send[0]", "subnet[0].never-send[0]"]
        assert list(problems(scope)) == keys

    def test_one_option_under_two_names_is_given_twice(self) -> None:
        found = problems(Scope(options={"routers": "10.0.0.1", "domain-name": "x", "router": "10.0.0.2"}))
        assert found == {"subnet[0].options.router": "'routers' gives the same option already"}

    def test_a_name_that_no_option_has_is_told_with_one_that_is_like_it(self) -> None:
        assert "'routers'" in problems(Scope(options={"ruoters": "10.0.0.1"}))["subnet[0].options.ruoters"]

    def test_a_wrong_value_is_told_without_the_options_number(self) -> None:
        text = problems(Scope(options={3: "gateway"}))["subnet[0].options.3"]
        assert "gateway" in text
        assert "option 3" not in text

    def test_what_is_wrong_within_a_vendors_space_is_told(self) -> None:
        found = problems(Scope(options={43: {"pxe": {"discovery-controll": 8}}}))
        assert "discovery-control" in found["subnet[0].options.43"]

    def test_the_wrong_ones_are_left_out_and_the_right_ones_kept(self) -> None:
        scope = Scope(options={3: "gateway", 15: "example.com"}, lease_time_s=0, boot_file_name="x")
        planned = compile_scope(scope, "", "", lambda key, text: None)
        assert (planned.options, planned.lease_time_s, planned.boot_file_name) == ({15: b"example.com"}, None, b"x")

    def test_the_files_own_keys_have_no_prefix(self) -> None:
        assert problems(Scope(options={3: "gateway"}, next_server="x"), key="").keys() == {"options.3", "next-server"}

    def test_an_option_is_not_both_always_and_never_sent(self) -> None:
        assert "routers" in problems(Scope(always_send=[3], never_send=["routers"]))["subnet[0].never-send"]

    def test_ipv6_only_is_only_for_those_who_ask(self) -> None:  # RFC 8925 section 3.3
        assert "8925" in problems(Scope(always_send=["v6-only-preferred"]))["subnet[0].always-send"]

    @pytest.mark.parametrize("name", [*TIMES, "renew_time_s", "rebind_time_s"])
    @pytest.mark.parametrize("value", [0, -1, INFINITE + 1, "1h"])
    def test_times_are_seconds_that_fit_the_option(self, name: str, value: Any) -> None:
        key = name.removesuffix("_s").replace("_", "-")
        assert str(INFINITE) in problems(Scope(**{name: value}))[f"subnet[0].{key}"]

    @pytest.mark.parametrize(
        ("times", "key"),
        [
            ({"min_lease_time_s": 61, "lease_time_s": 60}, "lease-time"),
            ({"lease_time_s": 61, "max_lease_time_s": 60}, "max-lease-time"),
            ({"min_lease_time_s": 61, "max_lease_time_s": 60}, "max-lease-time"),
            ({"lease_time_s": 60, "rebind_time_s": 60}, "rebind-time"),
            ({"lease_time_s": 800, "renew_time_s": 700}, "renew-time"),
            ({"lease_time_s": 800, "renew_time_s": 100, "rebind_time_s": 100}, "renew-time"),
            ({"renew_time_s": 100, "rebind_time_s": 100}, "renew-time"),
        ],
    )
    def test_times_ascend(self, times: dict[str, int], key: str) -> None:
        assert problems(Scope(**times)).keys() == {f"subnet[0].{key}"}  # type: ignore[arg-type]

    def test_times_that_ascend_strictly_are_right(self) -> None:
        assert not problems(
            Scope(min_lease_time_s=8, renew_time_s=5, rebind_time_s=6, lease_time_s=8, max_lease_time_s=8)
        )
        assert not problems(Scope(renew_time_s=699, lease_time_s=800))
        assert not problems(Scope(renew_time_s=INFINITE - 1, rebind_time_s=INFINITE, lease_time_s=INFINITE))

    def test_a_name_has_to_fit_its_field(self) -> None:
        assert not problems(Scope(server_name="s" * 63, boot_file_name="f" * 127))
        found = problems(Scope(server_name="s" * 64, boot_file_name="ü" * 64))
        assert found.keys() == {"subnet[0].server-name", "subnet[0].boot-file-name"}
        assert problems(Scope(boot_file_name="a\0b", server_name="\ud800")).keys() == found.keys()

    def test_the_boot_server_is_an_address(self) -> None:
        assert "tftp.example.com" in problems(Scope(next_server="tftp.example.com"))["subnet[0].next-server"]

    def test_a_reservation_says_a_name_once(self) -> None:
        scope = Reservation(hostname="printer", options={"host-name": "scanner"})
        assert problems(scope).keys() == {"subnet[0].hostname"}


codes = st.integers(1, 6)
times = st.none() | st.integers(1, 12)


@st.composite
def planned_scopes(draw: Callable[..., Any]) -> PlannedScope:
    """Scopes as ``compile_scope`` makes them: never at odds with themselves."""
    sent = draw(st.dictionaries(codes, st.booleans()))
    bounds = sorted(draw(st.lists(st.integers(1, 12), min_size=3, max_size=3)))
    given_times = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    low, default, high = (time if given else None for time, given in zip(bounds, given_times, strict=True))
    return PlannedScope(
        name=draw(st.text(max_size=3)),
        options=draw(st.dictionaries(codes, st.binary(max_size=2))),
        always=frozenset(code for code, always in sent.items() if always),
        never=frozenset(code for code, always in sent.items() if not always),
        lease_time_s=default,
        min_lease_time_s=low,
        max_lease_time_s=high,
        renew_time_s=draw(times),
        rebind_time_s=draw(times),
        next_server_int=draw(st.none() | st.integers(0, 3)),
        server_name=draw(st.none() | st.sampled_from((b"", b"a", b"b"))),
        boot_file_name=draw(st.none() | st.sampled_from((b"", b"a", b"b"))),
    )


class TestPrecedence:
    @given(st.lists(planned_scopes(), max_size=4))
    def test_each_thing_is_as_the_first_scope_has_it_that_says_it(self, scopes: list[PlannedScope]) -> None:
        resolved = resolve(scopes)
        for code in range(1, 7):
            saying = next((scope for scope in scopes if code in scope.options), None)
            assert resolved.options.get(code) == (saying.options[code] if saying else None)
            assert resolved.origins.get(code) == (saying.name if saying else None)
            flagging = next((scope for scope in scopes if code in scope.always | scope.never), EMPTY_SCOPE)
            assert (code in resolved.always, code in resolved.never) == (
                code in flagging.always,
                code in flagging.never,
            )
        for name, nothing in (
            ("renew_time_s", None),
            ("rebind_time_s", None),
            ("next_server_int", 0),
            ("server_name", b""),
            ("boot_file_name", b""),
        ):
            first = next((scope for scope in scopes if getattr(scope, name) is not None), None)
            assert getattr(resolved, name) == (getattr(first, name) if first else nothing)
            assert resolved.parameter_origins.get(name) == (first.name if first else None)

    @given(st.lists(planned_scopes(), max_size=4))
    def test_lease_times_are_in_order_and_of_the_most_telling_scopes(self, scopes: list[PlannedScope]) -> None:
        resolved = resolve(scopes)
        assert resolved.min_lease_time_s <= resolved.lease_time_s <= resolved.max_lease_time_s
        for name in TIMES:
            if scopes and getattr(scopes[0], name) is not None:
                assert getattr(resolved, name) == getattr(scopes[0], name)
            by = resolved.parameter_origins.get(name)
            assert by is None or any(
                getattr(resolved, name) in [getattr(scope, time) for time in TIMES]
                for scope in scopes
                if scope.name == by
            )

    @given(st.lists(planned_scopes(), max_size=4))
    def test_lease_times_less_telling_than_the_default_do_not_count(self, scopes: list[PlannedScope]) -> None:
        saying = next((place for place, scope in enumerate(scopes) if scope.lease_time_s is not None), len(scopes))
        whole, part = resolve(scopes), resolve(scopes[: saying + 1])
        assert [getattr(whole, name) for name in TIMES] == [getattr(part, name) for name in TIMES]

    def test_a_scope_that_says_nothing_changes_nothing(self) -> None:
        scope = PlannedScope("a", {3: b"\1\2\3\4"}, lease_time_s=60)
        assert resolve([EMPTY_SCOPE, scope, EMPTY_SCOPE]).origins == {3: "a"}

    def test_the_prefix_says_the_mask_where_nobody_else_does(self) -> None:
        prefix = prefix_scope(0xFFFFFE00)
        resolved = resolve([prefix])
        assert (dict(resolved.options), *resolved.always) == ({1: b"\xff\xff\xfe\0"}, 1)
        assert resolved.origins == {1: PREFIX_SCOPE_NAME}
        resolved = resolve([PlannedScope("global", {1: b"\xff\0\0\0"}, never=frozenset((1,))), prefix])
        assert (resolved.options[1], *resolved.always, *resolved.never) == (b"\xff\0\0\0", 1)
        assert not resolved.always


class TestLeaseTime:
    @pytest.mark.parametrize(
        ("scopes", "asked", "expected"),
        [
            ([{}], None, DEFAULT_LEASE_TIME_S),
            ([{}], 60, DEFAULT_LEASE_TIME_S),
            ([{"lease_time_s": 600}], 60, 600),
            ([{"lease_time_s": 600}], INFINITE, 600),
            ([{"lease_time_s": 600, "max_lease_time_s": 900}], 800, 800),
            ([{"lease_time_s": 600, "max_lease_time_s": 900}], INFINITE, 900),
            ([{"lease_time_s": 600, "max_lease_time_s": 900}], 1, 600),
            ([{"lease_time_s": 600, "max_lease_time_s": INFINITE}], INFINITE, INFINITE),
            ([{"lease_time_s": 600, "min_lease_time_s": 300}], 0, 300),
            ([{"lease_time_s": 600, "min_lease_time_s": 300}], None, 600),
            ([{"lease_time_s": INFINITE}], 60, INFINITE),
            # The guests' ten minutes stay ten minutes, whatever others may ask for.
            ([{"lease_time_s": 600}, {"lease_time_s": 6000, "max_lease_time_s": 60000}], 6000, 600),
            # A bound alone bounds what less telling scopes say.
            ([{"max_lease_time_s": 600}, {"lease_time_s": 6000}], None, 600),
            ([{"min_lease_time_s": 600}, {"lease_time_s": 60}], None, 600),
            ([{"max_lease_time_s": 9000}, {"lease_time_s": 6000, "min_lease_time_s": 60}], 7000, 7000),
            # Bounds that exclude each other: the more telling one's.
            ([{"min_lease_time_s": 600}, {"lease_time_s": 60, "max_lease_time_s": 90}], 1, 600),
            ([{"max_lease_time_s": 60}, {"lease_time_s": 600, "min_lease_time_s": 90}], 70, 60),
        ],
    )
    def test_what_the_client_asks_counts_within_bounds(
        self, scopes: list[dict[str, int]], asked: int | None, expected: int
    ) -> None:
        resolved = resolve([PlannedScope("x", **times) for times in scopes])  # type: ignore[arg-type]
        assert lease_time(resolved, asked) == expected

    @given(st.lists(planned_scopes(), max_size=3), st.none() | st.integers(0, INFINITE))
    def test_the_bounds_always_hold(self, scopes: list[PlannedScope], asked: int | None) -> None:
        resolved = resolve(scopes)
        assert resolved.min_lease_time_s <= lease_time(resolved, asked) <= resolved.max_lease_time_s


class TestTimers:
    @pytest.mark.parametrize(
        ("renew_s", "rebind_s", "lease_time_s", "expected"),
        [
            (None, None, 3600, (1800, 3150)),  # RFC 2131 section 4.4.5
            (900, 1000, 3600, (900, 1000)),
            (900, None, 3600, (900, 3150)),
            (None, 700, 3600, (400, 700)),
            (900, 1000, 900, (450, 787)),
            (900, 1000, 1000, (500, 875)),
            (900, None, 1000, (500, 875)),
            (None, None, 3, (1, 2)),
            (None, None, 2, None),
            (1, 2, INFINITE, None),
        ],
    )
    def test_given_ones_count_where_they_go_with_the_lease_time(
        self, renew_s: int | None, rebind_s: int | None, lease_time_s: int, expected: tuple[int, int] | None
    ) -> None:
        scope = PlannedScope("x", renew_time_s=renew_s, rebind_time_s=rebind_s)
        assert timers(resolve([scope]), lease_time_s) == expected

    @given(
        st.none() | st.integers(1, INFINITE),
        st.none() | st.integers(2, INFINITE),
        st.integers(1, 20) | st.integers(1, INFINITE),
    )
    def test_they_are_always_in_order(self, renew_s: int | None, rebind_s: int | None, lease_time_s: int) -> None:
        both = timers(resolve([PlannedScope("x", renew_time_s=renew_s, rebind_time_s=rebind_s)]), lease_time_s)
        assert (both is None) == (lease_time_s < 3 or lease_time_s == INFINITE)
        assert both is None or 0 < both[0] < both[1] < lease_time_s
