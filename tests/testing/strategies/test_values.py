import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from dhcpcallout.errors import UnknownOptionError, WireError
from dhcpcallout.testing.strategies import option_data, option_values, options
from dhcpcallout.wire import REGISTRY, Option

EASILY = settings(
    max_examples=2000, suppress_health_check=list(HealthCheck), database=None, deadline=None, phases=(Phase.generate,)
)
CODES = [spec.code for spec in REGISTRY]


@pytest.mark.parametrize("strategy", [option_values, option_data])
def test_an_unknown_name_is_told_at_once(strategy: object) -> None:
    assert callable(strategy)
    with pytest.raises(UnknownOptionError):
        strategy("ruoters")


@given(st.sampled_from(CODES).flatmap(lambda code: st.tuples(st.just(code), option_data(code))))
def test_data_is_well_formed(option: tuple[int, bytes]) -> None:
    code, data = option
    REGISTRY.spec(code).decode(data)


@given(option_values("mine", space=REGISTRY.define(224, "mine", record=("uint8", "fqdn"))))
def test_values_of_ones_own_options_are_made(value: tuple[int, str]) -> None:
    number, name = value
    assert 0 <= number <= 255
    assert name


def malformed(option: Option) -> bool:
    try:
        option.spec.decode(option.data)
    except WireError:
        return True
    return False


def test_malformed_options_are_made_when_asked_for() -> None:
    assert find(options(malformed=True), malformed, settings=EASILY)


@given(options())
def test_options_are_well_formed_unless_asked_for(option: Option) -> None:
    assert not malformed(option)


@pytest.mark.parametrize("assigned", [True, False])
def test_assigned_and_other_options_are_made(assigned: bool) -> None:
    assert find(options(), lambda option: (option.code in REGISTRY) is assigned, settings=EASILY)


@pytest.mark.parametrize(
    ("name", "corner"),
    [
        ("user-class", lambda value: value.bare),
        ("fqdn", lambda value: value.name.endswith(".")),
        ("fqdn", lambda value: not value.flags & 4 and value.name),
        ("vendor-encapsulated-options", lambda value: isinstance(value, bytes)),
        ("dhcp-agent-options", lambda value: value.get("link-selection")),
        ("sip-servers", lambda value: value.names),
        ("sip-servers", lambda value: value.addresses),
        ("domain-search", lambda value: "." in value),
        ("classless-static-route", lambda value: any(route.destination.prefixlen == 0 for route in value)),
        ("vivso-suboptions", lambda value: any(vendor.enterprise == 3561 for vendor in value)),
        ("host-name", lambda value: not value.isprintable()),
    ],
)
def test_corners_are_reached(name: str, corner: object) -> None:
    assert callable(corner)
    assert find(option_values(name), lambda value: bool(corner(value)), settings=EASILY)
