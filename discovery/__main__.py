"""python -m discovery: the command line."""

import sys

from discovery.cli.main import run

if __name__ == "__main__":
    run(sys.argv[1:])
