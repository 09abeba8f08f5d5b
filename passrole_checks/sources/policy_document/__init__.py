"""Read bare IAM policy documents: JSON files, and templates of JSON, that are a policy and nothing else.

The principals of such a document are not known, hence findings have at most medium confidence. The document shows its
kind: a trust or resource-based policy names a Principal. Its path may say that it limits and grants nothing: a
permissions boundary, or a policy of an organization.

Sources: IAM User Guide, "Grammar of the IAM JSON policy language" (``Version``, ``Id``, ``Statement``), "IAM policy
elements: Variables and tags"; Terraform documentation, ``templatefile`` (``${name}``, ``$${``, ``%{``); Jinja,
"Template Designer Documentation" (``{{ name }}``, ``{% %}``).
"""

from __future__ import annotations

from pathlib import Path

from passrole_checks.iam.documents.json_document import NOT_JSON, MalformedDocument, parse_json
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, Part, Position, StringNode, Unresolved
from passrole_checks.sources.collect.handed_out import infer_policy_kind, judged_by_name, names_principal
from passrole_checks.sources.model.configuration import (
    POLICY_DOCUMENT,
    AttachedPolicy,
    Configuration,
    Framework,
    HandedTo,
    NoteKind,
    Notes,
    PolicyKind,
    ResourceDefinition,
    Unreadable,
)

_MAX_LENGTH = 1_000_000  # characters; IAM takes 6,144 without white space
_START = lazy_regex(r'\s*\{\s*"(?:Version|Id|Statement)"\s*:')
_STATEMENTS = lazy_regex(r'"Statement"\s*:')
_EFFECT = lazy_regex(r'"Effect"\s*:')
_KEYS = frozenset({"Version", "Id", "Statement"})
_PLACEHOLDER = lazy_regex(
    r"(?P<escape>\$)\$\{|\$\{(?![\w.-]+:[^{}?()]*\}|[*?$]\})(?P<terraform>[^{}]*)\}|\{\{(?P<jinja>[^{}]*)\}\}"
)
_DIRECTIVE = lazy_regex(r"%\{|\{%")
_LIMITS = lazy_regex(
    r"(?<![a-z])(?:scps?|rcps?|service[ _-]?control|guard[ _-]?rails?|organi[sz]ations?|full[ _-]?aws[ _-]?access)"
    r"(?![a-z])"
)
_PATH_LENGTH = 4  # components of a path that may say what a document is for
_TESTS = frozenset({"test", "tests", "testing", "__tests__", "testdata", "test-data", "test_data", "fixtures"})
_GRANT_NOTHING = {PolicyKind.BOUNDARY: "a permissions boundary", PolicyKind.SCP: "a policy of an organization"}


def looks_like_policy_document(content: str) -> bool:
    """True if a text is an IAM policy document, also one with placeholders or syntax errors."""
    if not _START.match(content) or len(content) > _MAX_LENGTH:
        return False
    if not (_STATEMENTS.search(content) and _EFFECT.search(content)):
        return False
    try:
        return _is_policy(parse_json(_with_placeholders("", content)))
    except MalformedDocument:
        return True


def load(path: Path, content: str, boundary: Path | None = None) -> Configuration:
    """Read a policy document. One that cannot be parsed is a note, since no deployment is known to use it.

    ``boundary``: the folder whose name and parents say nothing about the document.
    """
    file = str(path)
    text = _with_placeholders(file, content)
    resource = ResourceDefinition(path.name, POLICY_DOCUMENT, Framework.POLICY_DOCUMENT, text.at)
    if _DIRECTIVE.search(content):
        return _unread(file, "policy document with directives of a template", 1)
    try:
        document = parse_json(text)
    except MalformedDocument as error:
        return _unread(file, f"policy document: not valid JSON: {error.reason.removeprefix(NOT_JSON)}", error.at.line)
    kind = _kind(path, document, boundary)
    notes: tuple[Unreadable, ...] = ()
    if kind in _GRANT_NOTHING:
        reason = f"policy document: read as {_GRANT_NOTHING[kind]}, which grants nothing, because of its path"
        notes = (Unreadable(file, reason, 1, kind=NoteKind.POLICY_DOCUMENT),)
    consumer = HandedTo.TEST_DOCUMENT if _is_in_tests(path, boundary) else HandedTo.POLICY_DOCUMENT
    policy = AttachedPolicy(resource, "", document, kind, handed_to=consumer)
    policy = judged_by_name(policy, _own_parts(path, boundary))
    return Configuration(Framework.POLICY_DOCUMENT, (file,), (resource,), (policy,), notes=Notes(not_evaluated=notes))


