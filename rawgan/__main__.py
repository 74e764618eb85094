"""`python -m rawgan` is the command `rawgan`."""

import os
import sys

from rawgan.cli import main

if __name__ == "__main__":
    if sys.path[0] == os.getcwd():  # where Python looks first after -m, and where files have the user's names
        del sys.path[0]
    sys.exit(main())
