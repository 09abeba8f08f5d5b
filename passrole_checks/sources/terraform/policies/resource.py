"""An instance of a resource block, as :mod:`passrole_checks.sources.collect` reads it.

Sources: the argument references of the resource pages of the providers ``hashicorp/aws`` and ``hashicorp/awscc``
(IAM, SSO Admin, ``aws_organizations_policy_attachment``); ``aws_iam_instance_profile`` (``role``: the name of the one
role in it), ``awscc_iam_instance_profile`` (``roles``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Failure,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    at_position,
    join,
    map_children,
    text,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition, is_off_by_default
from passrole_checks.iam.values.variants import flatten_variants, guard, value_variants
from passrole_checks.sources.collect import terraform_tables as tables
from passrole_checks.sources.collect.attachments import management_account, resolve_boundary
from passrole_checks.sources.collect.consumers import (
    ANY,
    DEEP,
    Path,
    may_receive_role,
    paths_below,
    role_entry_properties,
)
from passrole_checks.sources.collect.resource import (
    AttachedValue,
    AttachmentAttributes,
    BoundaryVariant,
    FoundDocument,
    Holders,
)
from passrole_checks.sources.collect.tables import AccessTables
from passrole_checks.sources.model.configuration import UNKNOWN_BOUNDARY, InstanceProfile, ResourceDefinition
from passrole_checks.sources.model.embedded_template import TYPES
from passrole_checks.sources.terraform.evaluation.get_path import get_path
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, Reference, is_null, known_string
from passrole_checks.sources.terraform.evaluation.to_plain import to_document, to_plain_string
from passrole_checks.sources.terraform.functions.signature import FunctionCall
from passrole_checks.sources.terraform.functions.yaml import yaml_decode
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.folder import literal_attribute
from passrole_checks.sources.terraform.policies.attachments import TerraformAttachments, policy_name
from passrole_checks.sources.terraform.reading.syntax import Block, Body, Fragment, TemplateExpression
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of, ignores_changes
from passrole_checks.sources.terraform.resources.off_by_default import existing

_BOUNDARY = "permissions_boundary"
_BOUNDARY_BLOCKS = ("managed_policy_arn", "customer_managed_policy_reference")
_CALLER = "data.aws_caller_identity."
_MAX_DEPTH = 12  # nested blocks


@dataclass(frozen=True)
class BlockInstance:
    """One instance of a resource block, which exists under ``when``. ``attachments`` finds what its values name."""

    attachments: TerraformAttachments
    block: Block
    scope: EvaluationScope
    definition: ResourceDefinition
    when: PathCondition = ()

    @property
    def tables(self) -> AccessTables:
        return tables.TERRAFORM

    @property
    def principal(self) -> str:
        return self.definition.address

    def names(self) -> list[str]:
        return _names(self.block)

    def value(self, name: str) -> Node | None:
        return _value_at_paths(self.block, name, paths_below(self.definition.type, name), self.scope)

    def word(self, name: str) -> str | None:
        value = self._plain(name)
        return known_string(value) if value is not None else None

    def _plain(self, name: str) -> Node | None:
        return references.value_of(self.block, name, self.scope)

    def documents(self, attribute: str, *, required: bool) -> Iterator[FoundDocument]:
        document = _document(self.block, attribute, self.scope)
        if document is None:
            return
        name = tables.POLICY_NAMES.get(self.definition.type)
        if name is None:
            yield FoundDocument(attribute, document)
        else:  # of the name, nothing is evaluated: what it refers to would matter
            partial = _partial_name(self.block.body, name, self.definition)
            yield FoundDocument(attribute, document, literal_attribute(self.block, name) or "", partial)

    def inline_policies(self, attribute: str, key: str) -> Iterator[FoundDocument]:
        """Yield the inline policies in nested blocks or in the objects of a list.

        An unresolved list is yielded as one unresolved policy.
        """
        block, scope, named, number = self.block, self.scope, tables.INLINE_NAMES[key], 0
        for when, inner, inner_scope in blocks_of(block.body, attribute, scope):
            written = existing(when, _document(inner, key, inner_scope))
            if written is not None:
                yield FoundDocument(f"{attribute}/{number}/{key}", written, literal_attribute(inner, named) or "")
            number += 1
        value = self._plain(attribute)
        pending: list[tuple[PathCondition, Node]] = [((), value)] if value is not None else []
        while pending:
            when, node = pending.pop(0)
            path = f"{attribute}/{number}/{key}"
            if isinstance(node, ListNode):
                pending[:0] = [(when, item) for item in node.items]
            elif isinstance(node, Choice):
                pending[:0] = [((*when, outcome), option) for outcome, option in node.options]
            elif isinstance(node, ObjectNode):
                inside = get_path(node, key, key, node.at)
                written = None if isinstance(inside, Failure) or is_null(inside) else _as_document(inside)
                if written is not None:
                    names = (known_string(entry.value) for entry in node.entries if entry.key.literal == named)
                    yield FoundDocument(path, guard(when, written), next(names, None) or "")
                number += 1
            elif isinstance(node, StringNode):
                unknown = node if node.only_unresolved is not None else unresolved(attribute, node.at)
                yield FoundDocument(attribute if node is value else path, guard(when, to_plain_string(unknown)))
                number += 1

    def holders(self, attributes: Mapping[str, str]) -> Holders:
        return {name: [()] for name in self.attachments.principals_in(self.block, attributes, self.scope)}

    def attached(self, attributes: AttachmentAttributes) -> Iterator[AttachedValue]:
        name, scope = attributes.policies, self.scope
        values = inner_values(self.block, name, "name", scope) if attributes.by_name else [self._plain(name)]
        for value in values:
            for when, policy in flatten_variants(value, self.when):
                addresses = self.attachments.resolve_policies(policy, scope.module.address, by_name=attributes.by_name)
                if not addresses and is_off_by_default(when) and not _is_resolved(policy):
                    continue
                if not addresses and not _is_resolved(policy):
                    self.attachments.index.has_unresolved_policy = True
                if isinstance(policy, StringNode) and not isinstance(policy, Failure) and not addresses:
                    yield AttachedValue(when, to_plain_string(policy))
                else:
                    yield AttachedValue(when, None, addresses)

    def boundary(self) -> list[BoundaryVariant]:
        module = self.scope.module.address
        values, by_name = value_variants(self._plain(_BOUNDARY)), False
        for name in _BOUNDARY_BLOCKS if not values else ():
            for inner in inner_values(self.block, _BOUNDARY, name, self.scope):
                values, by_name = [*values, *flatten_variants(inner)], name != _BOUNDARY_BLOCKS[0]
        if values and ignores_changes(self.block, _BOUNDARY):
            return [((), UNKNOWN_BOUNDARY)]
        # without evaluator-only parts; a reference is kept, as it identifies a resource
        plain = [
            (
                when,
                to_plain_string(value)
                if isinstance(value, StringNode) and not isinstance(value, Reference | Failure)
                else value,
            )
            for when, value in values
        ]
        return resolve_boundary(plain, lambda arn: self.attachments.resolve_policies(arn, module, by_name=by_name))

    def scp_targets(self, policy: str, targets: str) -> Iterator[tuple[StringNode, PathCondition, str]]:
        for when, target in flatten_variants(self._plain(targets), self.when):
            if not isinstance(target, StringNode) or isinstance(target, Failure):
                continue
            named = [(when, [self.definition.address])]
            plain = to_plain_string(target)
            if _is_attaching_account(target, self.block, self.scope):
                plain = management_account(plain)
            if policy:
                values = flatten_variants(self._plain(policy), when)
                named = [(condition, self.attachments.scp_addresses(value)) for condition, value in values]
            for condition, addresses in named:
                if len(addresses) == 1:
                    yield plain, condition, addresses[0]


def may_receive(block: Block) -> bool:
    """True if a resource can receive a role or is an instance profile; decided by the words in its block."""
    type_ = block.labels[0]
    if type_ in tables.INSTANCE_PROFILES or type_ in TYPES:
        return True
    if not may_receive_role(type_):
        return False
    names, source = role_entry_properties(type_), block.source_bytes
    return not (skips_irrelevant() and names and source is not None) or any(name.encode() in source for name in names)


def instance_profile(block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> InstanceProfile:
    """Return an instance profile with its name and its role."""
    roles = references.value_of(block, tables.INSTANCE_PROFILES[resource.type], scope)
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


def _document(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    value = references.value_of(block, name, scope)
    return _as_document(value) if value is not None else None


def _as_document(value: Node) -> Node | None:
    plain = to_document(_parse_statements(value))
    return None if isinstance(plain, Absent) else plain


def _parse_statements(value: Node) -> Node:
    """Return a document object with its statements parsed if they are JSON (``awscc``: "Map of String")."""
    if not isinstance(value, ObjectNode):
        return map_children(value, _parse_statements) if isinstance(value, Choice) else value
    entries: list[ObjectEntry] = []
    for entry in value.entries:
        inner: Node = entry.value
        if entry.key.literal == "Statement" and isinstance(inner, StringNode):
            if isinstance(inner, Encoded) and inner.value is not None:
                inner = inner.value
            elif inner.only_unresolved is None:
                with suppress(MalformedDocument):
                    inner = parse_json(inner)
        entries.append(ObjectEntry(entry.key, inner))
    return ObjectNode(tuple(entries), value.at)


def _partial_name(body: Body, name: str, resource: ResourceDefinition) -> StringNode | None:
    """Return the name of a policy with unknown parts for what is no text; None if nothing of it is known, or all.

    Without a name the provider generates one: from ``name_prefix``, or ``terraform-`` with a number (Terraform
    Registry, ``aws_iam_policy``, ``aws_iam_role_policy``). The latter says too little of a managed policy, which is one
    of all in the account.
    """
    unknown = Unresolved(f"{resource.address}.{name}")
    named, prefix = body.get(name), body.get("name_prefix")
    attribute = named or prefix
    if attribute is None:
        is_inline = resource.type.startswith("aws_") and resource.type not in tables.MANAGED_POLICIES
        known: tuple[Part, ...] = ("terraform-", unknown) if is_inline else ()
    else:
        parts = attribute.value.parts if isinstance(attribute.value, TemplateExpression) else ()
        end = () if named is not None else (unknown,)
        known = join([*(part.value if isinstance(part, Fragment) else unknown for part in parts), *end])
    return StringNode(known, resource.at) if len(known) > 1 else None


def _is_attaching_account(target: StringNode, block: Block, scope: EvaluationScope) -> bool:
    """True if a target is the account of the provider that attaches the policy.

    A provider of its own for the attachment, or a data source of another module, shows that the target may be a member
    account.
    """
    hole = target.only_unresolved
    if hole is None or hole.kind is not UnresolvedKind.ACCOUNT_ID or block.body.get("provider") is not None:
        return False
    module = scope.module.address
    return hole.expression.startswith(f"{module}.{_CALLER}" if module else _CALLER)


def inner_values(block: Block, attribute: str, name: str, scope: EvaluationScope) -> Iterator[Node]:
    """Yield the values of ``name`` in the nested blocks, or in the objects, of an attribute."""
    for _, inner, inner_scope in blocks_of(block.body, attribute, scope):
        value = references.value_of(inner, name, inner_scope)
        if value is not None:
            yield value
        for _, deeper, deeper_scope in blocks_of(inner.body, name, inner_scope):
            value = references.value_of(deeper, "name", deeper_scope)
            if value is not None:
                yield value
    written = references.value_of(block, attribute, scope)
    pending = [written] if written is not None else []
    while pending:
        node = pending.pop(0)
        if isinstance(node, ListNode):
            pending[:0] = node.items
        elif isinstance(node, Choice):
            pending[:0] = [option for _, option in node.options]
        elif isinstance(node, ObjectNode):
            value = node.get(name)
            value = value.get("name") if isinstance(value, ObjectNode) else value
            if value is not None:
                yield value
        elif isinstance(node, StringNode) and not isinstance(node, Failure) and attribute != _BOUNDARY:
            yield get_path(node, name, f"{node}.{name}", node.at)


def _is_resolved(value: Node) -> bool:
    """True if it is known which policy an attachment attaches, even one outside of this configuration."""
    if isinstance(value, Reference) and value.type in tables.MANAGED_POLICIES:
        return True
    name = policy_name(value) if isinstance(value, StringNode) else None
    return name is not None and all(isinstance(part, str) for part in name)
