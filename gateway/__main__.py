"""``python -I -m gateway``: the command, for units and images that have no script of it."""

import sys

from gateway.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
