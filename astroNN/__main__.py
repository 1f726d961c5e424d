"""``python -m astroNN``: the command line, see `astroNN.cli`."""

import sys

from astroNN.cli import main

if __name__ == "__main__":
    sys.exit(main())
