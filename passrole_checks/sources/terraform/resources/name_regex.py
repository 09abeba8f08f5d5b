"""Wildcard patterns for regular expressions of role names.

Source: Terraform Registry, data source ``aws_iam_roles``: ``name_regex`` is a regular expression of Go (RE2) that
matches anywhere in a name.
"""

from __future__ import annotations

import re

from passrole_checks.iam.lazy_regex import lazy_regex

_TOKEN = lazy_regex(
    r"(?P<run>\.[*+])"
    r"|(?P<some>(?:\[[^\]]+\]|\\[dw])(?:[*+?]|\{\d+(?:,\d*)?\})?)"
    r"|(?P<any>\.)"
    r"|\\(?P<escaped>[.+-])"
    r"|(?P<literal>[A-Za-z0-9_=,@-])"
)
_QUANTIFIERS = tuple("*+?{")


def to_wildcards(regex: str | None) -> str | None:
    """Return a pattern with ``*`` and ``?`` for the names that a regular expression matches, or for a few more.

    None if it is unknown or too complex, and if nothing literal would be left of it, unless it matches every name.
    """
    if regex is None:
        return None
    body = regex.removeprefix("^")
    ends = body.endswith("$") and not body.endswith("\\$")
    body = body[:-1] if ends else body
    pattern, position, exact = "" if regex.startswith("^") else "*", 0, True
    while position < len(body):
        token = _TOKEN.match(body, position)
        if token is None or (token.lastgroup not in ("run", "some") and body.startswith(_QUANTIFIERS, token.end())):
            return None
        exact = exact and token.lastgroup != "some"
        wild = {"run": "*", "some": "*", "any": "?"}.get(str(token.lastgroup))
        pattern += wild or token["escaped"] or token["literal"]
        position = token.end()
    pattern = re.sub(r"\*+", "*", pattern if ends else f"{pattern}*")
    return pattern if exact or pattern.strip("*?") else None
