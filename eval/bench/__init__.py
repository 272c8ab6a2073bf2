"""Benchmarks: each prints what it measured as figures and ratios."""
