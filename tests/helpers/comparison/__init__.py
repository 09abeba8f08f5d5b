"""Measure other tools on the same inputs as this program; ``tests/benchmarks/compare.py`` prints the tables."""
