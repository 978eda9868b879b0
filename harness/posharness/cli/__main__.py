"""`python -m posharness.cli` is `harness`."""

import sys

from posharness.cli import main

sys.exit(main())
