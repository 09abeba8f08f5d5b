"""Symbolic evaluation of expressions: known parts become values, unknown parts stay unresolved in place."""
