"""Trace files: a feed on disk, in segments that can be jumped to. The format is described in `docs/trace-format.md`."""
