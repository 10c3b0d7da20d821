"""What the tests of the configuration share."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The modules and the path as they were, after each test: a configuration's functions are imported."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    yield
    for name in [name for name in sys.modules if name.startswith("site_")]:
        del sys.modules[name]
