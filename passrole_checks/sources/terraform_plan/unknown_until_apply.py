"""What a plan does not tell until apply: the names that are left of it, and the role that a name stands for.

Source: Terraform documentation, "JSON Output Format" ("Change Representation": ``after_unknown``; "Expression
Representation").
"""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.iam.partial_values import Part, Unresolved, UnresolvedKind, join
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, TRUST_POLICIES
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, as_text
from passrole_checks.sources.terraform_plan.references import PlanReference, PlanReferences, without_index

AFTER_APPLY = "known after apply"


class UnknownValues:
    """What is known of the values that one plan leaves open."""

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references

    def element(self, found: Sequence[PlanReference], otherwise: str) -> Unresolved:
        """One text that is not known until apply. A role's ARN says which role it is, and what is known of its name."""
        named = without_index(found)
        if len(named) == 1 and (named_role := self._role_of(named[0], len(found) > 1)) is not None:
            expression, role = named_role
            return Unresolved(expression, role=role.address, known=self.arn_of(role), reason=AFTER_APPLY)
        return unknown_part(found, otherwise)

    def elements(self, found: Sequence[PlanReference], otherwise: str) -> list[Unresolved]:
        """The elements of a list that are not known until apply, one for each name that it is written with."""
        if any(reference.one_of for reference in found):
            return []
        indexes = [reference for reference in found if reference not in without_index(found)]
        return [self.element([reference, *indexes], otherwise) for reference in without_index(found)]

    def _role_of(self, reference: PlanReference, with_key: bool) -> tuple[str, PlannedResource] | None:
        """The role whose ARN a name is, and the name in full.

        ``with_key``: ``each.key`` or ``count.index`` is mentioned beside it; of ``x.y[each.key].arn`` a plan tells
        only ``x.y`` and ``each.key``.
        """
        address = reference.resource
        if address is None or reference.one_of:
            return None
        role, expression = self.plan.resources.get(address), reference.text
        if with_key:
            if reference.attribute is not None or reference.indexed or not reference.index:
                return None
            role = self.plan.resources.get(f"{address}{reference.index}")
            expression = f"{reference.text}{reference.index}.arn"
        elif reference.attribute != "arn":
            return None
        return (expression, role) if role is not None and role.type in TRUST_POLICIES else None

    def arn_of(self, role: PlannedResource) -> tuple[Part, ...]:
        """What is known of the ARN of a role that is about to be created."""
        arn = as_text(role.values.get("arn"))
        if arn:
            return (arn,)
        name, prefix = as_text(role.values.get(ENTITIES[role.type].name)), as_text(role.values.get("name_prefix")) or ""
        path = as_text(role.values.get("path")) or "/"
        given: tuple[Part, ...] = (name,) if name else (prefix, Unresolved(f"{role.address}.name", UnresolvedKind.NAME))
        account: Part = Unresolved("the account id", UnresolvedKind.ACCOUNT_ID)
        if len(self.plan.accounts) == 1:
            account = next(iter(self.plan.accounts))
        return join(
            ["arn:", Unresolved("the partition", UnresolvedKind.PARTITION), ":iam::", account, f":role{path}", *given]
        )


def unknown_part(found: Sequence[PlanReference], otherwise: str) -> Unresolved:
    """A document or a part of one that is not known until apply: the names that it is made from, and no more."""
    return Unresolved(", ".join(reference.text for reference in found) or otherwise, reason=AFTER_APPLY)
