"""Patterns with ``*`` and ``?``: matching, inclusion and intersection."""
