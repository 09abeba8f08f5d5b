"""Values of a plan that are known after apply: the references in their expressions, and the roles behind these.

Source: Terraform documentation, "JSON Output Format" ("Change Representation": ``after_unknown``; "Expression
Representation").
"""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.files.decoded_json import as_text
from passrole_checks.iam.partial_values import Part, Unresolved, UnresolvedKind, join
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES, TRUST_POLICIES
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource
from passrole_checks.sources.terraform_plan.references import PlanReference, PlanReferences, without_index

AFTER_APPLY = "known after apply"


class UnknownValues:
    """Converts unknown values of one plan to unresolved parts."""

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references

    def element(self, references: Sequence[PlanReference], label: str) -> Unresolved:
        """Return one unknown string; a reference to a role's ARN determines the role and the known parts of its ARN."""
        named = without_index(references)
        if len(named) == 1 and (named_role := self._role_of(named[0], len(references) > 1)) is not None:
            expression, role = named_role
            return Unresolved(expression, role=role.address, known=self.arn_of(role), reason=AFTER_APPLY)
        return unknown_part(references, label)

    def elements(self, references: Sequence[PlanReference], label: str) -> list[Unresolved]:
        """Return the unknown elements of a list, one for each reference in its expression."""
        if any(reference.one_of for reference in references):
            return []
        indexes = [reference for reference in references if reference not in without_index(references)]
        return [self.element([reference, *indexes], label) for reference in without_index(references)]

    def _role_of(self, reference: PlanReference, with_key: bool) -> tuple[str, PlannedResource] | None:
        """Return the full expression and the role if a reference is to a role's ARN, else None.

        ``with_key``: ``each.key`` or ``count.index`` is listed too; for ``x.y[each.key].arn`` a plan lists only ``x.y``
        and ``each.key``.
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
        """Return the known parts of the ARN of a role to be created."""
        arn = as_text(role.values.get("arn"))
        if arn:
            return (arn,)
        name, prefix = as_text(role.values.get(ENTITIES[role.type].name)), as_text(role.values.get("name_prefix")) or ""
        path = as_text(role.values.get("path")) or "/"
        name_parts: tuple[Part, ...] = (
            (name,) if name else (prefix, Unresolved(f"{role.address}.name", UnresolvedKind.NAME))
        )
        account: Part = Unresolved("the account id", UnresolvedKind.ACCOUNT_ID)
        if len(self.plan.accounts) == 1:
            account = next(iter(self.plan.accounts))
        return join(
            [
                "arn:",
                Unresolved("the partition", UnresolvedKind.PARTITION),
                ":iam::",
                account,
                f":role{path}",
                *name_parts,
            ]
        )


def unknown_part(references: Sequence[PlanReference], label: str) -> Unresolved:
    """Return the unresolved part for an unknown value, named after its references, else ``label``."""
    return Unresolved(", ".join(reference.text for reference in references) or label, reason=AFTER_APPLY)
