"""The command line: `program` defines it, and each command has its own module."""

from passrole_checks.cli.program import PROGRAM, cli, main, run

__all__ = ["PROGRAM", "cli", "main", "run"]
