"""Expressions, symbolically: what is known is known, and what is not stays a hole in its place."""
