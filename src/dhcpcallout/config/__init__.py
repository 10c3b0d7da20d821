"""The configuration file: what it may hold, what is wrong in one, and where."""
