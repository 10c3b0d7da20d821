"""``python -m dhcpcallout`` is the ``dhcpcallout`` command."""

from .cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
