"""Roles that resources of a configuration receive, and its instance profiles.

Source: the argument references of the resource pages of the providers ``hashicorp/aws`` and ``hashicorp/awscc``;
``aws_iam_instance_profile`` (``role``: the name of the one role in it), ``awscc_iam_instance_profile`` (``roles``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    at_position,
    map_children,
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
from passrole_checks.sources.model.terraform_policy_attributes import INSTANCE_PROFILES
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.to_plain import to_document
from passrole_checks.sources.terraform.functions.signature import FunctionCall
from passrole_checks.sources.terraform.functions.yaml import yaml_decode
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of

_MAX_DEPTH = 12  # nested blocks


def received_roles(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> Iterator[ReceivedRole]:
    """Yield the roles that a resource receives, each value at the position of the resource's attribute."""
    attributes = _BlockAttributes(block, resource.type, scope)
    yield from find_received_roles(resource, attributes.names, attributes.value)


def may_receive(block: Block) -> bool:
    """True if a resource can receive a role or is an instance profile; decided by the words in its block."""
    type_ = block.labels[0]
    if type_ in INSTANCE_PROFILES or type_ in TYPES:
        return True
    if not may_receive_role(type_):
        return False
    names, source = role_entry_properties(type_), block.source_bytes
    return not (skips_irrelevant() and names and source is not None) or any(name.encode() in source for name in names)


@dataclass(frozen=True)
class _BlockAttributes:
    """Attributes and nested blocks of one resource."""

    block: Block
    type: str
    scope: EvaluationScope

    def names(self) -> list[str]:
        return _names(self.block)

    def value(self, name: str) -> Node | None:
        return _value_at_paths(self.block, name, paths_below(self.type, name), self.scope)


def instance_profile(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> InstanceProfile:
    """Return an instance profile with its name and its role."""
    roles = references.value_of(block, INSTANCE_PROFILES[resource.type], scope)
    profile = InstanceProfile(resource.address, references.entity_name(block, scope), roles)
    return profile.converted(resource.address, to_document)


def _value_at_paths(
    block: Block, name: str, paths: Sequence[Path], scope: EvaluationScope, depth: int = 0
) -> Node | None:
    """Return an attribute's value, or a list of the nested blocks of that name, reduced to the paths."""
    attribute = block.body.get(name)
    if attribute is not None:
        value = references.value_of(block, name, scope)
        at = scope.in_source(attribute.source).position(attribute.span)
        if value is None:
            return None
        plain = to_document(value)
        # a document in JSON, or in YAML, which includes JSON
        if (DEEP,) in paths and isinstance(plain, StringNode) and plain.only_unresolved is None:
            call = FunctionCall("yamldecode", at, scope.in_source(attribute.source), lambda: name)
            plain = to_document(yaml_decode(call, [plain]) or plain)
        return _relocate(plain, at)
    if depth > _MAX_DEPTH:
        return None
    blocks = [
        _block_as_object(inner, paths, inner_scope, depth + 1)
        for _, inner, inner_scope in blocks_of(block.body, name, scope)
    ]
    return ListNode(tuple(blocks), blocks[0].at) if blocks else None


def _block_as_object(block: Block, paths: Sequence[Path], scope: EvaluationScope, depth: int) -> ObjectNode:
    """Return a block as an object reduced to the paths; with all its content if a path ends here or is ``ANY``."""
    at = scope.position(block.span)
    rests = [path[1:] if path[:1] == ("*",) else path for path in paths]
    deep = (DEEP,) in rests
    whole = deep or any(rest[:1] in ((), (ANY,)) for rest in rests)
    names = _names(block) if whole else dict.fromkeys(rest[0] for rest in rests)
    entries: list[ObjectEntry] = []
    for name in names:
        inner = [rest[1:] for rest in rests if rest[:1] == (name,)] + ([(DEEP if deep else ANY,)] if whole else [])
        value = _value_at_paths(block, name, inner, scope, depth)
        if value is not None:
            entries.append(ObjectEntry(text(name, at), value))
    return ObjectNode(tuple(entries), at)


def _names(block: Block) -> list[str]:
    return list(dict.fromkeys((*block.body.by_name, *(inner.generated_type for inner in block.body.blocks))))


def _relocate(node: Node, at: Position) -> Node:
    """Return the value with its position moved into the attribute at ``at``."""
    inside = node.at.file == at.file and at.covers(node.at.line)
    if isinstance(node, StringNode) and not inside:
        return at_position(node, at)
    node = map_children(node, lambda child: _relocate(child, at))
    return node if inside else replace(node, at=at)
