"""`python -m muxcore`: muxtui without a user interface."""

from __future__ import annotations

import sys

from muxcore.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
