"""``python -m passrole_checks``."""

from passrole_checks.cli import run

if __name__ == "__main__":
    run()
