"""Conditions: what the operators of a statement's Condition let through, and the limits that follow."""
