"""Differential tests against iam-simulate: cases, and the answers of both sides."""
