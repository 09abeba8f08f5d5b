"""Read the policies and roles of a change set, before and after the change.

Both sides are read as templates of the named resources, by the same reader as any template. Their contexts contain
resolved values: a role appears by its name (for these types the physical id; CloudFormation Template Reference, "Return
values" of AWS::IAM::Role, User and Group), and a value unknown to CloudFormation is
``{{changeSet:KNOWN_AFTER_APPLY}}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from passrole_checks.aws.service_principals import known_services
from passrole_checks.errors import InputError
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.access_set import access_of
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.values.nodes import Node, Part, StringNode, Unresolved, join, map_strings
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
from passrole_checks.sources.cloudformation.suppressions import read_suppressions
from passrole_checks.sources.cloudformation.template import Template, child, entries
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    Configuration,
    Framework,
    Notes,
    PlannedChange,
    PolicyKind,
    Provisioning,
    ReceivedRole,
    Unreadable,
)
from passrole_checks.sources.model.iam_commands import note_on_commands
from passrole_checks.sources.model.principal_names import display_principal_names

_TAG = "tag:yaml.org,2002:"
_MARK = "{{changeSet:KNOWN_AFTER_APPLY}}"
_UNKNOWN = lazy_regex(r"\{\{changeSet:(\w+)\}\}")
_MASKED = lazy_regex(r"\*{4,}")
_NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
}
_HOLDERS = frozenset({"AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group", "AWS::SSO::PermissionSet"})


def load(path: Path, content: str, *, unchanged: bool = False) -> Configuration:
    """Read the policies that a change set adds or changes, and the previous policies that it changes or removes.

    ``unchanged``: also include those that it only synchronizes (``SyncWithActual``). Resources that a change set does
    not name are unknown, so existing principals are in ``incomplete``. Raises :class:`InputError` if the text is not
    JSON or has no property values; a part that cannot be read is listed as unreadable.
    """
    file = str(path)
    change_set = read_change_set(file, content)
    try:
        after, before = _Side(change_set, after=True), _Side(change_set, after=False)
    except RecursionError:
        raise InputError(file, "nested too deeply") from None
    identities = tuple(policy for policy in before.policies if policy.kind is PolicyKind.IDENTITY)
    created = {item.name for item in change_set.changes if item.action == ADD and item.type.value in _HOLDERS}
    holders = {name for policy in (*after.policies, *identities) for name in policy.principals}
    incomplete = frozenset(holders - created)
    unchanged_names = {item.name for item in change_set.changes if item.action == SYNC and not unchanged}
    as_read = Configuration(
        Framework.CLOUDFORMATION,
        (file,),
        tuple(item for item in after.reader.resources if item.address not in unchanged_names),
        tuple(policy for policy in after.policies if policy.resource.address not in unchanged_names),
        tuple(after.reader.roles),
        account=change_set.account,
        users=tuple(after.reader.users),
        received=tuple(after.read_received(unchanged_names)),
        instance_profiles=tuple(
            profile.converted(profile.address, after.mark_unknown) for profile in after.reader.received.profiles
        ),
        attached=after.attached(),
        notes=Notes(
            suppressions=tuple(
                read_suppressions(
                    after.template, {resource.address: resource.at for resource in after.reader.resources}
                )
            ),
            unreadable=(*change_set.unreadable, *after.reader.unreadable),
            not_evaluated=(
                *change_set.not_evaluated,
                *after.reader.not_evaluated,
                *_lost_denials(identities, after.policies),
                *note_on_commands(file, content),
            ),
            missing=tuple(after.reader.missing),
        ),
        change=PlannedChange(
            before=identities,
            unchanged=tuple(policy for policy in after.policies if policy.resource.address in unchanged_names),
            home=Deployment(change_set.account, (change_set.partition,)) if change_set.partition else ANYWHERE,
            incomplete=incomplete,
            attached_before=before.attached(),
        ),
        provisioning=Provisioning(stack=change_set.stack),
    )
    return display_principal_names(as_read)


class _Side:
    """The resources of a change set after (``after``) or before the change."""

    def __init__(self, change_set: ChangeSet, *, after: bool) -> None:
        self.change_set, self.after = change_set, after
        self._holes = 0
        present = {item.name for item in change_set.changes if not after or item.action != REMOVE}
        resources = [
            (_text(item.name, item.node), self.template_resource(item, context, present))
            for item in change_set.changes
            if (context := self.context_of(item)) is not None
        ]
        section = _text("Resources", change_set.root)
        self.template = Template(change_set.file, "{}")
        self.template.text, self.template.lines = change_set.text, change_set.text.split("\n")
        self.template.replace(_mapping([(section, _mapping(resources, change_set.root))], change_set.root))
        self.reader = PolicyReader(self.template, Framework.CLOUDFORMATION)
        self.reader.read()
        self.policies = tuple(self.with_known_principals(policy) for policy in self.reader.policies)

    def read_received(self, unchanged: set[str]) -> Iterator[ReceivedRole]:
        """Yield the roles that the resources receive; nobody passes the roles of the ``unchanged`` resources."""
        for received in self.reader.received.roles:
            by = "unchanged" if received.by == "deployer" and received.resource.address in unchanged else received.by
            yield replace(received, value=self.mark_unknown(received.value), by=by)

    def attached(self) -> Attachments:
        """Return the attachments whose principals are known."""
        attached = self.reader.attachments.index.build(self.policies)
        return replace(
            attached,
            managed_policies=tuple(
                replace(attachment, policy=self.mark_unknown_text(attachment.policy))
                for attachment in attached.managed_policies
                if not _UNKNOWN.search(attachment.holder)
            ),
            members=tuple(pair for pair in attached.members if not _UNKNOWN.search("".join(pair))),
            boundaries=tuple(
                replace(boundary, policy=self.mark_unknown_text(boundary.policy))
                if boundary.is_known and isinstance(boundary.policy, StringNode)
                else boundary
                for boundary in attached.boundaries
            ),
        )

    def context_of(self, item: ResourceChange) -> yaml.Node | None:
        """Return the resource on this side. An imported one exists before, and is then as in the template (AWS
        CloudFormation User Guide, "Import AWS resources into a CloudFormation stack automatically")."""
        if item.action in (SYNC, IMPORT):
            return item.after if item.after is not None else item.before
        return item.after if self.after else item.before

    def template_resource(self, item: ResourceChange, context: yaml.Node, present: set[str]) -> yaml.Node:
        """Return a resource as it would appear in a template."""
        parts: list[tuple[yaml.ScalarNode, yaml.Node]] = [(_text("Type", item.type), item.type)]
        for key, value in entries(context):
            if key.value == "Properties" and isinstance(value, yaml.MappingNode):
                value = self.add_known_values(item, value, present)
            if key.value in ("Properties", "Metadata"):
                parts.append((key, value))
        return _mapping(parts, item.node)

    def add_known_values(self, item: ResourceChange, properties: yaml.MappingNode, present: set[str]) -> yaml.Node:
        """Return the properties with references to the causes of unknown values, and with the physical name."""
        if self.after:
            for cause in item.causes:
                if cause.path[:1] == ("Properties",) and cause.entity.partition(".")[0] in present:
                    referring = _with_reference(properties, cause.path[1:], cause)
                    properties = referring if isinstance(referring, yaml.MappingNode) else properties
        name = _NAMES.get(str(item.type.value))
        keeps_name = not self.after or item.replacement in ("", "False")
        if name is None or item.physical_id is None or not keeps_name or child(properties, name) is not None:
            return properties
        physical_name = _text(str(item.physical_id.value).rpartition("/")[2], item.physical_id)
        return _mapping([*entries(properties), (_text(name, item.physical_id), physical_name)], properties)

    def with_known_principals(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a policy with unresolved parts marked and without unknown principals."""
        principals = tuple(name for name in policy.principals if not _UNKNOWN.search(name))
        return replace(policy, document=self.mark_unknown(policy.document), principals=principals)

    def mark_unknown(self, node: Node) -> Node:
        """Return the node with an unresolved part for each value that is known only later or is hidden."""
        return map_strings(node, self.mark_unknown_text, keys=True)

    def mark_unknown_text(self, node: StringNode) -> StringNode:
        """Return a string with unresolved parts marked."""
        parts = join([piece for part in node.parts for piece in self.split_unknown(part)])
        return node if parts == node.parts else replace(node, parts=parts, starts=(), indent=0)

    def split_unknown(self, part: Part) -> Iterator[Part]:
        """Yield the pieces of a part, with an unresolved piece for each unknown value."""
        if isinstance(part, Unresolved):
            later = _UNKNOWN.fullmatch(part.expression)
            yield part if later is None else self.known_later(later.group(1))
            return
        place = 0
        for match in _UNKNOWN.finditer(part):
            yield from self.mark_masked(part[place : match.start()])
            yield self.known_later(match.group(1))
            place = match.end()
        yield from self.mark_masked(part[place:])

    def known_later(self, name: str) -> Unresolved:
        """Return an unresolved part for a value that is known after execution."""
        return self.new_unresolved(f"changeSet:{name}", "known after the change set is executed")

    def mark_masked(self, part: str) -> Iterator[Part]:
        """Yield the pieces of a literal, with an unresolved piece for each value hidden by NoEcho."""
        place = 0
        for match in _MASKED.finditer(part) if self.change_set.masked else ():
            yield part[place : match.start()]
            yield self.new_unresolved("a NoEcho parameter", "hidden by NoEcho")
            place = match.end()
        yield part[place:]

    def new_unresolved(self, expression: str, reason: str) -> Unresolved:
        """Return a new unresolved part: unknown values are not known to be equal."""
        self._holes += 1
        number = f" #{self._holes}" if self._holes > 1 else ""
        return Unresolved(expression + number, reason=reason)


