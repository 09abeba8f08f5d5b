"""A change set taken apart: its resource changes, with the resources as they are and as they will be.

Format: AWS CloudFormation API Reference, DescribeChangeSet, Change, ResourceChange, ResourceChangeDetail and
ResourceTargetDefinition. The console shows the same with small first letters. The contexts are JSON texts in JSON:
their nodes carry the places that they have in the file.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from passrole_checks.errors import InputError
from passrole_checks.sources.cloudformation.json_text import compose_json
from passrole_checks.sources.cloudformation.template import child, entries, scalar
from passrole_checks.sources.files.json_positions import Lines, replace_lone_surrogates
from passrole_checks.sources.model.configuration import Unreadable

ADD, MODIFY, REMOVE, IMPORT, DYNAMIC, SYNC = "Add", "Modify", "Remove", "Import", "Dynamic", "SyncWithActual"
ACTIONS = frozenset({ADD, MODIFY, REMOVE, IMPORT, DYNAMIC, SYNC})
STACK = "AWS::CloudFormation::Stack"
OPTION = "--include-property-values"
_POLICY_TYPES = ("AWS::IAM::", "AWS::SSO::PermissionSet", "AWS::Organizations::Policy")
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|.)", re.S)
_STACK_ID = re.compile(r"arn:([\w-]+):cloudformation:[\w-]*:(\d{12}):")
_MASKED = re.compile(r"\*{4,}")


@dataclass(frozen=True)
class Cause:
    """A detail of a change: the value at ``path`` (keys from the resource) comes from ``entity`` (``X``, ``X.Arn``)."""

    path: tuple[str, ...]
    entity: str
    after: str | None


@dataclass(frozen=True)
class ResourceChange:
    """A resource that a change set names. ``before``/``after``: its contexts, None where there is none."""

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
        """The logical id."""
        return str(self.logical_id.value)

    @property
    def holds_policies(self) -> bool:
        """Whether a resource of this type can grant something to somebody."""
        return str(self.type.value).startswith(_POLICY_TYPES)


@dataclass
class ChangeSet:
    """What a change set holds; ``masked``: whether a parameter's value is hidden by ``NoEcho``; ``stack``: the name of
    the stack."""

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

    def complain(self, node: yaml.Node, reason: str) -> None:
        """Record what cannot be read."""
        self.unreadable.append(Unreadable(self.file, reason, node.start_mark.line + 1))

    def note(self, node: yaml.Node, reason: str) -> None:
        """Record what is not evaluated."""
        self.not_evaluated.append(Unreadable(self.file, reason, node.start_mark.line + 1))


def read_change_set(file: str, content: str) -> ChangeSet:
    """Take the output of ``describe-change-set`` apart: one page, or a list of the pages of one change set.

    Raises :class:`InputError` for what is no JSON, for pages of several change sets, and where the property values are
    missing, because it was not asked for them.
    """
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    try:
        root = compose_json(text)
    except json.JSONDecodeError as error:
        raise InputError(file, f"not valid JSON: {error.msg}", error.lineno) from None
    except (RecursionError, ValueError):
        raise InputError(file, "nested too deeply") from None
    found = ChangeSet(file, text, Lines(file, text), root)
    pages = _pages(root)
    identities = {name for page in pages if (name := scalar(_get(page, "ChangeSetId")))}
    if len(identities) > 1:
        raise InputError(file, "several change sets in one file: give each a file of its own", 1)
    _Reader(found).read(pages)
    return found


def _pages(root: yaml.Node) -> list[yaml.Node]:
    """The pages, each an object with ``Changes``. A bare list of changes, as the console shows it, is one page."""
    if not isinstance(root, yaml.SequenceNode):
        return [root]
    if any(_get(item, "ResourceChange") is not None for item in root.value):
        key = yaml.ScalarNode("tag:yaml.org,2002:str", "Changes", root.start_mark, root.start_mark)
        return [yaml.MappingNode("tag:yaml.org,2002:map", [(key, root)], root.start_mark, root.end_mark, True)]
    return list(root.value)


def _get(node: yaml.Node | None, name: str) -> yaml.Node | None:
    found = child(node, name)
    return found if found is not None else child(node, name[:1].lower() + name[1:])


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


class _Reader:
    def __init__(self, found: ChangeSet) -> None:
        self.found = found

    def read(self, pages: list[yaml.Node]) -> None:
        for page in pages:
            if not isinstance(page, yaml.MappingNode):
                self.found.complain(page, "a page of a change set is no object")
                continue
            self.page(page, last=page is pages[-1])
        changes = self.found.changes
        relevant = [item for item in changes if item.holds_policies and item.action != REMOVE]
        if relevant and not any(item.before or item.after for item in changes):
            self.no_values(relevant[0].node)
        for item in relevant:
            if item.after is None and item.action != SYNC:
                self.found.complain(item.node, f"{item.name}: no AfterContext, so that nothing is known of it")

    def no_values(self, node: yaml.Node) -> NoReturn:
        reason = f"the change set holds no property values: run aws cloudformation describe-change-set with {OPTION}"
        raise InputError(self.found.file, reason, node.start_mark.line + 1)

    def page(self, page: yaml.MappingNode, *, last: bool) -> None:
        found = self.found
        stack = _STACK_ID.match(scalar(_get(page, "StackId")) or "")
        if stack is not None:
            found.partition, found.account = stack.groups()
        found.stack = scalar(_get(page, "StackName")) or found.stack
        for parameter in _items(_get(page, "Parameters")):
            if _MASKED.fullmatch(scalar(_get(parameter, "ParameterValue")) or ""):
                found.masked = True
        more = _get(page, "NextToken")
        if last and more is not None and scalar(more):
            found.note(more, "the change set goes on on another page (NextToken), which is not here")
        status = scalar(_get(page, "Status"))
        if status is not None and status != "CREATE_COMPLETE":
            reason = " ".join((scalar(_get(page, "StatusReason")) or "").split())[:200]
            found.note(page, f"the change set is {status}{': ' + reason if reason else ''}")
        changes = _get(page, "Changes")
        if changes is not None and not isinstance(changes, yaml.SequenceNode):
            found.complain(changes, "Changes is no list")
        for entry in _items(changes):
            self.entry(entry)

    def entry(self, entry: yaml.Node) -> None:
        change = _get(entry, "ResourceChange")
        if change is None:
            if _get(entry, "HookInvocationCount") is None and not isinstance(entry, yaml.MappingNode):
                self.found.complain(entry, "a change is no object")
            return
        logical_id, kind = _get(change, "LogicalResourceId"), _get(change, "ResourceType")
        action = scalar(_get(change, "Action"))
        if not isinstance(logical_id, yaml.ScalarNode) or not isinstance(kind, yaml.ScalarNode) or not action:
            self.found.complain(change, "a change has no LogicalResourceId, ResourceType or Action")
            return
        name = logical_id.value
        if action not in ACTIONS:
            self.found.complain(change, f"{name}: the action {action[:40]} is not known")
            return
        if kind.value == STACK:
            self.nested(change, name)
            return
        physical_id = _get(change, "PhysicalResourceId")
        item = ResourceChange(
            logical_id,
            kind,
            action,
            scalar(_get(change, "Replacement")) or "",
            physical_id if isinstance(physical_id, yaml.ScalarNode) and physical_id.value else None,
            self.context(change, "BeforeContext", name),
            self.context(change, "AfterContext", name),
            tuple(_causes(_get(change, "Details"))),
            change,
        )
        self.found.changes.append(item)
        if action == DYNAMIC and item.holds_policies:
            self.found.note(change, f"{name}: what happens to it is decided while the change set is executed")

    def nested(self, change: yaml.Node, name: str) -> None:
        own = scalar(_get(change, "ChangeSetId"))
        where = f" are in the change set {own}, which is not here" if own else " are not in this change set"
        self.found.note(change, f"{name}: a nested stack, whose changes{where}")

    def context(self, change: yaml.Node, name: str, logical_id: str) -> yaml.Node | None:
        """A context as nodes; None where it is missing, or empty, or cannot be read (which is told)."""
        node = _get(change, name)
        if isinstance(node, yaml.MappingNode):
            return node  # decoded by some other tool
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip() or node.tag.endswith(":null"):
            return None
        try:
            found = compose_json(replace_lone_surrogates(node.value))
        except (json.JSONDecodeError, RecursionError):
            found = None
        if not isinstance(found, yaml.MappingNode):
            self.found.complain(node, f"{logical_id}: {name} is no JSON object")
            return None
        _replace_marks(found, _Offsets(self.found, node))
        return found


def _causes(details: yaml.Node | None) -> Iterator[Cause]:
    for detail in _items(details):
        target, entity = _get(detail, "Target"), scalar(_get(detail, "CausingEntity"))
        path = scalar(_get(target, "Path"))
        if entity and path and path.startswith("/"):
            keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/"))
            yield Cause(keys, entity, scalar(_get(target, "AfterValue")))


class _Offsets:
    """The places in the file of the letters of a JSON string."""

    def __init__(self, found: ChangeSet, node: yaml.ScalarNode) -> None:
        self.lines = found.lines
        start, end = node.start_mark.index + 1, node.end_mark.index - 1
        raw = found.text[start:end]
        self.decoded, self.written = [0], [start]  # where a run of letters that stand for themselves begins
        removed = 0  # letters that are in the file and not in the text
        for escape in _ESCAPE.finditer(raw):
            removed += len(escape.group()) - 1
            self.decoded.append(escape.end() - removed)
            self.written.append(start + escape.end())

    def mark(self, index: int) -> yaml.Mark:
        run = bisect_right(self.decoded, index) - 1
        offset = self.written[run] + index - self.decoded[run]
        line, column = self.lines.place(offset)
        return yaml.Mark("", offset, line - 1, column - 1, None, 0)


def _replace_marks(root: yaml.Node, offsets: _Offsets) -> None:
    """Give nodes the places that they have in the file in which their text is a string."""
    pending = [root]
    while pending:
        node = pending.pop()
        node.start_mark, node.end_mark = offsets.mark(node.start_mark.index), offsets.mark(node.end_mark.index)
        if isinstance(node, yaml.MappingNode):
            pending.extend(part for entry in entries(node) for part in entry)
        elif isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
