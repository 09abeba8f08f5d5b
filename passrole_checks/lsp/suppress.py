"""Insert a suppression comment: into the block of Terraform, or the resource of a template, that contains a statement.

The comment has the ids of the checks. A person writes the reason: until then, the suppression is reported.
JSON has no comments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from passrole_checks.findings import Finding
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.suggest.edits.syntax_tree import indentation
from passrole_checks.suggest.suggestion import Edit

_HEADER = lazy_regex(r"""([ \t]*)(?:[A-Za-z0-9]+|"[A-Za-z0-9]+"|'[A-Za-z0-9]+')[ \t]*:[ \t]*(?:[ \t]#[^\n]*)?\r?""")

ReadText = Callable[[str], str]


def suppression(finding: Finding, checks: Iterable[str], text: ReadText) -> Edit | None:
    """Return the edit that suppresses checks where a finding is; None if no comment can do so. ``text``: returns the
    text of a file, and raises OSError or ValueError."""
    for at in (finding.at, finding.resource.at):
        try:
            content = text(at.file)
        except (OSError, ValueError):
            continue
        place = _in_block(at, content) if at.file.endswith((".tf", ".tofu")) else _in_resource(finding, at, content)
        if place is not None:
            offset, indent, end = place
            return Edit(at.file, offset, offset, f"{indent}# passrole:skip={','.join(sorted(checks))} {end}")
    return None


def _in_block(at: Position, text: str) -> tuple[int, str, str] | None:
    """Return where the first line of the outermost block around a position ends, the indentation, and the line end."""
    from passrole_checks.sources.terraform.reading.files import parse_file  # slow to import; Terraform only

    for block in parse_file(Path(at.file)).body.blocks:
        if block.span.line <= at.line <= block.span.end_line:
            lines = text.split("\n")
            header = lines[block.span.line - 1]
            if block.span.line == block.span.end_line or not header.rstrip().endswith("{"):
                return None
            return _after(lines, block.span.line, indentation(header, 0) + "  ")
    return None


def _in_resource(finding: Finding, at: Position, text: str) -> tuple[int, str, str] | None:
    """Return the same for a resource of a template in YAML, whose header is its logical id."""
    header = finding.resource.at
    if at.file != header.file or not at.file.endswith((".yaml", ".yml", ".template")):
        return None
    lines = text.split("\n")
    if not 0 < header.line < len(lines) or not (match := _HEADER.fullmatch(lines[header.line - 1])):
        return None
    following = next((line for line in lines[header.line :] if line.strip() and not line.lstrip().startswith("#")), "")
    indent = indentation(following, 0)
    return _after(lines, header.line, indent) if len(indent) > len(match[1]) else None


def _after(lines: list[str], number: int, indent: str) -> tuple[int, str, str]:
    end = "\r\n" if lines[number - 1].endswith("\r") else "\n"
    return sum(len(line) + 1 for line in lines[:number]), indent, end
