"""How to get this package: its name, its repository, and the commands that install it.

Every message that says how to install takes the command from here; no other text of this repository names an install
from a package index (a test searches them).
"""

from __future__ import annotations

from passrole_checks import __version__

NAME = "passrole-checks"
REPOSITORY = "https://github.com/your-organization/passrole_checks"  # a placeholder; [project.urls] begins with it too
IS_ON_INDEX = False  # True from the first release that is published to PyPI


def requirement(extra: str = "") -> str:
    """Return what installs this package, with an ``extra``: from the index once it is there, else from the repository
    at the tag of this version (PyPA, "Dependency specifiers", "Direct references")."""
    name = f"{NAME}[{extra}]" if extra else NAME
    return name if IS_ON_INDEX else f"{name} @ git+{REPOSITORY}@v{__version__}"


def pip_install(extra: str) -> str:
    """Return the command of pip that adds the packages of an ``extra``."""
    return f"pip install '{requirement(extra)}'"
