"""Attachments in the templates of nested stacks and stack sets, as attachments of the template around them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from passrole_checks.iam.values.nodes import Absent, Node, Position, StringNode, Unresolved, exists_under
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import flatten_variants, value_variants
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.documents import TemplateDocuments
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.collect.attachments import AttachmentIndex, resolve_boundary
from passrole_checks.sources.model.configuration import UNKNOWN_BOUNDARY, ResourceDefinition

_NOWHERE = Position("", 0)


class NestedAttachments:
    """Adds attachments to those of a template."""

    def __init__(self, documents: TemplateDocuments, attachments: TemplateAttachments) -> None:
        self.documents, self.attachments, self.index = documents, attachments, attachments.index

    def add_nested(self, inner: AttachmentIndex, stack: str, principal: Callable[[str], str]) -> None:
        """Add the attachments of a nested stack. ``principal`` returns the name of a principal in this template."""
        self.index.add_uses(inner, lambda name: parent_name(name, stack))
        for attachment in inner.managed_policies:
            resource = replace(attachment.resource, address=parent_name(attachment.resource.address, stack))
            for when, policy in flatten_variants(self._in_parent(attachment.policy, attachment.when, stack)):
                if not isinstance(policy, StringNode):
                    continue
                holder, logical_ids = principal(attachment.holder), self.attachments.find_policies(policy)
                self.index.attach(logical_ids, [holder], when)
                if not logical_ids:
                    nested = replace(attachment, holder=holder, policy=policy, resource=resource, when=when)
                    self.index.managed_policies.append(nested)
        for (group, user), at in inner.members.items():
            self.index.add_members([principal(group)], [principal(user)], at)
        for holder, variants in inner.boundaries.items():
            own = {parent_name(boundary, stack) for _, boundary in variants if isinstance(boundary, str)}
            values = [value for when, bound in variants for value in self._boundary_in_parent(when, bound, stack)]
            find_policies = partial(self._find_boundary, own)
            self.index.add_boundary(principal(holder), resolve_boundary(values, find_policies))

    def _find_boundary(self, own: Collection[str], value: StringNode) -> list[str]:
        """Return the policies that a boundary of a nested stack refers to. ``own``: addresses in the nested stack."""
        unresolved = value.only_unresolved
        if unresolved is not None and unresolved.expression in own:
            return [unresolved.expression]
        return self.attachments.find_policies(value)

    def _boundary_in_parent(
        self, facts: PathCondition, bound: str | StringNode | None, stack: str
    ) -> list[tuple[PathCondition, Node]]:
        """Return the variants of a nested stack's boundary with path conditions, as seen by this template."""
        value: Node = Absent(_NOWHERE)
        if bound is not None:
            value = bound if isinstance(bound, StringNode) else StringNode((Unresolved(bound),), _NOWHERE)
        return value_variants(self._in_parent(value, facts, stack)) if facts else [((), to_parent(value, stack))]

    def _in_parent(self, value: Node, when: PathCondition, stack: str) -> Node:
        """Return a value that a nested stack has under a path condition, as seen by this template."""
        return self.documents.evaluator.guarded(to_parent(exists_under(when, value), stack))

    def add_stack_set(self, inner: AttachmentIndex, resource: ResourceDefinition) -> None:
        """Add the attachments of principals in a stack set's template, with addresses below the stack set."""
        for attachment in inner.managed_policies:
            path = f"TemplateBody/Resources/{attachment.resource.address}/Properties/{attachment.path}"
            holder = f"{resource.address}.{attachment.holder}"
            self.index.managed_policies.append(replace(attachment, holder=holder, resource=resource, path=path))
        for holder in inner.boundaries:
            self.index.add_boundary(f"{resource.address}.{holder}", [((), UNKNOWN_BOUNDARY)])
