"""A verifier for callouts: it drives one through a server's engine, watches it, and says what would hurt a server."""

from .report import KINDS, Finding, HookTiming, Report, ScenarioResult, Severity
from .run import Isolation, verify
from .scenarios import SCENARIOS

__all__ = [
    "KINDS",
    "SCENARIOS",
    "Finding",
    "HookTiming",
    "Isolation",
    "Report",
    "ScenarioResult",
    "Severity",
    "verify",
]
