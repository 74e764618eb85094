"""`python -m rawgan` is the command `rawgan`."""

import sys

from rawgan.cli import main

if __name__ == "__main__":
    sys.exit(main())
