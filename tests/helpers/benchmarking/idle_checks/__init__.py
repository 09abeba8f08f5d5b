"""Checks of checkov that do nothing: what it costs to have any. checkov takes a folder only where it has this file."""
