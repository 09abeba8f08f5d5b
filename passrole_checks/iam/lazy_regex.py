"""Regular expressions that are compiled when they are first used.

A scan of one file imports 270 regular expressions and uses a few of them; to compile all took a tenth of its time.
Source: Python documentation, modules ``re`` (``re.compile``) and ``reference/datamodel`` (``object.__getattr__``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    lazy_regex = re.compile
else:

    class lazy_regex:
        """A regular expression with the arguments of ``re.compile``. Wrong ones are errors of the first use."""

        def __init__(self, pattern: str | bytes, flags: int = 0) -> None:
            self._arguments = pattern, flags

        def __getattr__(self, name: str) -> Any:
            """Return a method or an attribute of the compiled expression. It is looked up once."""
            value = getattr(re.compile(*self._arguments), name)
            setattr(self, name, value)
            return value
