"""Scan configurations: run the checks, merge findings, apply suppressions and baselines."""