def _unread(file: str, reason: str, line: int) -> Configuration:
    return Configuration(
        Framework.POLICY_DOCUMENT,
        (file,),
        notes=Notes(not_evaluated=(Unreadable(file, reason, line, kind=NoteKind.POLICY_DOCUMENT),)),
    )


def _kind(path: Path, document: Node, boundary: Path | None) -> PolicyKind:
    if names_principal(document):
        return PolicyKind.RESOURCE
    place = "/".join(_own_parts(path, boundary)).lower()
    return PolicyKind.SCP if _LIMITS.search(place) else infer_policy_kind(place, document)


def _own_parts(path: Path, boundary: Path | None) -> tuple[str, ...]:
    """Return the last components of a path that may say what a document is for."""
    own = path.relative_to(boundary) if boundary is not None and path.is_relative_to(boundary) else path
    return own.parts[-_PATH_LENGTH:]


def _is_in_tests(path: Path, boundary: Path | None) -> bool:
    """True if a document is in a folder of tests below ``boundary``."""
    if boundary is None or not path.is_relative_to(boundary):
        return False
    return not _TESTS.isdisjoint(part.lower() for part in path.relative_to(boundary).parts[:-1])


def _is_policy(document: Node) -> bool:
    if not isinstance(document, ObjectNode) or not {str(entry.key) for entry in document.entries} <= _KEYS:
        return False
    statements = document.get("Statement")
    items = statements.items if isinstance(statements, ListNode) else (statements,)
    return any(isinstance(item, ObjectNode) and item.get("Effect") is not None for item in items)


def _with_placeholders(file: str, content: str) -> StringNode:
    """Return a text in which each placeholder of a template is an unresolved part."""
    parts: list[Part] = []
    offsets: list[int] = []
    done = 0
    for match in _PLACEHOLDER.finditer(content):
        if match["escape"]:  # ``$${`` is an escaped ``${``
            pieces: list[tuple[Part, int]] = [(content[done : match.start()], done)]
            done = match.start() + 1
        else:
            expression = (match["terraform"] or match["jinja"] or "").strip()
            unresolved = Unresolved(expression, reason="placeholder of a template")
            pieces = [(content[done : match.start()], done), (unresolved, match.start())]
            done = match.end()
        for part, offset in pieces:
            if part != "":
                parts.append(part)
                offsets.append(offset)
    if done < len(content):
        parts.append(content[done:])
        offsets.append(done)
    end = _position(content, len(content), (0, 1, 1))
    starts: list[tuple[int, int]] = []
    last = (0, 1, 1)
    for offset in offsets:
        last = (offset, *_position(content, offset, last))
        starts.append(last[1:])
    return StringNode(tuple(parts) or ("",), Position(file, 1, 1, *end), tuple(starts) or ((1, 1),))


def _position(content: str, offset: int, known: tuple[int, int, int]) -> tuple[int, int]:
    """Return the line and column of an offset, given those of an earlier one."""
    start, line, column = known
    breaks = content.count("\n", start, offset)
    return (line + breaks, offset - content.rfind("\n", 0, offset)) if breaks else (line, column + offset - start)
