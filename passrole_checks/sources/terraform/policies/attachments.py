"""Attachments of a configuration, group memberships and permissions boundaries.

Sources: the resource pages of the Terraform Registry, providers ``hashicorp/aws`` (IAM, SSO Admin,
``aws_organizations_policy_attachment``) and ``hashicorp/awscc``.

A managed policy is referenced, or named by its ARN or name as a string. Names of IAM entities of a kind are unique
within an account, whatever their path (IAM User Guide, "IAM and AWS STS quotas"). So a name that this configuration
gives to one entity identifies that entity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Node, Part, StringNode, Unresolved, join
from passrole_checks.iam.values.variants import flatten_variants
from passrole_checks.sources.collect.attachments import AttachmentIndex
from passrole_checks.sources.collect.handed_out import document_names, managed_policy_may_grant, presumed_kind
from passrole_checks.sources.collect.terraform_tables import (
    ATTACHMENTS,
    ENTITIES,
    MANAGED_POLICIES,
    ORGANIZATION_POLICIES,
    OWN_ATTACHMENTS,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, ResourceDefinition
from passrole_checks.sources.model.principal_names import literal_principal
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference, fill_known_parts
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.boundary_uses import mentioned_policies, mentions_in
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references

_AWS_MANAGED = ":iam::aws:policy/"
_BOUNDARY = "permissions_boundary"
_POLICY_NAMES = ("name", "name_prefix", "managed_policy_name", "path")
_CALLER = "data.aws_caller_identity."
_BOUNDARY_BLOCKS = ("managed_policy_arn", "customer_managed_policy_reference")
_LOOP_VARIABLE = lazy_regex(r"\b(?:each|count|self)\.|…")

_Name = tuple[Part, ...]  # equal names have equal unresolved parts
_NamedEntity = tuple[str, str]  # module address, entity address


class TerraformAttachments:
    """Attachments of a configuration: created with the names of all IAM entities, filled by :meth:`add_resource`.

    ``by_name``: entities by kind and name. ``arns``: managed policies by the expression of their unresolved ARN.
    """

    def __init__(self, root: Module) -> None:
        self.root = root
        self.index = AttachmentIndex()
        self.by_name: dict[tuple[str, _Name], list[_NamedEntity]] = {}
        self.arns: dict[str, str] = {}
        # organization policies by name, as their ids are unknown before deployment
        self._scps_by_name: dict[str, list[str]] = {}
        for module, block in root.resources():
            if block.labels[0] in ENTITIES or block.labels[0] in ORGANIZATION_POLICIES:
                for resource, scope, _ in module.definitions(block):
                    self._add_name(module, block, resource, scope)

    def _add_name(self, module: Module, block: Block, resource: ResourceDefinition, scope: EvaluationScope) -> None:
        type_, address = resource.type, resource.address
        if type_ in ORGANIZATION_POLICIES:
            written = references.value_of(block, "name", scope)
            if isinstance(written, StringNode):
                self._scps_by_name.setdefault(str(written), []).append(address)
            return
        if type_ in MANAGED_POLICIES:
            self.arns |= {f"{address}.{word}": address for word in ("id", MANAGED_POLICIES[type_])}
            if self._is_boundary_by_name(block, scope):
                self.index.named_boundaries.add(address)
        name = references.entity_name(block, scope)
        own = _comparable(expand(name.parts)) if name is not None else None
        if own is not None:
            self.by_name.setdefault((ENTITIES[type_].kind, own), []).append((module.address, address))

    @staticmethod
    def _is_boundary_by_name(block: Block, scope: EvaluationScope) -> bool:
        """True if the label, the name or the description of a managed policy says that it is a permissions boundary."""
        values = {name: str(references.value_of(block, name, scope) or "") for name in (*_POLICY_NAMES, "description")}
        document = block.body.get("policy")
        names = document_names(document.source_bytes.decode("utf-8", "replace")) if document is not None else []
        names += [block.labels[1], *map(values.__getitem__, _POLICY_NAMES)]
        kind = presumed_kind(names, [values["description"]])
        return kind is PolicyKind.BOUNDARY

    def _other_uses(self) -> Iterator[str]:
        """Yield the managed policies that the files mention, or pass to a missing module, other than as a boundary."""
        addresses, names = mentions_in(self.root)
        yield from addresses
        for name in names:
            yield from (address for _, address in self.by_name.get(("policy", (name,)), ()))
        for module in self.root.walk():
            for block in module.folder.modules.values():
                for _, scope, _ in module.definitions(block) if module.children(block) is None else ():
                    for attribute in block.body.attributes:
                        if attribute.name not in ("source", "version"):
                            for _, value in flatten_variants(references.value_of(block, attribute.name, scope)):
                                yield from self.resolve_policies(value, module.address)

    def attached_grants(self, block: Block, scope: EvaluationScope, only_unknown: bool) -> tuple[str, ...]:
        """Return the ARNs of managed policies that a block attaches, are not in this configuration, and may allow
        PassRole; with ``only_unknown``, only those that are not wholly known."""
        type_ = block.labels[0]
        name = ATTACHMENTS[type_][0] if type_ in ATTACHMENTS else OWN_ATTACHMENTS.get(type_)
        argument = block.body.get(name) if name is not None else None
        if argument is None or any(f"{type_}.".encode() in argument.source_bytes for type_ in MANAGED_POLICIES):
            return ()  # of a policy of this configuration, which is checked itself
        values = flatten_variants(references.value_of(block, argument.name, scope))
        return tuple(
            arn
            for _, value in values
            if isinstance(value, StringNode)
            and not (only_unknown and value.literal is not None)
            and not self.resolve_policies(value, scope.module.address)
            and managed_policy_may_grant(arn := str(fill_known_parts(value)))
        )

    def finish(self, policies: Iterable[AttachedPolicy]) -> list[AttachedPolicy]:
        """Return all policies of the configuration with their principals."""
        policies = list(policies)
        if self.arns:
            self.index.add_demanded_boundaries(policies, lambda arn: self.resolve_policies(arn, ""))
            for module in self.root.walk():
                for name, block in module.folder.outputs.items():
                    if presumed_kind([name]) is PolicyKind.BOUNDARY:
                        self.index.named_boundaries.update(map(module.full_address, mentioned_policies(block)))
        if (self.index.boundary_uses or self.index.named_boundaries) and not self.index.has_unresolved_policy:
            self.index.other_uses.update(self._other_uses())
        return [self.index.join(policy) for policy in policies]

    def scp_addresses(self, policy: Node) -> list[str]:
        """Return the organization policies that an id may refer to."""
        if isinstance(policy, Reference) and policy.type in ORGANIZATION_POLICIES:
            return [policy.address]
        named = str(policy) if isinstance(policy, StringNode) else ""
        return self._scps_by_name.get(named, [named])

    def principals_in(self, block: Block, attributes: Mapping[str, str], scope: EvaluationScope) -> tuple[str, ...]:
        """Return the addresses, else names, of users, groups, roles and permission sets in attributes.

        ``attributes`` maps each attribute to the kind of entity that it names.
        """
        principals: dict[str, None] = {}
        for attribute, kind in attributes.items():
            for _, value in flatten_variants(references.value_of(block, attribute, scope)):
                if isinstance(value, StringNode):
                    principals[self.resolve_principal(value, kind, scope.module.address)] = None
        return tuple(principals)

    def resolve_policies(self, value: Node, module: str, *, by_name: bool = False) -> list[str]:
        """Return the addresses of this configuration's managed policies that a value in a module names."""
        if isinstance(value, Reference) and value.type in MANAGED_POLICIES:
            own = ("", "id", MANAGED_POLICIES[value.type], *((ENTITIES[value.type].name,) if by_name else ()))
            return [value.address] if value.attribute in own else []
        if not isinstance(value, StringNode) or _AWS_MANAGED in str(fill_known_parts(value)):
            return []
        only = value.only_unresolved
        if only is not None and only.expression in self.arns:
            return [self.arns[only.expression]]
        return self._addresses_of("policy", policy_name(value, by_name), module)

    def _addresses_of(self, kind: str, name: _Name | None, module: str) -> list[str]:
        """Return the entities with a name: those of the same module, else those of all modules."""
        entities = self.by_name.get((kind, name), []) if name is not None else []
        return [address for own_module, address in entities if own_module == module] or [
            address for _, address in entities
        ]

    def resolve_principal(self, value: StringNode, kind: str, module: str) -> str:
        """Return the address of the principal of a kind that a value in a module names, else its literal name."""
        if isinstance(value, Reference):
            entity = ENTITIES.get(value.type)  # a group may reuse the name of a user
            return value.address if entity is None or entity.kind == kind else literal_principal(kind, value.address)
        only = value.only_unresolved
        if only is not None and only.role is not None:
            return only.role
        addresses = self._addresses_of(kind, _comparable(expand(value.parts)), module)
        return addresses[0] if len(addresses) == 1 else literal_principal(kind, str(fill_known_parts(value)))


def policy_name(value: StringNode, whole: bool = False) -> _Name | None:
    """Return the name in a policy's ARN. A string without a slash is a name if it is literal or ``whole`` is true."""
    parts = expand(value.parts)
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        if isinstance(part, str) and "/" in part:
            return _comparable(join((part.rsplit("/", 1)[1], *parts[index + 1 :])))
    return _comparable(parts) if whole or all(isinstance(part, str) for part in parts) else None


def _comparable(parts: _Name) -> _Name | None:
    """Return the name; None if it is empty, or contains a loop variable whose value depends on the block."""
    unresolved = [part for part in parts if isinstance(part, Unresolved)]
    return None if parts == ("",) or any(_LOOP_VARIABLE.search(part.expression) for part in unresolved) else parts
