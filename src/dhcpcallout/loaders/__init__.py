"""What fills the hook table: the registry rule, and a loader for each kind of callout."""

from .isolated import Failure, IsolatedCallout, IsolatedLoader, Isolation, Mode, OnFailure
from .python import load_function
from .registry import (
    Attempt,
    Loader,
    LoadResult,
    Policy,
    Registry,
    default_loaders,
    examine_callouts,
    load_callout,
    load_callouts,
    ordered,
    resolve,
)
from .windows_registry import read_reg_file, read_windows_registry

__all__ = [
    "Attempt",
    "Failure",
    "IsolatedCallout",
    "IsolatedLoader",
    "Isolation",
    "LoadResult",
    "Loader",
    "Mode",
    "OnFailure",
    "Policy",
    "Registry",
    "default_loaders",
    "examine_callouts",
    "load_callout",
    "load_callouts",
    "load_function",
    "ordered",
    "read_reg_file",
    "read_windows_registry",
    "resolve",
]
