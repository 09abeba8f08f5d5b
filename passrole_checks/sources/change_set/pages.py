"""Parse a change set into resource changes, each with the resource before and after.

Format: AWS CloudFormation API Reference, DescribeChangeSet, Change, ResourceChange, ResourceChangeDetail and
ResourceTargetDefinition. The console shows the same with keys in lower camel case. The contexts are JSON strings inside
JSON; their nodes get the positions that they have in the file.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import field
from typing import NoReturn

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.template import child, entries, scalar
from passrole_checks.sources.files.json_positions import Lines, replace_lone_surrogates
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

ADD, MODIFY, REMOVE, IMPORT, DYNAMIC, SYNC = "Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"
ACTIONS = frozenset({ADD, MODIFY, REMOVE, IMPORT, DYNAMIC, SYNC})
STACK = "AWS::CloudFormation::Stack"
OPTION = "--include-property-values"
_POLICY_TYPES = ("AWS::IAM::", "AWS::SSO::PermissionSet", "AWS::Organizations::Policy")
_ESCAPE = lazy_regex(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|.)", re.S)
_STACK_ID = lazy_regex(r"arn:([\w-]+):cloudformation:[\w-]*:(\d{12}):")
_MASKED = lazy_regex(r"\*{4,}")


@dataclass(frozen=True)
class Cause:
    """A cause of a change: the value at ``path`` (keys from the resource) comes from ``entity`` (``X``, ``X.Arn``)."""

    path: tuple[str, ...]
    entity: str


@dataclass(frozen=True)
class ResourceChange:
    """A resource change. ``before`` and ``after`` are its contexts, None if missing."""

    logical_id: yaml.ScalarNode
    type: yaml.ScalarNode
    action: str
    replacement: str
    physical_id: yaml.ScalarNode | None
    before: yaml.Node | None
    after: yaml.Node | None
    causes: tuple[Cause, ...]
    node: yaml.Node  # the whole change

    @property
    def name(self) -> str:
        """Return the logical id."""
        return str(self.logical_id.value)

    @property
    def may_grant(self) -> bool:
        """True if a resource of this type can grant permissions."""
        return str(self.type.value).startswith(_POLICY_TYPES)


@dataclass
class ChangeSet:
    """The content of a change set. ``masked``: a parameter's value is hidden by ``NoEcho``; ``stack``: the stack
    name."""

    file: str
    text: str
    lines: Lines
    root: yaml.Node
    changes: list[ResourceChange] = field(default_factory=list)
    partition: str | None = None
    account: str | None = None
    masked: bool = False
    stack: str = ""
    unreadable: list[Unreadable] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)

    def fail(self, node: yaml.Node, reason: str) -> None:
        """Record a part that cannot be read."""
        self.unreadable.append(Unreadable(self.file, reason, node.start_mark.line + 1, kind=NoteKind.INCOMPLETE))

    def skip(self, node: yaml.Node, reason: str) -> None:
        """Record a part that is not evaluated."""
        self.not_evaluated.append(Unreadable(self.file, reason, node.start_mark.line + 1, kind=NoteKind.INCOMPLETE))


def read_change_set(file: str, content: str) -> ChangeSet:
    """Parse the output of ``describe-change-set``: one page, or a list of the pages of one change set.

    Raises :class:`InputError` if the text is not JSON, has pages of several change sets, or lacks the property values
    because they were not requested.
    """
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    try:
        root = compose_json(text)
    except json.JSONDecodeError as error:
        raise InputError(file, f"not valid JSON: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError):
        raise InputError(file, "nested too deeply") from None
    change_set = ChangeSet(file, text, Lines(file, text), root)
    pages = _pages(root)
    identities = {name for page in pages if (name := scalar(_get(page, "ChangeSetId")))}
    if len(identities) > 1:
        raise InputError(file, "several change sets in one file: use one file per change set", 1)
    _PageReader(change_set).read(pages)
    return change_set


def _pages(root: yaml.Node) -> list[yaml.Node]:
    """Return the pages, objects with ``Changes``. A bare list of changes, as the console shows it, is one page."""
    if not isinstance(root, yaml.SequenceNode):
        return [root]
    if any(_get(item, "ResourceChange") is not None for item in root.value):
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "Changes", root.start_mark, root.start_mark)
        return [yaml.MappingNode("tag:yaml.org,2002:map", [(key, root)], root.start_mark, root.end_mark, True)]
    return list(root.value)


def _get(node: yaml.Node | None, name: str) -> yaml.Node | None:
    value = child(node, name)
    return value if value is not None else child(node, name[:1].lower() + name[1:])


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _PageReader:
    """Read the pages into a change set."""

    def __init__(self, change_set: ChangeSet) -> None:
        self.change_set = change_set

    def read(self, pages: list[yaml.Node]) -> None:
        """Read all pages, and report missing property values."""
        for page in pages:
            if not isinstance(page, yaml.MappingNode):
                self.change_set.fail(page, "a page of the change set is not an object")
                continue
            self.read_page(page, last=page is pages[-1])
        changes = self.change_set.changes
        relevant = [item for item in changes if item.may_grant and item.action != REMOVE]
        if relevant and not any(item.before or item.after for item in changes):
            self.raise_no_values(relevant[0].node)
        for item in relevant:
            if item.after is None and item.action != SYNC:
                self.change_set.fail(item.node, f"{item.name}: missing AfterContext")

    def raise_no_values(self, node: yaml.Node) -> NoReturn:
        """Raise :class:`InputError` because the property values were not requested."""
        reason = f"the change set has no property values: run `aws cloudformation describe-change-set {OPTION}`"
        raise InputError(self.change_set.file, reason, node.start_mark.line + 1)

    def read_page(self, page: yaml.MappingNode, *, last: bool) -> None:
        """Read the stack, parameters, status and changes of a page."""
        change_set = self.change_set
        stack = _STACK_ID.match(scalar(_get(page, "StackId")) or "")
        if stack is not None:
            change_set.partition, change_set.account = stack.groups()
        change_set.stack = scalar(_get(page, "StackName")) or change_set.stack
        for parameter in _items(_get(page, "Parameters")):
            if _MASKED.fullmatch(scalar(_get(parameter, "ParameterValue")) or ""):
                change_set.masked = True
        next_token = _get(page, "NextToken")
        if last and next_token is not None and scalar(next_token):
            change_set.skip(next_token, "incomplete change set: the next page (NextToken) is missing")
        status = scalar(_get(page, "Status"))
        if status is not None and status != "CREATE_COMPLETE":
            reason = " ".join((scalar(_get(page, "StatusReason")) or "").split())[:200]
            change_set.skip(page, f"the change set is {status}{': ' + reason if reason else ''}")
        changes = _get(page, "Changes")
        if changes is not None and not isinstance(changes, yaml.SequenceNode):
            change_set.fail(changes, "Changes is not a list")
        for entry in _items(changes):
            self.read_entry(entry)

    def read_entry(self, entry: yaml.Node) -> None:
        """Read one change."""
        change = _get(entry, "ResourceChange")
        if change is None:
            if _get(entry, "HookInvocationCount") is None and not isinstance(entry, yaml.MappingNode):
                self.change_set.fail(entry, "a change is not an object")
            return
        logical_id, kind = _get(change, "LogicalResourceId"), _get(change, "ResourceType")
        action = scalar(_get(change, "Action"))
        if not isinstance(logical_id, yaml.ScalarNode) or not isinstance(kind, yaml.ScalarNode) or not action:
            self.change_set.fail(change, "a change has no LogicalResourceId, ResourceType or Action")
            return
        name = logical_id.value
        if action not in ACTIONS:
            self.change_set.fail(change, f"{name}: unknown action {action[:40]}")
            return
        if kind.value == STACK:
            self.report_nested(change, name)
            return
        physical_id = _get(change, "PhysicalResourceId")
        item = ResourceChange(
            logical_id,
            kind,
            action,
            scalar(_get(change, "Replacement")) or "",
            physical_id if isinstance(physical_id, yaml.ScalarNode) and physical_id.value else None,
            self.read_context(change, "BeforeContext", name),
            self.read_context(change, "AfterContext", name),
            tuple(_parse_causes(_get(change, "Details"))),
            change,
        )
        self.change_set.changes.append(item)
        if action == DYNAMIC and item.may_grant:
            self.change_set.skip(change, f"{name}: its action is decided when the change set is executed")

    def report_nested(self, change: yaml.Node, name: str) -> None:
        """Report that the changes of a nested stack are in another change set."""
        own = scalar(_get(change, "ChangeSetId"))
        where = f"the change set {own}, which is not in this file" if own else "another change set"
        self.change_set.skip(change, f"{name}: the changes of this nested stack are in {where}")

    def read_context(self, change: yaml.Node, name: str, logical_id: str) -> yaml.Node | None:
        """Return a context as nodes; None if it is missing, empty or unreadable, which is reported."""
        node = _get(change, name)
        if isinstance(node, yaml.MappingNode):
            return node  # decoded by another tool
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.tag.endswith(":null"):
            return None
        try:
            root = compose_json(replace_lone_surrogates(node.value))
        except (json.JSONDecodeError, RecursionError):
            root = None
        if not isinstance(root, yaml.MappingNode):
            self.change_set.fail(node, f"{logical_id}: {name} is not a JSON object")
            return None
        _replace_marks(root, _Offsets(self.change_set, node))
        return root


def _parse_causes(details: yaml.Node | None) -> Iterator[Cause]:
    """Yield the causes in the details of a change."""
    for detail in _items(details):
        target, entity = _get(detail, "Target"), scalar(_get(detail, "CausingEntity"))
        path = scalar(_get(target, "Path"))
        if entity and path and path.startswith("/"):
            keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/"))
            yield Cause(keys, entity)


class _Offsets:
    """Map offsets in a decoded JSON string to positions in the file."""

    def __init__(self, change_set: ChangeSet, node: yaml.ScalarNode) -> None:
        self.lines = change_set.lines
        start, end = node.start_mark.index + 1, node.end_mark.index - 1
        raw = change_set.text[start:end]
        self.decoded, self.written = [0], [start]  # starts of runs of unescaped characters
        removed = 0  # characters of the file that are not in the text
        for escape in _ESCAPE.finditer(raw):
            removed += len(escape.group()) - 1
            self.decoded.append(escape.end() - removed)
            self.written.append(start + escape.end())

    def mark(self, index: int) -> yaml.Mark:
        """Return the mark of an offset in the decoded string."""
        run = bisect_right(self.decoded, index) - 1
        offset = self.written[run] + index - self.decoded[run]
        line, column = self.lines.line_and_column(offset)
        return yaml.Mark("", offset, line - 1, column - 1, None, 0)


def _replace_marks(root: yaml.Node, offsets: _Offsets) -> None:
    """Set the positions of nodes to those in the file that contains their text as a string."""
    pending = [root]
    while pending:
        node = pending.pop()
        node.start_mark, node.end_mark = offsets.mark(node.start_mark.index), offsets.mark(node.end_mark.index)
        if isinstance(node, yaml.MappingNode):
            pending.extend(part for entry in entries(node) for part in entry)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
