"""Tests of a plugin run pytest within pytest."""

pytest_plugins = ["pytester"]
