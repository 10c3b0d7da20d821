"""The golden vectors of tests/data/wire: NAME.hex is a message, NAME.toml says where it is from and what it means."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent.parent / "data" / "wire"


@dataclass(frozen=True)
class Vector:
    name: str
    data: bytes
    expected: Mapping[str, Any]

    @property
    def is_message(self) -> bool:
        return "fatal_offset" not in self.expected

    @property
    def header(self) -> dict[str, Any]:
        """The header's expected values, by the attributes' names."""
        header: dict[str, Any] = {"sname": None, "file": None}
        for name, value in self.expected["header"].items():
            if name in ("ciaddr", "yiaddr", "siaddr", "giaddr"):
                header[f"{name}_int"] = int(IPv4Address(value))
            else:
                header[name] = bytes.fromhex(value) if isinstance(value, str) else value
        return header

    @property
    def wire(self) -> list[tuple[int, bytes, str, int, bool]]:
        return [
            (option["code"], bytes.fromhex(option["hex"]), option["area"], option["offset"], option.get("cut", False))
            for option in self.expected.get("wire", ())
        ]

    @property
    def joined(self) -> dict[int, bytes]:
        return {int(code): bytes.fromhex(value) for code, value in self.expected["joined"].items()}

    @property
    def errors(self) -> list[tuple[int | None, int]]:
        return [(error.get("code"), error["offset"]) for error in self.expected.get("errors", ())]


def read_vector(path: Path) -> Vector:
    text = "".join(line.partition("#")[0] for line in path.read_text(encoding="ascii").splitlines())
    expected = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    return Vector(path.stem, bytes.fromhex(text), expected)


VECTORS = [read_vector(path) for path in sorted(DATA.glob("*.hex"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``vector`` is every vector, ``message`` what can be decoded, ``no_message`` what cannot."""
    for argument, vectors in (
        ("vector", VECTORS),
        ("message", [vector for vector in VECTORS if vector.is_message]),
        ("no_message", [vector for vector in VECTORS if not vector.is_message]),
        ("encodable", [vector for vector in VECTORS if "encode" in vector.expected]),
    ):
        if argument in metafunc.fixturenames:
            assert vectors
            metafunc.parametrize(argument, vectors, ids=[vector.name for vector in vectors])
