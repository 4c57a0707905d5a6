"""The command line: one command a file, which imports its layer inside the command.

Top layer: may import every room, but not before a command runs, so that `--help` is quick.
"""
