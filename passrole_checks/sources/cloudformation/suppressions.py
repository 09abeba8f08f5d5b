"""Read suppressions in a template: comments, and the Metadata of cfn-lint and checkov.

Sources: cfn-lint's README, "Metadata" (of the template and of a resource); checkov's documentation, "Suppressing and
Skipping Policies".
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.cloudformation.compose_yaml import nodes_below
from passrole_checks.sources.cloudformation.template import Template, child, scalar
from passrole_checks.sources.model.configuration import Suppression

_COMMENT = lazy_regex(
    r"(?:^|(?<=\s))#+\s*(?P<origin>checkov|passrole):skip\s*=\s*"
    r"(?P<ids>PASSROLE_\d{3}(?:\s*,\s*PASSROLE_\d{3})*)(?P<rest>[^\n]*)"
)
_REASON = lazy_regex(r"\s#+(.*)")
_ID = lazy_regex(r"PASSROLE_\d{3}")

# The check numbers by the letter of their cfn-lint ids. The letters are stable.
_LETTERS = {"E": (1, 8, 9, 13, 15), "W": (2, 3, 4, 5, 6, 7, 10, 11, 14, 16, 17), "I": (12,)}
_CFN_LINT_IDS = {
    f"{letter}95{number:02}": f"PASSROLE_{number:03}" for letter, numbers in _LETTERS.items() for number in numbers
}


def read_suppressions(template: Template, spans: dict[str, Position]) -> list[Suppression]:
    """Return all suppressions. ``spans``: the position of each resource by logical id."""
    all_suppressions = [
        *_cfn_lint_suppressions(
            template, child(template.root, "Metadata", "cfn-lint", "config", "ignore_checks"), None
        ),
        *_comment_suppressions(template, spans),
    ]
    for logical_id, node in template.resources.items():
        metadata = child(node, "Metadata")
        if metadata is None:
            continue
        all_suppressions += _cfn_lint_suppressions(
            template, child(metadata, "cfn-lint", "config", "ignore_checks"), logical_id
        )
        all_suppressions += _checkov_suppressions(template, child(metadata, "checkov", "skip"), logical_id)
    return all_suppressions


def _cfn_lint_suppressions(template: Template, node: yaml.Node | None, resource: str | None) -> Iterator[Suppression]:
    """Yield the suppressions in cfn-lint's ``ignore_checks``."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        pattern = (scalar(item) or "").strip()
        reason = _reason(template, item)
        if resource is not None and pattern not in _CFN_LINT_IDS:
            continue  # in the Metadata of a resource cfn-lint accepts only complete ids
        # an id, or its prefix of at least three letters and digits (``W95``)
        for check_id in (_CFN_LINT_IDS[name] for name in _CFN_LINT_IDS if pattern[2:] and name.startswith(pattern)):
            yield Suppression(check_id, reason, template.position(item), "cfn-lint", resource, written=pattern)


def _reason(template: Template, item: yaml.Node) -> str:
    """Return the comment at the end of the line of an entry of ``ignore_checks``, which has no reason of its own."""
    number = item.end_mark.line
    if template.file_of(item) != template.file or number >= len(template.lines):
        return ""
    match = _REASON.search(template.lines[number], item.end_mark.column)
    return match[1].strip() if match else ""


def _checkov_suppressions(template: Template, node: yaml.Node | None, resource: str) -> Iterator[Suppression]:
    """Yield the suppressions in checkov's ``skip``."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        check_id = (scalar(child(item, "id")) or "").strip()
        if _ID.fullmatch(check_id):
            reason = (scalar(child(item, "comment")) or "").strip()
            yield Suppression(check_id, reason, template.position(item), "checkov", resource)


def _comment_suppressions(template: Template, spans: dict[str, Position]) -> Iterator[Suppression]:
    """Yield the suppressions in comments of the template and of the included files."""
    if "PASSROLE_" not in template.text and len(template.files) == 1:
        return
    for file in template.files[1 if template.root.flow_style else 0 :]:
        of_file = {name: span for name, span in spans.items() if span.file == file}
        first = min((span.line for span in of_file.values()), default=sys.maxsize)
        for line, text in enumerate(template.lines_of_file(file), 1):
            match = _COMMENT.search(text)
            if match is None or _is_inside_scalar(template, file, line - 1, match.start()):
                continue
            at = Position(file, line, match.start() + 1, line, match.end() + 1)
            resource = _resource_of_comment(template, of_file, line, at.column)
            span = of_file[resource] if resource else None
            if resource is None and line >= first:
                span = at  # after the resources: applies to nothing, and is reported as unused
            reason = match.group("rest").strip().lstrip(":").strip()
            for check_id in _ID.findall(match.group("ids")):
                yield Suppression(check_id, reason, at, match.group("origin"), resource, span)


def _resource_of_comment(template: Template, spans: dict[str, Position], line: int, column: int) -> str | None:
    """Return the resource of a comment: the one around it; between two resources the next one if the comment is in the
    column of its header, else the previous one. None before all resources and after them."""
    before: str | None = None
    after: str | None = None
    for logical_id, span in sorted(spans.items(), key=lambda item: item[1].line):
        if span.covers(line):
            return logical_id
        if span.line < line:
            before = logical_id
        elif after is None:
            after = logical_id
    if before is not None and column > spans[before].column:
        return before
    section = next((key for key, _ in template.root.value if key.value == "Resources"), None)
    inside = section is not None and section.start_mark.line < line - 1
    return after if after is not None and inside and column == spans[after].column else None


def _is_inside_scalar(template: Template, file: str, line: int, column: int) -> bool:
    """True if a position is inside a scalar (a script in a block scalar, a quoted ``#``) and so not a comment."""
    for node in nodes_below(template.root):
        start, end = node.start_mark, node.end_mark
        if isinstance(node, yaml.ScalarNode):
            first = (start.line + 1, 0) if node.style in ("|", ">") else (start.line, start.column)
            if first <= (line, column) < (end.line, end.column) and template.file_of(node) == file:
                return True
    return False
