"""Which resources of a configuration receive which role, and its instance profiles.

Source: the argument references of the resource pages of the providers ``hashicorp/aws`` and ``hashicorp/awscc``;
``aws_iam_instance_profile`` (``role``: the name of the one role in it), ``awscc_iam_instance_profile`` (``roles``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    moved,
    text,
)
from passrole_checks.sources.model.configuration import InstanceProfile, ReceivedRole, ResourceDefinition
from passrole_checks.sources.model.embedded_template import TYPES
from passrole_checks.sources.model.role_consumers import (
    ANY,
    DEEP,
    Path,
    find_received_roles,
    may_receive_role,
    paths_below,
    role_entry_properties,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.to_plain import document
from passrole_checks.sources.terraform.functions.signature import FunctionCall
from passrole_checks.sources.terraform.functions.yaml import yaml_decode
from passrole_checks.sources.terraform.lazy_evaluation import taken
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of

INSTANCE_PROFILES = {"aws_iam_instance_profile": "role", "awscc_iam_instance_profile": "roles"}
"""The types of instance profiles, with the attribute of the role in one."""

_DEPTH = 12  # blocks inside blocks


def roles_received(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> Iterator[ReceivedRole]:
    """What a resource receives; each value stands where the attribute of the resource does."""
    yield from find_received_roles(resource, _Attributes(block, resource.type, scope))


def may_receive(block: Block) -> bool:
    """Whether a resource can receive a role or be an instance profile; the names that are written in it may tell that
    it does not, without more."""
    type_ = block.labels[0]
    if type_ in INSTANCE_PROFILES or type_ in TYPES:
        return True
    if not may_receive_role(type_):
        return False
    names, words = role_entry_properties(type_), block.words
    return not (taken() and names and words is not None) or any(name.encode() in words for name in names)


@dataclass(frozen=True)
class _Attributes:
    """The attributes and blocks of one resource."""

    block: Block
    type: str
    scope: EvaluationScope

    def names(self) -> list[str]:
        return _names(self.block)

    def value(self, name: str) -> Node | None:
        return _below(self.block, name, paths_below(self.type, name), self.scope)


def instance_profile(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> InstanceProfile:
    """What an instance profile is called, and the role in it."""
    name = references.entity_name(block, scope)
    role = references.written(block, INSTANCE_PROFILES[resource.type], scope)
    value = document(role) if role is not None else None
    if isinstance(value, ListNode):
        value = value.items[0] if value.items else None
    plain = document(name) if name is not None else None
    return InstanceProfile(resource.address, plain if isinstance(plain, StringNode) else None, value, resource.at)


def _below(block: Block, name: str, paths: Sequence[Path], scope: EvaluationScope, depth: int = 0) -> Node | None:
    """What stands under a name in a block, as far as the paths lead: the value of an attribute, or a list of blocks."""
    attribute = block.body.get(name)
    if attribute is not None:
        value = references.written(block, name, scope)
        at = scope.inside(attribute.source).position(attribute.span)
        if value is None:
            return None
        given = document(value)
        if (
            (DEEP,) in paths and isinstance(given, StringNode) and given.only_hole is None
        ):  # JSON, or YAML, which JSON is too
            inner_scope = scope.inside(attribute.source)
            given = document(yaml_decode(FunctionCall("yamldecode", name, at, inner_scope), [given]) or given)
        return _standing(given, at)
    if depth > _DEPTH:
        return None
    found = [
        _object(inner, paths, inner_scope, depth + 1) for _, inner, inner_scope in blocks_of(block.body, name, scope)
    ]
    return ListNode(tuple(found), found[0].at) if found else None


def _object(block: Block, paths: Sequence[Path], scope: EvaluationScope, depth: int) -> ObjectNode:
    """A block as an object of what the paths lead to; of a path that ends here, or goes anywhere, all that is in it."""
    at = scope.position(block.span)
    rests = [path[1:] if path[:1] == ("*",) else path for path in paths]
    deep = (DEEP,) in rests
    whole = deep or any(rest[:1] in ((), (ANY,)) for rest in rests)
    names = _names(block) if whole else dict.fromkeys(rest[0] for rest in rests)
    entries: list[ObjectEntry] = []
    for name in names:
        inner = [rest[1:] for rest in rests if rest[:1] == (name,)] + ([(DEEP if deep else ANY,)] if whole else [])
        value = _below(block, name, inner, scope, depth)
        if value is not None:
            entries.append(ObjectEntry(text(name, at), value))
    return ObjectNode(tuple(entries), at)


def _names(block: Block) -> list[str]:
    inner = (one.labels[0] if one.type == "dynamic" and one.labels else one.type for one in block.body.blocks)
    return list(dict.fromkeys((*(attribute.name for attribute in block.body.attributes), *inner)))


def _standing(node: Node, at: Position) -> Node:
    """A value as it stands in an attribute, wherever what it refers to stands."""
    inside = node.at.file == at.file and at.covers(node.at.line)
    if isinstance(node, ListNode):
        return ListNode(tuple(_standing(item, at) for item in node.items), node.at if inside else at)
    if isinstance(node, ObjectNode):
        entries = tuple(ObjectEntry(entry.key, _standing(entry.value, at)) for entry in node.entries)
        return ObjectNode(entries, node.at if inside else at)
    if isinstance(node, Choice):
        options = tuple((outcome, _standing(option, at)) for outcome, option in node.options)
        return replace(node, options=options, at=node.at if inside else at)
    if isinstance(node, StringNode) and not inside:
        return moved(node, at)
    return node if inside else replace(node, at=at)
