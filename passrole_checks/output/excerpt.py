"""Source excerpts of a statement: the lines of its file that determine what it grants."""

from __future__ import annotations

import json
import re
import textwrap
from functools import lru_cache
from typing import TYPE_CHECKING

from passrole_checks.escaping.shorten import truncate
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.sources.recognize import LARGEST_PLAN

if TYPE_CHECKING:
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.iam.partial_values import Position

MAX_LINES = 8
MAX_COLUMNS = 160

# Brackets, comments, unset attributes of a plan, the Sid (shown above the excerpt), and the default "Effect: Allow".
_NOISE = re.compile(
    r"""[\s\[\]{}(),;]*|(?:statement|condition)\s*\{\s*|\s*(?:\#|//).*
    |\s*"(?-i:[a-z_]+)":\s*(?:null|\[\]|\{\}|""),?
    |\s*-?\s*["']?sid["']?\s*[:=].*|\s*-?\s*["']?effect["']?\s*[:=]\s*["']?allow["']?,?""",
    re.IGNORECASE | re.VERBOSE,
)
_KEY = r"""^\s*-?\s*["']?(?:effect|(?:not_?)?(?:action|resource)s?|condition|test|variable|values)["']?\s*[:={]"""
_RELEVANT = re.compile(rf"iam:|role|\*|{_KEY}", re.IGNORECASE)


def excerpt_lines(at: Position, grant: PassRoleGrant | None = None) -> list[str]:
    """Return the relevant lines of the statement at ``at``, dedented, at most :data:`MAX_LINES`; omitted lines become
    ``…``.

    If the file no longer exists, or has the statement on one line that is too long to read (a plan, a minified
    template), a description of ``grant`` is returned instead; without a grant, nothing.
    """
    lines = _read_statement(at)
    if len(lines) == 1:
        lines = _unescape(lines[0])
        if len(lines) == 1 and len(lines[0]) > MAX_COLUMNS and grant is not None:
            lines = []
    if not lines:
        return [] if grant is None else [truncate(sanitize(_describe_grant(grant)), MAX_COLUMNS)]
    return [truncate(sanitize(line), MAX_COLUMNS) for line in _relevant_lines(lines, grant)]


def statement_lines(at: Position, grant: PassRoleGrant, most: int, columns: int) -> list[str]:
    """Return the whole statement at ``at``, dedented, at most ``most`` lines of ``columns``; omitted parts become
    ``…``.

    Falls back to a description of ``grant`` as :func:`excerpt_lines` does.
    """
    lines = _read_statement(at)
    if len(lines) == 1:
        lines = _unescape(lines[0])
    if not lines or (len(lines) == 1 and len(lines[0]) > columns):
        lines = [_describe_grant(grant)]
    shortened = lines if len(lines) <= most else [*lines[: most - 1], "…"]
    return [truncate(sanitize(line), columns) for line in shortened]


@lru_cache(maxsize=4)
def _source(file: str) -> tuple[str, ...]:
    try:
        text = read_bounded(file, LARGEST_PLAN).decode("utf-8-sig", "replace")
        # Not splitlines(): parsers count line feeds only, not form feeds and the like.
        return tuple(line.rstrip("\r") for line in text.split("\n"))
    except OSError:
        return ()


def _read_statement(at: Position) -> list[str]:
    lines = list(_source(at.file)[at.line - 1 : max(at.line, at.end_line)])
    if not lines:
        return []
    end = at.end_column - 1 if at.end_line >= at.line and at.end_column > 0 else None
    if len(lines) == 1:  # slice once: a plan is one line of up to 100 MB
        return [lines[0][at.column - 1 : end].strip()]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][at.column - 1 :]
    rest = textwrap.dedent("\n".join(lines[1:])).split("\n")
    return [line.rstrip() for line in (lines[0].lstrip(), *rest)]


def _unescape(line: str) -> list[str]:
    """Return the original lines of a policy document that is embedded as a string in JSON."""
    if '\\"' not in line:
        return [line]
    try:
        text = str(json.loads(f'"{line}"'))
    except ValueError:
        return [line.replace('\\"', '"')]
    first, *rest = text.replace("\r\n", "\n").split("\n")
    return [first, *textwrap.dedent("\n".join(rest)).split("\n")] if rest else [first]


def _relevant_lines(lines: list[str], grant: PassRoleGrant | None) -> list[str]:
    relevant = [line for line in lines if not _NOISE.fullmatch(line)] or lines[:1]
    if len(relevant) > MAX_LINES:
        short = _elide(relevant, _RELEVANT)
        if len(short) > MAX_LINES and grant is not None:
            # of a long list of actions, keep the one that grants PassRole, and the roles
            by = grant.granted_by
            words = "|".join(map(re.escape, (f'"{by}"', f"'{by}'", f"- {by}")))
            short = _elide(relevant, re.compile(rf""":role/|["']\*["']|{words}|{_KEY}""", re.IGNORECASE))
        relevant = short if len(short) <= MAX_LINES else [*short[: MAX_LINES - 1], "…"]
    return textwrap.dedent("\n".join(relevant)).split("\n")


def _elide(lines: list[str], pattern: re.Pattern[str]) -> list[str]:
    """Keep the lines that match ``pattern``; replace each run of others by one "…"."""
    short: list[str] = []
    for line in lines:
        if pattern.search(line):
            short.append(line)
        elif not short or short[-1].strip() != "…":
            short.append(" " * (len(line) - len(line.lstrip())) + "…")
    return short


def _describe_grant(grant: PassRoleGrant) -> str:
    roles = ", ".join(str(role.pattern) for role in grant.roles)
    services = ", ".join(grant.services.values)
    return f"{grant.effect} {grant.granted_by} on {roles or '…'}" + (f" to {services}" if services else "")