def _lost_denials(before: Iterable[AttachedPolicy], after: Iterable[AttachedPolicy]) -> Iterator[Unreadable]:
    """Yield a note for each removed Deny: its effect on policies outside the change set is unknown.

    The principals existed before, so a change set never shows all of their policies.
    """
    stays = {item.identity for policy in after for item in parse_document(policy.document).statements}
    services = {name: known_services(name) for name in ("aws", "aws-cn")}
    for policy in before:
        statements = parse_document(policy.document).statements
        denies = access_of([item for item in statements if item.effect == "Deny"], services).denies
        for item in denies:
            if item.statement.identity not in stays:
                at = item.statement.at
                reason = "a Deny of iam:PassRole is removed; its effect on policies outside the change set is unknown"
                yield Unreadable(at.file, f"{policy.resource.address}: {reason}", at.line)


def _with_reference(node: yaml.Node, path: tuple[str, ...], cause: Cause) -> yaml.Node:
    """Return the node with a reference to the cause of the value at a path, if that value is unknown otherwise."""
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
            (key, _with_reference(value, path[1:], cause) if key.value == path[0] else value)
            for key, value in entries(node)
        ]
        return _mapping(parts, node)
    if isinstance(node, yaml.SequenceNode) and path[0].isdecimal():
        items = [
            _with_reference(item, path[1:], cause) if number == int(path[0]) else item
            for number, item in enumerate(node.value)
        ]
        return yaml.SequenceNode(node.tag, items, node.start_mark, node.end_mark, flow_style=True)
    return node


def _text(value: str, at: yaml.Node) -> yaml.ScalarNode:
    return yaml.ScalarNode(_TAG + "str", value, at.start_mark, at.end_mark, '"')


def _mapping(parts: Sequence[tuple[yaml.ScalarNode, yaml.Node]], at: yaml.Node) -> yaml.MappingNode:
    return yaml.MappingNode(_TAG + "map", list(parts), at.start_mark, at.end_mark, flow_style=True)
