"""Who holds which policy, as far as a plan tells.

An attachment names its policy and its principals by ARN and by name; of what is about to be created the ARN is not
known, and the names that the configuration mentions say what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.sources.json_text import Json
from passrole_checks.sources.resource import PolicyKind
from passrole_checks.sources.terraform_plan.plan_file import PlanFile, PlannedResource, as_list, as_object, as_text
from passrole_checks.sources.terraform_plan.references import References, without_index

# attachment resources: the attribute of the policy's ARN, and those that name principals, with the type of those
_ATTACHMENTS = {
    "aws_iam_role_policy_attachment": ("policy_arn", {"role": "aws_iam_role"}),
    "aws_iam_user_policy_attachment": ("policy_arn", {"user": "aws_iam_user"}),
    "aws_iam_group_policy_attachment": ("policy_arn", {"group": "aws_iam_group"}),
    "aws_iam_policy_attachment": (
        "policy_arn",
        {"roles": "aws_iam_role", "users": "aws_iam_user", "groups": "aws_iam_group"},
    ),
    "aws_iam_role_policy_attachments_exclusive": ("policy_arns", {"role_name": "aws_iam_role"}),
    "aws_iam_user_policy_attachments_exclusive": ("policy_arns", {"user_name": "aws_iam_user"}),
    "aws_iam_group_policy_attachments_exclusive": ("policy_arns", {"group_name": "aws_iam_group"}),
}
_INLINE = {
    "aws_iam_role_policy": {"role": "aws_iam_role"},
    "aws_iam_user_policy": {"user": "aws_iam_user"},
    "aws_iam_group_policy": {"group": "aws_iam_group"},
}
_CUSTOMER_MANAGED = "aws_ssoadmin_customer_managed_policy_attachment"
_POLICY_NAME = re.compile(r"arn:[\w-]+:iam::\d{12}:policy(/(?:.*/)?)([^/]+)")
# what may name a policy without giving it to anybody: boundaries, documents, order
_NO_USE = frozenset(
    {"permissions_boundary", "policy", "inline_policy", "assume_role_policy", "depends_on", "name", "tags", "tags_all"}
)
_BOUNDED = ("aws_iam_role", "aws_iam_user")


class Attachments:
    """The attachments of one plan.

    ``newly_attached``: addresses of managed policies that the plan attaches, whether or not it changes them.
    """

    def __init__(self, plan: PlanFile, references: References) -> None:
        self.plan, self.references = plan, references
        self.newly_attached: set[str] = set()
        self._principals: dict[str, dict[str, None]] = {}
        self._boundaries: set[str] = set()
        self._by_name: dict[tuple[str, str], list[PlannedResource]] = {}
        self._policies: dict[str, str] = {}
        for resource in plan.resources.values():
            name, arn = as_text(resource.values.get("name")), as_text(resource.values.get("arn"))
            if name:
                self._by_name.setdefault((resource.type, name), []).append(resource)
            if arn and resource.type == "aws_iam_policy":
                self._policies[arn] = resource.address
        for resource in plan.resources.values():
            self._attach(resource)
        self._used: set[str] = set()
        if self._boundaries:
            for resource in plan.resources.values():
                # a policy's own arn and id name it, and attach it to nobody
                self._used.update(address for address in self._mentioned(resource) if address != resource.address)

    def principals_of(self, policy: PlannedResource) -> tuple[str, ...]:
        """Addresses, else names, of the users, groups and roles that hold a policy."""
        if policy.type in _INLINE:
            return tuple(dict.fromkeys(self._named(policy, _INLINE[policy.type])))
        if policy.type == "aws_ssoadmin_permission_set_inline_policy":
            return tuple(self._referred(policy, "permission_set_arn", "aws_ssoadmin_permission_set"))
        return tuple(self._principals.get(policy.address, ()))

    def kind_of(self, policy: PlannedResource) -> PolicyKind:
        """BOUNDARY for a managed policy that is used as a permissions boundary and named by nothing else."""
        used = policy.address in self._principals or policy.address in self._used
        return PolicyKind.BOUNDARY if policy.address in self._boundaries and not used else PolicyKind.IDENTITY

    def _mentioned(self, resource: PlannedResource) -> Iterator[str]:
        """Managed policies that a resource names, by reference or by ARN, as anything but a permissions boundary: an
        attachment may be of a kind that is not known here."""
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}") or {}
        for attribute in {*resource.values, *written} - _NO_USE:
            value = resource.values.get(attribute)
            for arn in value if isinstance(value, list) else [value]:
                yield from self._by_arn(arn)
            yield from self._referred(resource, attribute, "aws_iam_policy")

    def _attach(self, resource: PlannedResource) -> None:
        if resource.type in _ATTACHMENTS:
            attribute, named = _ATTACHMENTS[resource.type]
            for address in self._policies_in(resource, attribute):
                holders = self._principals.setdefault(address, {})
                holders.update(dict.fromkeys(self._named(resource, named)))
                if resource.changed:
                    self.newly_attached.add(address)
        if resource.type == "aws_iam_role":
            for address in self._policies_in(resource, "managed_policy_arns"):
                self._principals.setdefault(address, {})[resource.address] = None
                if resource.changed:
                    self.newly_attached.add(address)
        if resource.type == _CUSTOMER_MANAGED:
            for address in self._customer_managed(resource):
                holders = self._principals.setdefault(address, {})
                holders.update(
                    dict.fromkeys(self._referred(resource, "permission_set_arn", "aws_ssoadmin_permission_set"))
                )
                if resource.changed:
                    self.newly_attached.add(address)
        if resource.type in _BOUNDED:
            self._boundaries.update(self._policies_in(resource, "permissions_boundary"))

    def _policies_in(self, resource: PlannedResource, attribute: str) -> Iterator[str]:
        """Addresses of this plan's managed policies that an attribute (an ARN or a list of them) names."""
        value = resource.values.get(attribute)
        for arn in value if isinstance(value, list) else [value]:
            yield from self._by_arn(arn)
        if _holds_unknown(resource, attribute):
            yield from self._referred(resource, attribute, "aws_iam_policy")

    def _by_arn(self, arn: Json) -> Iterator[str]:
        """The managed policy of an ARN; one that is about to be created is known by its path and its name."""
        if not isinstance(arn, str):
            return
        if arn in self._policies:
            yield self._policies[arn]
        elif named := _POLICY_NAME.fullmatch(arn):
            for policy in self._by_name.get(("aws_iam_policy", named.group(2)), []):
                path = as_text(policy.values.get("path"))
                if as_text(policy.values.get("arn")) is None and path in (None, named.group(1)):
                    yield policy.address

    def _customer_managed(self, resource: PlannedResource) -> Iterator[str]:
        """The managed policies that a permission set refers to by name."""
        attribute = "customer_managed_policy_reference"
        for block in map(as_object, as_list(resource.values.get(attribute))):
            for policy in self._by_name.get(("aws_iam_policy", as_text(block.get("name")) or ""), []):
                yield policy.address
        yield from self._referred(resource, attribute, "aws_iam_policy")

    def _named(self, resource: PlannedResource, attributes: dict[str, str]) -> Iterator[str]:
        for attribute, kind in attributes.items():
            value = resource.values.get(attribute)
            for name in value if isinstance(value, list) else [value]:
                if isinstance(name, str) and name:
                    yield self._principal(resource, kind, name)
            if _holds_unknown(resource, attribute):
                found = list(self._referred(resource, attribute, kind))
                yield from found
                if not found:
                    written = self.references.follow(resource.module, self._expression(resource, attribute))
                    yield from (reference.text for reference in without_index(written))

    def _principal(self, resource: PlannedResource, kind: str, name: str) -> str:
        """The address of what bears a name; where several modules define the name, the one in the same module."""
        bearers = self._by_name.get((kind, name), [])
        nearest = [bearer for bearer in bearers if bearer.module == resource.module] or bearers
        return nearest[0].address if len(nearest) == 1 else name

    def _referred(self, resource: PlannedResource, attribute: str, kind: str) -> Iterator[str]:
        """Addresses of this plan's resources of a type that the expression of an attribute names."""
        for reference in self.references.follow(resource.module, self._expression(resource, attribute)):
            address = reference.resource
            if address is None:
                continue
            candidates = [f"{address}{resource.index}", address]
            instances = [other for other in self.plan.resources if other.startswith(f"{address}[")]
            if len(instances) == 1:
                candidates.append(instances[0])
            for candidate in candidates:
                found = self.plan.resources.get(candidate)
                if found is not None:
                    if found.type == kind:
                        yield candidate
                    break

    def _expression(self, resource: PlannedResource, attribute: str) -> Json:
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}")
        return as_object(written).get(attribute)


def _holds_unknown(resource: PlannedResource, attribute: str) -> bool:
    """Whether an attribute, or an element of it, is known only after apply (or the plan leaves it out)."""
    missing = as_object(resource.unknown).get(attribute)
    return (
        resource.is_unknown(attribute)
        or any(item is True for item in as_list(missing))
        or resource.values.get(attribute) is None
    )
