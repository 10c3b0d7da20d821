"""Where a client is: coordinates (123 and 144) and civic addresses (99)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from ...errors import EncodeError, WireError
from .base import ValueType
from .composite import Record

__all__ = ["CivicAddress", "CivicElement", "GeoConf", "GeoLoc", "Location"]

_DEGREE = 1 << 25
_METRE = 1 << 8


@dataclass(frozen=True, slots=True)
class GeoConf:
    """Coordinates with their resolution (option 123, RFC 6225 section 2.2).

    Attributes:
        latitude_resolution: Bits of the latitude that count, 0 to 34.
        latitude: Degrees, north positive; exact, a multiple of 2**-25.
        longitude_resolution: Bits of the longitude that count, 0 to 34.
        longitude: Degrees, east positive; exact, a multiple of 2**-25.
        altitude_type: 0 none, 1 metres, 2 floors.
        altitude_resolution: Bits of the altitude that count, 0 to 30.
        altitude: Metres or floors; exact, a multiple of 2**-8.
        datum: 1 WGS84, 2 NAD83 with NAVD88, 3 NAD83 with MLLW.
    """

    latitude_resolution: int
    latitude: float
    longitude_resolution: int
    longitude: float
    altitude_type: int
    altitude_resolution: int
    altitude: float
    datum: int


@dataclass(frozen=True, slots=True)
class GeoLoc:
    """Coordinates with their uncertainty (option 144, RFC 6225 section 2.2).

    Attributes:
        latitude_uncertainty: As RFC 6225 section 2.3 codes it: 0 unknown; 2**(8 - it) degrees.
        latitude: Degrees, north positive; exact, a multiple of 2**-25.
        longitude_uncertainty: As the latitude's.
        longitude: Degrees, east positive; exact, a multiple of 2**-25.
        altitude_type: 0 none, 1 metres, 2 floors.
        altitude_uncertainty: 0 unknown; 2**(21 - it) metres.
        altitude: Metres or floors; exact, a multiple of 2**-8.
        datum: 1 WGS84, 2 NAD83 with NAVD88, 3 NAD83 with MLLW.
        version: 1.
    """

    latitude_uncertainty: int
    latitude: float
    longitude_uncertainty: int
    longitude: float
    altitude_type: int
    altitude_uncertainty: int
    altitude: float
    datum: int
    version: int = 1


class _Bits(ValueType[Any]):
    """A number of ``width`` bits somewhere within the value."""

    name = "number"

    def __init__(self, width: int) -> None:
        self.width = width

    def value(self, bits: int) -> int | float:
        return bits

    def bits(self, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = -1
        if number >> self.width:
            raise EncodeError(f"{value!r} is not a whole number from 0 to {(1 << self.width) - 1}")
        return number

    def decode(self, data: bytes) -> int | float:
        return self.value(int.from_bytes(data, "big"))

    def pack(self, value: Any) -> bytes:
        return self.bits(value).to_bytes((self.width + 7) // 8, "big")

    def to_text(self, value: Any) -> str:
        return str(value)

    def parse_text(self, text: str) -> int | float:
        return self.value(self.bits(text))


class _Fixed(_Bits):
    """A two's complement number; ``unit`` of its last bit make 1."""

    def __init__(self, width: int, unit: int) -> None:
        super().__init__(width)
        self._unit = unit

    def value(self, bits: int) -> float:
        return (bits - (1 << self.width) if bits >> (self.width - 1) else bits) / self._unit

    def bits(self, value: Any) -> int:
        limit = 1 << (self.width - 1)
        try:
            number = round(float(value) * self._unit)
        except (TypeError, ValueError, OverflowError):
            number = limit
        if not -limit <= number < limit:
            raise EncodeError(
                f"{value!r} is not a number of at least {-limit / self._unit}, below {limit / self._unit}"
            )
        return number & (2 * limit - 1)


class Location(Record[Any]):
    """Coordinates in 16 bytes: the fields of ``make`` but for the last, ``datum``, and ``version`` before it.

    Bits that RFC 6225 reserves do not count.

    Args:
        make: ``GeoConf`` or ``GeoLoc``.
    """

    def __init__(self, make: type[GeoConf] | type[GeoLoc]) -> None:
        names = [field.name for field in fields(make)]
        kinds: list[_Bits] = [_Bits(6), _Fixed(34, _DEGREE), _Bits(6), _Fixed(34, _DEGREE), _Bits(4), _Bits(6)]
        kinds += [_Fixed(30, _METRE), _Bits(3), _Bits(2)]
        # From the last bit of the 16 bytes: datum 3, reserved 3, version 2 (reserved in option 123), altitude 30 ...
        self._shifts = (122, 88, 82, 48, 44, 38, 8, 0, 6)[: len(names)]
        self.kinds = kinds[: len(names)]
        super().__init__(
            make, list(zip(names, self.kinds, strict=True)), defaults={"version": 1} if make is GeoLoc else {}
        )

    def decode(self, data: bytes) -> Any:
        if len(data) != 16:
            raise WireError(f"{len(data)} bytes; a location has 16", offset=0)
        number = int.from_bytes(data, "big")
        return self.make(
            *(
                kind.value(number >> shift & ((1 << kind.width) - 1))
                for kind, shift in zip(self.kinds, self._shifts, strict=True)
            )
        )

    def _pack_fields(self, values: Sequence[Any]) -> bytes:
        number = 0
        for kind, shift, value in zip(self.kinds, self._shifts, values, strict=True):
            number |= kind.bits(value) << shift
        return number.to_bytes(16, "big")


@dataclass(frozen=True, slots=True)
class CivicElement:
    """A part of a civic address.

    Attributes:
        type: What part: a CAtype of RFC 4776 section 3.4, 3 for a city.
        value: Its text.
    """

    type: int
    value: str


@dataclass(frozen=True, slots=True)
class CivicAddress:
    """A civic address (option 99, RFC 4776 section 3.1).

    Attributes:
        what: Whose place it is: 0 the DHCP server's, 1 the network element's, 2 the client's.
        country: The ISO 3166 code, two letters.
        elements: The parts.
    """

    what: int
    country: str
    elements: tuple[CivicElement, ...]
