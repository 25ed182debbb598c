"""`python -m specmill`."""

from specmill.cli import main

main()
