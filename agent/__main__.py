"""`python -m agent` is `wardround`."""

from agent.cli import main

main()
