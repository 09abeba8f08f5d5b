"""Conditions: what a statement's Condition block requires of a request."""
