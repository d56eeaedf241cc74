"""Entry point: `python -m access_review`."""

import sys

from access_review.cli import main

sys.exit(main(sys.argv[1:]))
