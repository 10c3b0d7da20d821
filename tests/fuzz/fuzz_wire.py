# mypy: disable-error-code="import-not-found, import-untyped"
"""Coverage-guided fuzzing of the codec with atheris: ``make fuzz``.

    python tests/fuzz/fuzz_wire.py message|value [libFuzzer's options] [corpus folders]

For ``message`` an input is a DHCP message; for ``value`` its first byte is an option's code, the rest that option's
value. What must hold of each is in tests/property/test_wire_properties.py. An input that breaks it is written where
``-artifact_prefix=`` says, and belongs there as an ``@example`` when it is fixed.
"""

import sys
from pathlib import Path

import atheris

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "property"))

with atheris.instrument_imports(include=["dhcpcallout"]):
    from test_wire_properties import check_message, check_value

    from dhcpcallout.wire import REGISTRY, decode


def fuzz_value(data: bytes) -> None:
    if data:
        check_value(data[0], data[1:])


def seed(folder: Path, target: str) -> None:
    """Write the golden vectors, and for ``value`` their options, where there is no corpus yet."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for path in (TESTS / "data" / "wire").glob("*.hex"):
        lines = path.read_text(encoding="ascii").splitlines()
        data = bytes.fromhex("".join(line.partition("#")[0] for line in lines))
        if target == "message":
            (folder / path.stem).write_bytes(data)
        elif not path.stem.startswith("bad-"):
            for code, value in decode(data).options.items():
                (folder / f"{path.stem}-{code}").write_bytes(bytes((code,)) + value)
    if target == "value":
        for spec in REGISTRY:
            (folder / spec.name).write_bytes(bytes((spec.code,)))


def main() -> None:
    target, *arguments = sys.argv[1:]
    for argument in arguments:
        if not argument.startswith("-"):
            seed(Path(argument), target)
    atheris.Setup([sys.argv[0], *arguments], {"message": check_message, "value": fuzz_value}[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
