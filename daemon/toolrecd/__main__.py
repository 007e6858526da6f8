"""`python -m toolrecd`: the `toolrecd` command without its launcher."""

from toolrecd.cli import main

main()
