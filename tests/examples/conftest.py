"""What the tests of the examples share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dhcpcallout import Callout
from dhcpcallout.loaders import load_callout

EXAMPLES = Path(__file__).parents[2] / "examples" / "callouts"


@pytest.fixture
def load_example(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Callout]]:
    """Load an example by its file's name, built first where it is C."""
    callouts: list[Callout] = []

    def load(name: str) -> Callout:
        path = EXAMPLES / name
        if path.suffix == ".c":
            compile_callout: Callable[[Path], Path] = request.getfixturevalue("compile_callout")
            path = compile_callout(path)
        callouts.append(load_callout(str(path)))
        return callouts[-1]

    yield load
    for callout in callouts:
        callout.close()
