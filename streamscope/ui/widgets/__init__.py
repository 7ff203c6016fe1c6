"""Widgets, and the pure functions that draw their parts."""
