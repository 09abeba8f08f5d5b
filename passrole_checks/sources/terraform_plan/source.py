"""From a plan to the policies and roles in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from passrole_checks.iam.values import Node, Position, Text, text
from passrole_checks.sources.json_text import Json
from passrole_checks.sources.policy_attributes import IDENTITY_POLICIES, RESOURCE_POLICIES
from passrole_checks.sources.resource import (
    AttachedPolicy,
    Configuration,
    Framework,
    Inputs,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.terraform_plan.documents import Documents, missing_part
from passrole_checks.sources.terraform_plan.plan_file import (
    PlanFile,
    PlannedResource,
    as_list,
    as_object,
    as_text,
    read_plan,
)
from passrole_checks.sources.terraform_plan.principals import Attachments
from passrole_checks.sources.terraform_plan.references import References

_STACKS = frozenset({"aws_cloudformation_stack", "aws_cloudformation_stack_set"})


def load(path: Path, content: str, *, unchanged: bool = False, inputs: Inputs | None = None) -> Configuration:
    """The policies that a plan creates or changes, and with ``unchanged`` those that it leaves alone as well.

    ``content`` is the text of ``terraform show -json`` for a plan or a state; a state, which changes nothing, is taken
    as a whole. What a plan deletes is left out. A policy that is known only after apply is built from the plan's other
    parts or becomes a hole. Names in a plan do not tell ``x.arn`` from ``"${x.arn}"`` with more text around it: an
    element that mentions one role's ARN and nothing else is taken as that role.

    Raises :class:`~passrole_checks.errors.InputError` for a text that is no JSON object or of an unknown format
    version; parts of an unexpected type are left out and listed as unreadable.
    """
    plan = read_plan(path, content)
    return _Loader(plan).configuration(unchanged=unchanged)


class _Loader:
    def __init__(self, plan: PlanFile) -> None:
        self.plan = plan
        self.references = References(plan.configuration)
        self.documents = Documents(plan, self.references)
        self.attachments = Attachments(plan, self.references)

    def configuration(self, *, unchanged: bool) -> Configuration:
        judged = [
            resource
            for resource in self.plan.resources.values()
            if unchanged or resource.changed or resource.address in self.attachments.newly_attached
        ]
        policies = [policy for resource in judged for policy in self.policies(resource)]
        roles = [self.role(role) for role in self.plan.resources.values() if role.type == "aws_iam_role"]
        return Configuration(
            Framework.TERRAFORM_PLAN,
            (self.plan.file,),
            tuple(map(_definition, judged)),
            tuple(policies),
            tuple(roles),
            unreadable=tuple(self.plan.unreadable),
            account=self.account(),
            not_evaluated=(*self.plan.not_evaluated, *self.stacks(judged)),
        )

    def stacks(self, resources: Iterable[PlannedResource]) -> Iterator[Unreadable]:
        """The CloudFormation stacks of a plan, whose templates are not read here."""
        for resource in resources:
            if resource.type in _STACKS:
                reason = f"{resource.address}: a CloudFormation stack, whose template is not read here"
                yield Unreadable(self.plan.file, reason, resource.at.line)

    def policies(self, resource: PlannedResource) -> Iterator[AttachedPolicy]:
        definition = _definition(resource)
        if resource.type in IDENTITY_POLICIES:
            attribute = IDENTITY_POLICIES[resource.type]
            document = self.document(resource, attribute, required=True)
            if document is not None:
                yield AttachedPolicy(
                    definition,
                    attribute,
                    document,
                    self.attachments.kind_of(resource),
                    self.attachments.principals_of(resource),
                )
        elif resource.type == "aws_iam_role":
            trust = self.document(resource, "assume_role_policy", required=True)
            if trust is not None:
                yield AttachedPolicy(definition, "assume_role_policy", trust, PolicyKind.TRUST, (resource.address,))
            for number, inline in self.inline_policies(resource):
                path = f"inline_policy/{number}/policy"
                yield AttachedPolicy(definition, path, inline, principals=(resource.address,))
        elif resource.type in RESOURCE_POLICIES:
            attribute = RESOURCE_POLICIES[resource.type]
            # most of these attributes are optional, and computed where they are left out
            if self.is_configured(resource, attribute) or as_text(resource.values.get(attribute)):
                document = self.document(resource, attribute, required=False)
                if document is not None:
                    yield AttachedPolicy(definition, attribute, document, PolicyKind.RESOURCE)

    def document(self, resource: PlannedResource, attribute: str, *, required: bool) -> Node | None:
        value = resource.values.get(attribute)
        if isinstance(value, str) and (value.strip() or required):
            return text(value, self.plan.position_of(resource, attribute))
        if resource.is_unknown(attribute) or (value is None and required):
            written = self.expression(resource, attribute)
            return self.unknown_document(resource, written, f"{resource.address}.{attribute}", resource.at)
        if value is not None and not isinstance(value, str):
            self.plan.complain(f"{resource.address}: {attribute} is no text", resource.start)
            return self.unknown_document(resource, None, f"{resource.address}.{attribute}", resource.at)
        return None

    def inline_policies(self, role: PlannedResource) -> Iterator[tuple[int, Node]]:
        """The ``inline_policy`` blocks of a role. A role without any has "known after apply" in the plan as well."""
        written = self.expression(role, "inline_policy")
        blocks, value = as_list(written), role.values.get("inline_policy")
        if role.is_unknown("inline_policy"):
            for number, block in enumerate(blocks):
                expression = as_object(block).get("policy")
                constant = as_text(as_object(expression).get("constant_value"))
                label = f"{role.address}.inline_policy[{number}].policy"
                yield (
                    number,
                    text(constant, role.at)
                    if constant is not None
                    else self.unknown_document(role, expression, label, role.at),
                )
            return
        if value is not None and not isinstance(value, list):
            self.plan.complain(f"{role.address}: inline_policy is no list", role.start)
        missing = as_list(as_object(role.unknown).get("inline_policy"))
        values = as_list(value)
        for number, item in enumerate(values):
            block = as_object(item)
            policy = block.get("policy")
            at = self.plan.position_of(role, "inline_policy", number)
            hidden = missing[number] if number < len(missing) else False
            if isinstance(policy, str) and policy.strip():
                yield number, text(policy, self.plan.position_of(role, "inline_policy", number, "policy"))
            elif hidden is True or as_object(hidden).get("policy") is True:
                # the blocks are a set: only a single one is sure to be the one that is written
                expression = as_object(blocks[0]).get("policy") if len(blocks) == len(values) == 1 else written
                label = f"{role.address}.inline_policy[{number}].policy"
                yield number, self.unknown_document(role, expression, label, at)
            elif policy is not None and not isinstance(policy, str):
                self.plan.complain(f"{role.address}: inline_policy[{number}].policy is no text", role.start)

    def unknown_document(self, resource: PlannedResource, expression: Json, label: str, at: Position) -> Node:
        found = self.references.follow(resource.module, expression)
        return self.documents.unknown(at, found, label, resource.index)

    def expression(self, resource: PlannedResource, attribute: str) -> Json:
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}")
        return written.get(attribute) if written is not None else None

    def is_configured(self, resource: PlannedResource, attribute: str) -> bool:
        return self.expression(resource, attribute) is not None

    def role(self, role: PlannedResource) -> RoleDefinition:
        name, path = as_text(role.values.get("name")), as_text(role.values.get("path"))
        return RoleDefinition(
            _definition(role),
            text(name, role.at) if name else None,
            self.path_of(role, path),
            self.document(role, "assume_role_policy", required=True),
        )

    def path_of(self, role: PlannedResource, path: str | None) -> Text | None:
        if path is not None:
            return text(path, role.at)
        if role.is_unknown("path"):
            found = self.references.follow(role.module, self.expression(role, "path"))
            return Text((missing_part(found, f"{role.address}.path"),), role.at)
        return None

    def account(self) -> str | None:
        """The account deployed to, where the plan states a single one."""
        if self.plan.accounts:
            return next(iter(self.plan.accounts)) if len(self.plan.accounts) == 1 else None
        # other providers, with an alias or of a module, may deploy to other accounts
        provider = as_object(as_object(self.plan.configuration.get("provider_config")).get("aws"))
        allowed = as_object(as_object(provider.get("expressions")).get("allowed_account_ids"))
        stated = set(_texts(allowed.get("constant_value"))) if "alias" not in provider else set()
        single = next(iter(stated)) if len(stated) == 1 else ""
        return single if re.fullmatch(r"\d{12}", single) else None


def _texts(value: Json) -> Iterable[str]:
    return (str(item) for item in as_list(value) if isinstance(item, (str, int)))


def _definition(resource: PlannedResource) -> ResourceDefinition:
    return ResourceDefinition(resource.address, resource.type, Framework.TERRAFORM_PLAN, resource.at)
