"""The command line: `program` is the whole of it, and each command has a room of its own."""

from passrole_checks.cli.program import PROGRAM, cli, main

__all__ = ["PROGRAM", "cli", "main"]
