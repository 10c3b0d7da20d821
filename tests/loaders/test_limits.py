"""Limits of a worker, where there are none; what they do is tested with workers."""

from pathlib import Path

import pytest

from dhcpcallout.errors import CalloutLoadError
from dhcpcallout.loaders import limits

NONE: dict[str, int | None] = dict.fromkeys(limits.NAMES)


def test_limits_that_a_system_does_not_have_are_refused_and_missed_by_nobody_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "HAS_LIMITS", False)
    monkeypatch.setattr(limits, "Path", lambda _: tmp_path / "no_such_folder" / "oom_score_adj")
    limits.apply(NONE)
    limits.lock(NONE)
    with pytest.raises(CalloutLoadError, match="has no resource limits"):
        limits.apply({**NONE, "memory_mib": 100})
