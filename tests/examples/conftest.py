"""What the tests of the examples share."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dhcpcallout import Callout
from dhcpcallout.loaders import load_callout

EXAMPLES = Path(__file__).parents[2] / "examples" / "callouts"


@pytest.fixture
def install_example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Install an example by its file's name, built first where it is C: whoever owns the checkout, it may be loaded."""

    def install(name: str) -> Path:
        path = EXAMPLES / name
        if path.suffix == ".c":
            compile_callout: Callable[[Path], Path] = request.getfixturevalue("compile_callout")
            return compile_callout(path)
        return Path(shutil.copyfile(path, tmp_path_factory.mktemp("example") / name))

    return install


@pytest.fixture
def load_example(install_example: Callable[[str], Path]) -> Iterator[Callable[[str], Callout]]:
    """Install and load an example."""
    callouts: list[Callout] = []

    def load(name: str) -> Callout:
        callouts.append(load_callout(str(install_example(name))))
        return callouts[-1]

    yield load
    for callout in callouts:
        callout.close()
