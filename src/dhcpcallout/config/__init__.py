"""The configuration file: what it may hold, what is wrong in one, and where."""

from .load import load_config, parse_config
from .settings import Settings

__all__ = ["Settings", "load_config", "parse_config"]
