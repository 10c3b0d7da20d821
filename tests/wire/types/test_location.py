import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhcpcallout.errors import EncodeError, WireError
from dhcpcallout.wire.types.location import GeoConf, GeoLoc, Location

CONF = Location(GeoConf)
LOC = Location(GeoLoc)
TABLE = {
    "latitude_resolution": 34,
    "latitude": -33.5,
    "longitude_resolution": 34,
    "longitude": "151.25",
    "altitude_type": 1,
    "altitude_resolution": 30,
    "altitude": 10,
    "datum": 1,
}


def test_coordinates_can_be_configured_as_a_table() -> None:
    data = CONF.encode(TABLE)
    assert CONF.decode(data) == GeoConf(34, -33.5, 34, 151.25, 1, 30, 10.0, 1)


def test_a_location_has_version_1_unless_told() -> None:
    value = GeoLoc(0, 1.0, 0, 2.0, 0, 0, 0.0, 1)
    assert value.version == 1
    assert LOC.decode(LOC.encode(value)) == value
    assert "version" not in LOC.to_text(value)
    assert LOC.encode(value)[15] == 0b01_000_001


@given(st.binary(min_size=16, max_size=16))
def test_every_16_bytes_are_a_location_that_keeps_all_but_reserved_bits(data: bytes) -> None:
    assert CONF.encode(CONF.decode(data)) == data[:15] + bytes((data[15] & 0b111,))
    assert LOC.encode(LOC.decode(data)) == data[:15] + bytes((data[15] & 0b11_000_111,))


def test_a_number_is_rounded_to_the_nearest_that_there_is() -> None:
    value = CONF.decode(CONF.encode(TABLE | {"latitude": 48.1, "altitude": 0.001}))
    assert value.latitude == pytest.approx(48.1, abs=2**-26)
    assert value.altitude == 0.0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 256),
        ("latitude", "north"),
        ("longitude", float("nan")),
        ("longitude", float("inf")),
        ("altitude", None),
        ("latitude_resolution", 64),
        ("altitude_type", -1),
        ("datum", 8),
        ("datum", "wgs84"),
        ("datum", None),
    ],
)
def test_what_is_out_of_range_is_told(field: str, value: object) -> None:
    with pytest.raises(EncodeError):
        CONF.encode(TABLE | {field: value})


def test_a_location_has_16_bytes() -> None:
    with pytest.raises(WireError):
        CONF.decode(bytes(15))
