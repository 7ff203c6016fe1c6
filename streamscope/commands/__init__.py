"""The commands, one a file, and what their parameters have in common. `cli` puts them together.

Each loads what it needs when it runs, so that `--help` is quick and the engine's process stays small.
"""
