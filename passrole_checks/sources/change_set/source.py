"""From a change set to the policies and roles in it, as they will be and as they are.

Both sides are read as templates of the resources that the change set names, by the same reader as any template. What
their contexts hold is resolved: a role is named by its name (for these types the physical id; CloudFormation Template
Reference, "Return values" of AWS::IAM::Role, User and Group), and what CloudFormation does not know yet is
``{{changeSet:KNOWN_AFTER_APPLY}}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from passrole_checks.aws.service_principals import known_services
from passrole_checks.errors import InputError
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.access_comparison import access_of
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
)
from passrole_checks.iam.roles.arn import ANYWHERE, Deployment
from passrole_checks.sources.change_set.pages import (
    ADD,
    IMPORT,
    REMOVE,
    SYNC,
    Cause,
    ChangeSet,
    ResourceChange,
    read_change_set,
)
from passrole_checks.sources.cloudformation.policies import PolicyReader
from passrole_checks.sources.cloudformation.suppressions import suppressions
from passrole_checks.sources.cloudformation.template import Template, child, entries
from passrole_checks.sources.model.attachments_elsewhere import AttachmentsElsewhere
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    InstanceProfile,
    PolicyKind,
    ReceivedRole,
    Unreadable,
)
from passrole_checks.sources.model.principal_names import display_principal_names

_TAG = "tag:yaml.org,2002:"
_MARK = "{{changeSet:KNOWN_AFTER_APPLY}}"
_UNKNOWN = re.compile(r"\{\{changeSet:(\w+)\}\}")
_MASKED = re.compile(r"\*{4,}")
_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
}
_HOLDERS = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::SSO::PermissionSet"})


def load(path: Path, content: str, *, unchanged: bool = False) -> Configuration:
    """The policies that a change set adds or changes, and as what stood before it those that it changes or removes.

    ``unchanged``: also those that it only synchronizes with what is there (``SyncWithActual``).
    Of what a change set does not name nothing is known: principals that exist already are in ``incomplete``. Raises
    :class:`InputError` for a text that is no JSON or holds no property values; what is wrong with a part of it is
    listed as unreadable.
    """
    file = str(path)
    found = read_change_set(file, content)
    try:
        after, before = _Side(found, after=True), _Side(found, after=False)
    except RecursionError:
        raise InputError(file, "nested too deeply") from None
    identities = tuple(policy for policy in before.policies if policy.kind is PolicyKind.IDENTITY)
    created = {item.name for item in found.changes if item.action == ADD and item.type.value in _HOLDERS}
    holders = {name for policy in (*after.policies, *identities) for name in policy.principals}
    incomplete = frozenset(holders - created)
    rest = {item.name for item in found.changes if item.action == SYNC and not unchanged}
    stood = before.held()
    as_read = Configuration(
        Framework.CLOUDFORMATION,
        (file,),
        tuple(item for item in after.reader.resources if item.address not in rest),
        tuple(policy for policy in after.policies if policy.resource.address not in rest),
        tuple(after.reader.roles),
        suppressions=tuple(suppressions(after.template, {one.address: one.at for one in after.reader.resources})),
        unreadable=(*found.unreadable, *after.reader.unreadable),
        account=found.account,
        not_evaluated=(
            *found.not_evaluated,
            *after.reader.not_evaluated,
            *_lost_denials(identities, after.policies),
        ),
        before=identities,
        unchanged=tuple(policy for policy in after.policies if policy.resource.address in rest),
        home=Deployment(found.account, (found.partition,)) if found.partition else ANYWHERE,
        incomplete=incomplete,
        stack=found.stack,
        users=tuple(after.reader.users),
        received=tuple(after.received(rest)),
        instance_profiles=tuple(map(after.profile, after.reader.received.profiles)),
        members_before=stood["members"],
        boundaries_before=stood["boundaries"],
        boundary_names_before=stood["boundary_names"],
        attachments_before=stood["attachments"],
        **after.held(),
    )
    return display_principal_names(as_read)


class _Side:
    """The resources of a change set as they will be (``after``), or as they are."""

    def __init__(self, found: ChangeSet, *, after: bool) -> None:
        self.found, self.after = found, after
        self._holes = 0
        present = {item.name for item in found.changes if not after or item.action != REMOVE}
        resources = [
            (_text(item.name, item.node), self.resource(item, context, present))
            for item in found.changes
            if (context := self.context_of(item)) is not None
        ]
        section = _text("Resources", found.root)
        self.template = Template(found.file, "{}")
        self.template.text, self.template.lines = found.text, found.text.split("\n")
        self.template.replace(_mapping([(section, _mapping(resources, found.root))], found.root))
        self.reader = PolicyReader(self.template, Framework.CLOUDFORMATION)
        self.reader.read()
        self.policies = tuple(self.finished(policy) for policy in self.reader.policies)

    def received(self, rest: set[str]) -> Iterator[ReceivedRole]:
        """What the resources receive; nobody passes the roles of ``rest``, which stays as it is."""
        for one in self.reader.received.roles:
            by = "unchanged" if one.by == "deployer" and one.resource.address in rest else one.by
            yield replace(one, value=self.with_holes(one.value), by=by)

    def held(self) -> AttachmentsElsewhere:
        """What principals hold beside these policies, as far as the change set tells whose it is."""
        found = self.reader.elsewhere.builder.build(self.policies)
        found["attachments"] = tuple(
            replace(one, policy=self.text_with_holes(one.policy))
            for one in found["attachments"]
            if not _UNKNOWN.search(one.holder)
        )
        found["members"] = tuple(pair for pair in found["members"] if not _UNKNOWN.search("".join(pair)))
        found["boundary_names"] = tuple((who, self.text_with_holes(name)) for who, name in found["boundary_names"])
        return found

    def profile(self, profile: InstanceProfile) -> InstanceProfile:
        name = self.text_with_holes(profile.name) if profile.name is not None else None
        return replace(profile, name=name, role=self.with_holes(profile.role) if profile.role is not None else None)

    def context_of(self, item: ResourceChange) -> yaml.Node | None:
        """What the resource is, on this side. One that is imported is there before, and is what the template says
        (AWS CloudFormation User Guide, "Import AWS resources into a CloudFormation stack automatically")."""
        if item.action in (SYNC, IMPORT):
            return item.after if item.after is not None else item.before
        return item.after if self.after else item.before

    def resource(self, item: ResourceChange, context: yaml.Node, present: set[str]) -> yaml.Node:
        """A resource as it would stand in a template."""
        parts: list[tuple[yaml.ScalarNode, yaml.Node]] = [(_text("Type", item.type), item.type)]
        for key, value in entries(context):
            if key.value == "Properties" and isinstance(value, yaml.MappingNode):
                value = self.properties(item, value, present)
            if key.value in ("Properties", "Metadata"):
                parts.append((key, value))
        return _mapping(parts, item.node)

    def properties(self, item: ResourceChange, properties: yaml.MappingNode, present: set[str]) -> yaml.Node:
        if self.after:
            for cause in item.causes:
                if cause.path[:1] == ("Properties",) and cause.entity.partition(".")[0] in present:
                    made = _referring(properties, cause.path[1:], cause)
                    properties = made if isinstance(made, yaml.MappingNode) else properties
        name = _NAMES.get(str(item.type.value))
        stays = not self.after or item.replacement in ("", "False")
        if name is None or item.physical_id is None or not stays or child(properties, name) is not None:
            return properties
        given = _text(str(item.physical_id.value).rpartition("/")[2], item.physical_id)
        return _mapping([*entries(properties), (_text(name, item.physical_id), given)], properties)

    def finished(self, policy: AttachedPolicy) -> AttachedPolicy:
        """A policy whose unknown parts are holes; a principal that is not known is none."""
        principals = tuple(name for name in policy.principals if not _UNKNOWN.search(name))
        return replace(policy, document=self.with_holes(policy.document), principals=principals)

    def with_holes(self, node: Node) -> Node:
        """The node with a hole for everything that is known only later, or is hidden."""
        if isinstance(node, StringNode):
            return self.text_with_holes(node)
        if isinstance(node, ListNode):
            return ListNode(tuple(map(self.with_holes, node.items)), node.at)
        if isinstance(node, ObjectNode):
            return ObjectNode(
                tuple(ObjectEntry(self.text_with_holes(one.key), self.with_holes(one.value)) for one in node.entries),
                node.at,
            )
        if isinstance(node, Choice):
            return replace(node, options=tuple((label, self.with_holes(option)) for label, option in node.options))
        return node

    def text_with_holes(self, node: StringNode) -> StringNode:
        parts = join([piece for part in node.parts for piece in self.pieces(part)])
        return node if parts == node.parts else replace(node, parts=parts, starts=(), indent=0)

    def pieces(self, part: Part) -> Iterator[Part]:
        if isinstance(part, Unresolved):
            later = _UNKNOWN.fullmatch(part.expression)
            yield part if later is None else self.later(later.group(1))
            return
        place = 0
        for match in _UNKNOWN.finditer(part):
            yield from self.masked(part[place : match.start()])
            yield self.later(match.group(1))
            place = match.end()
        yield from self.masked(part[place:])

    def later(self, name: str) -> Unresolved:
        return self.hole(f"changeSet:{name}", "known after the change set is executed")

    def masked(self, part: str) -> Iterator[Part]:
        place = 0
        for match in _MASKED.finditer(part) if self.found.masked else ():
            yield part[place : match.start()]
            yield self.hole("a NoEcho parameter", "hidden by NoEcho")
            place = match.end()
        yield part[place:]

    def hole(self, expression: str, reason: str) -> Unresolved:
        """A hole of its own: nothing says that two values that are not known are the same."""
        self._holes += 1
        number = f" #{self._holes}" if self._holes > 1 else ""
        return Unresolved(expression + number, reason=reason)


def _lost_denials(before: Iterable[AttachedPolicy], after: Iterable[AttachedPolicy]) -> Iterator[Unreadable]:
    """The Deny statements that go away: what they took from policies that the change set does not name is not known.

    Who held a policy was there before, so that a change set never tells all that it holds.
    """
    stays = {item.identity for policy in after for item in parse_document(policy.document).statements}
    services = {name: known_services(name) for name in ("aws", "aws-cn")}
    for policy in before:
        statements = parse_document(policy.document).statements
        denies = access_of([item for item in statements if item.effect == "Deny"], services).denies
        for item in denies:
            if item.statement.identity not in stays:
                at = item.statement.at
                reason = "a Deny of iam:PassRole goes away, and what it took from other policies is not known"
                yield Unreadable(at.file, f"{policy.resource.address}: {reason}", at.line)


def _referring(node: yaml.Node, path: tuple[str, ...], cause: Cause) -> yaml.Node:
    """The node with a reference to what causes the value at a path, where that value is not known otherwise."""
    if not path:
        if not isinstance(node, yaml.ScalarNode) or node.value != _MARK:
            return node
        name, _, attribute = cause.entity.partition(".")
        if not attribute:
            return _mapping([(_text("Ref", node), _text(name, node))], node)
        pair = [_text(name, node), _text(attribute, node)]
        names = yaml.SequenceNode(_TAG + "seq", pair, node.start_mark, node.end_mark, flow_style=True)
        return _mapping([(_text("Fn::GetAtt", node), names)], node)
    if isinstance(node, yaml.MappingNode):
        parts = [
            (key, _referring(value, path[1:], cause) if key.value == path[0] else value) for key, value in entries(node)
        ]
        return _mapping(parts, node)
    if isinstance(node, yaml.SequenceNode) and path[0].isdecimal():
        items = [
            _referring(item, path[1:], cause) if number == int(path[0]) else item
            for number, item in enumerate(node.value)
        ]
        return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark, flow_style=True)
    return node


def _text(value: str, at: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode(_TAG + "str", value, at.start_mark, at.end_mark, '"')


def _mapping(parts: Sequence[tuple[yaml.ScalarNode, yaml.Node]], at: yaml.Node) -> yaml.MappingNode:
    return yaml.MappingNode(_TAG + "map", list(parts), at.start_mark, at.end_mark, flow_style=True)
