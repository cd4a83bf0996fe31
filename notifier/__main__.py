"""`python -m notifier` is the command `notifier`."""

from notifier.cli.main import main

main()
