"""Policies of a configuration and the principals that they are attached to."""
