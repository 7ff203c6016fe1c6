"""Engines as metrics, for whoever has Prometheus or OpenTelemetry already.

An inspector in a process of its own watches engines and keeps one `Measured` of each (`measured`); `instruments` are
OpenTelemetry's, made once, and read from those; both exporters read the same instruments (`serving`). By default only
states are watched, and what only events tell is absent, not 0.
"""
