"""``python -m passrole_checks``."""

import sys

from passrole_checks.cli import main

if __name__ == "__main__":
    sys.exit(main())
