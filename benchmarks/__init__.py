"""Benchmarks: figures to trust on a machine whose clock rate wanders, beside what the project wants of them."""
