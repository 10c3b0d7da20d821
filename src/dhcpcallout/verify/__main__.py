"""``python -m dhcpcallout.verify``: the process that ``verify`` runs a callout in."""

from .child import main

if __name__ == "__main__":
    main()
