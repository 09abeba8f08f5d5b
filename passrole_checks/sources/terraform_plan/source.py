"""From a plan to the policies and roles in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict

from passrole_checks.iam.partial_values import Node, Position, StringNode, Unresolved, UnresolvedKind, text
from passrole_checks.iam.roles.arn import Deployment
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.attachments_elsewhere import AttachmentsElsewhere
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    Inputs,
    ManagedAttachment,
    PolicyKind,
    ReceivedRole,
    ResourceDefinition,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.model.embedded_template import ONE_ACCOUNT, TYPES, StackContent, merge_stack_attachments
from passrole_checks.sources.model.principal_names import display_principal_names
from passrole_checks.sources.model.terraform_policy_attributes import (
    ENTITIES,
    FLAGGABLE,
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    OPTIONAL_IDENTITY_POLICIES,
    ORGANIZATION_POLICIES,
    RESOURCE_POLICIES,
    STATEMENT_POLICIES,
    TRUST_POLICIES,
    USERS,
    not_read_reason,
)
from passrole_checks.sources.terraform_plan.attachments_elsewhere import holdings_of
from passrole_checks.sources.terraform_plan.consumed_roles import PlanRoleConsumers
from passrole_checks.sources.terraform_plan.documents import PlanDocuments
from passrole_checks.sources.terraform_plan.plan_file import (
    PlanFile,
    PlannedResource,
    as_list,
    as_object,
    as_text,
    read_plan,
)
from passrole_checks.sources.terraform_plan.principals import PlanAttachments
from passrole_checks.sources.terraform_plan.references import PlanReferences
from passrole_checks.sources.terraform_plan.source_configuration import PlanSource
from passrole_checks.sources.terraform_plan.state_file import is_stored_state, read_state
from passrole_checks.sources.terraform_plan.unknown_until_apply import missing_part
from passrole_checks.sources.terraform_plan.values_before import (
    attachments_before,
    before_of,
    boundaries_before,
    home_of,
    members_before,
    policies_before,
)


def load(path: Path, content: str, *, unchanged: bool = False, inputs: Inputs | None = None) -> Configuration:
    """The policies that a plan creates or changes, and with ``unchanged`` those that it leaves alone as well.

    ``content`` is the text of ``terraform show -json`` for a plan or a state; a state, which changes nothing, is taken
    as a whole. What a plan deletes is left out. A policy that is known only after apply is built from the plan's other
    parts or becomes a hole. Names in a plan do not tell ``x.arn`` from ``"${x.arn}"`` with more text around it: an
    element that mentions one role's ARN and nothing else is taken as that role. ``inputs.source`` is the folder of the
    Terraform configuration that the plan was made from, which completes what the plan leaves open.

    Raises :class:`~passrole_checks.errors.InputError` for a text that is no JSON object or of an unknown format
    version; parts of an unexpected type are left out and listed as unreadable.
    """
    plan = read_state(path, content) if is_stored_state(content) else read_plan(path, content)
    source = PlanSource(plan, inputs.source, inputs) if inputs is not None and inputs.source is not None else None
    return _Loader(plan, source).configuration(unchanged=unchanged)


class _Change(TypedDict, total=False):
    before: tuple[AttachedPolicy, ...]
    unchanged: tuple[AttachedPolicy, ...]
    home: Deployment
    members_before: tuple[tuple[str, str], ...]
    boundaries_before: tuple[tuple[str, AttachedPolicy], ...]
    boundary_names_before: tuple[tuple[str, StringNode], ...]
    attachments_before: tuple[ManagedAttachment, ...]


class _Loader:
    def __init__(self, plan: PlanFile, source: PlanSource | None = None) -> None:
        self.plan, self.source = plan, source
        self.references = PlanReferences(plan.configuration)
        self.documents = PlanDocuments(plan, self.references)
        self.attachments = PlanAttachments(plan, self.references)
        self.received = PlanRoleConsumers(plan, self.references, source)

    def configuration(self, *, unchanged: bool) -> Configuration:
        judged = [
            resource
            for resource in self.plan.resources.values()
            if unchanged or resource.changed or resource.address in self.attachments.newly_attached
        ]
        policies = [policy for resource in judged for policy in self.policies(resource)]
        addresses = {resource.address for resource in judged}
        stacks = [
            self.stack(one, one.address in addresses) for one in self.plan.resources.values() if one.type in TYPES
        ]
        roles = [self.role(role) for role in self.plan.resources.values() if role.type in TRUST_POLICIES]
        roles += [role for stack in stacks for role in stack.roles]
        as_read = Configuration(
            Framework.TERRAFORM_PLAN,
            (self.plan.file, *(self.source.files if self.source is not None else ())),
            tuple(map(_definition, judged)),
            tuple(policies),
            tuple(roles),
            suppressions=self.source.suppressions({one.address for one in judged}) if self.source is not None else (),
            excluded=self.source.excluded if self.source is not None else (),
            unreadable=(*self.plan.unreadable, *(self.source.unreadable if self.source is not None else ())),
            account=self.account(),
            not_evaluated=(
                *self.plan.not_evaluated,
                *self.stacks(judged),
                *(self.source.not_evaluated if self.source is not None and self.source.missed else ()),
            ),
            received=(*self.roles_received(addresses), *(role for stack in stacks for role in stack.received)),
            instance_profiles=(
                *filter(None, map(self.received.profile, self.plan.resources.values())),
                *(profile for stack in stacks for profile in stack.profiles),
            ),
            stack_roles=tuple(role for stack in stacks for role in stack.named),
            users=tuple(
                (one.address, text(name, one.at))
                for one in self.plan.resources.values()
                if one.type in USERS and (name := as_text(one.values.get(ENTITIES[one.type].name)))
            )
            + tuple(user for stack in stacks for user in stack.users),
            **self.change(judged),
            **self.held(judged),
        )
        return display_principal_names(as_read)

    def held(self, judged: list[PlannedResource]) -> AttachmentsElsewhere:
        """What principals hold beside the policies of the plan."""
        addresses = dict.fromkeys(resource.address for resource in judged)
        found = holdings_of(self.plan, self.attachments, self.received, _definition, addresses)
        limits = (one for one in self.plan.resources.values() if one.type in ORGANIZATION_POLICIES)
        held = found.build([policy for one in limits for policy in self.policies(one)])
        held["boundaries"] = tuple(self.boundaries())
        stacks = (self.stack(one, True) for one in judged if one.type in TYPES)
        return merge_stack_attachments(stacks, held)

    def roles_received(self, judged: set[str]) -> Iterator[ReceivedRole]:
        for resource in self.plan.resources.values():
            yield from self.received.roles(resource, _definition(resource), resource.address in judged)

    def change(self, judged: list[PlannedResource]) -> _Change:
        """What stood before the plan, and what it leaves alone."""
        before = before_of(self.plan)
        if before is None:
            return {}
        addresses = {resource.address for resource in judged}
        rest = [
            resource
            for resource in self.plan.resources.values()
            if resource.address not in addresses and resource.type in FLAGGABLE
        ]
        stood = _Loader(before)
        held = holdings_of(before, stood.attachments, stood.received, _definition, {})
        policies = (policy for resource in before.resources.values() for policy in stood.policies(resource))
        return {
            "before": policies_before(before, self.plan, policies),
            "unchanged": tuple(policy for resource in rest for policy in self.policies(resource)),
            "home": home_of(before),
            "members_before": members_before(before, self.plan, stood.members()),
            "boundaries_before": boundaries_before(before, self.plan, stood.boundaries()),
            "boundary_names_before": boundaries_before(before, self.plan, held.boundary_names.items()),
            "attachments_before": attachments_before(before, self.plan, held.attachments),
        }

    def boundaries(self) -> Iterator[tuple[str, AttachedPolicy]]:
        for principal, address in self.attachments.boundaries():
            yield from ((principal, policy) for policy in self.policies(self.plan.resources[address]))

    def members(self) -> Iterator[tuple[str, str]]:
        """Groups and the users in them, those in the templates of stacks too."""
        yield from self.attachments.members()
        for one in self.plan.resources.values():
            yield from self.stack(one, False).members if one.type in TYPES else ()

    def stack(self, resource: PlannedResource, judged: bool) -> StackContent:
        """What the template of a stack holds. Its principals may be known by their names, since a plan has the text of
        the template with all references filled in; those of a stack set are in other accounts."""
        found = self.received.stack(resource, _definition(resource), judged)
        return (
            found.with_principals(lambda who: self.attachments.called(resource, who))
            if resource.type == ONE_ACCOUNT
            else found
        )

    def stacks(self, resources: Iterable[PlannedResource]) -> Iterator[Unreadable]:
        """The CloudFormation stacks of a plan and the like, whose own templates are not read here, and what of those
        that are read is not evaluated."""
        for resource in resources:
            if resource.type in TYPES:
                content = self.stack(resource, True)
                yield from content.not_evaluated
                reason = None if content.is_read else content.unread
            else:
                reason = not_read_reason(resource.type, as_text(resource.values.get("type_name")))
            if reason is not None:
                yield Unreadable(self.plan.file, f"{resource.address}: {reason}", resource.at.line)

    def policies(self, resource: PlannedResource) -> Iterator[AttachedPolicy]:
        definition, type_ = _definition(resource), resource.type
        if type_ in TYPES:
            yield from self.stack(resource, True).policies
        if type_ in IDENTITY_POLICIES:
            attribute = IDENTITY_POLICIES[type_]
            document = self.document(resource, attribute, required=type_ not in OPTIONAL_IDENTITY_POLICIES)
            if document is not None:
                kind, principals = self.attachments.kind_of(resource), self.attachments.principals_of(resource)
                yield AttachedPolicy(definition, attribute, document, kind, principals)
        if type_ in TRUST_POLICIES:
            trust = self.document(resource, TRUST_POLICIES[type_], required=True)
            if trust is not None:
                yield AttachedPolicy(definition, TRUST_POLICIES[type_], trust, PolicyKind.TRUST, (resource.address,))
        if type_ in NESTED_POLICIES:
            attribute, key = NESTED_POLICIES[type_]
            for number, inline in self.inline_policies(resource, attribute, key):
                path = f"{attribute}/{number}/{key}"
                yield AttachedPolicy(definition, path, inline, principals=(resource.address,))
        if type_ in ORGANIZATION_POLICIES and (as_text(resource.values.get("type")) or "") in ("", *STATEMENT_POLICIES):
            document = self.document(resource, ORGANIZATION_POLICIES[type_], required=True)
            if document is not None:
                yield AttachedPolicy(definition, ORGANIZATION_POLICIES[type_], document, PolicyKind.SCP)
        if type_ in RESOURCE_POLICIES:
            attribute = RESOURCE_POLICIES[type_]
            # most of these attributes are optional, and computed where they are left out
            if self.is_configured(resource, attribute) or as_text(resource.values.get(attribute)):
                document = self.document(resource, attribute, required=False)
                if document is not None:
                    yield AttachedPolicy(definition, attribute, document, PolicyKind.RESOURCE)

    def document(self, resource: PlannedResource, attribute: str, *, required: bool) -> Node | None:
        value = resource.values.get(attribute)
        if isinstance(value, str) and (value.strip() or required):
            return self.plan.text_of(resource, value, attribute)
        if resource.is_unknown(attribute) or (value is None and required):
            written = self.expression(resource, attribute)
            at = self.plan.position_of_unknown(resource, attribute)
            return self.unknown_document(resource, written, attribute, at)
        if value is not None and not isinstance(value, str):
            self.plan.complain(f"{resource.address}: {attribute} is no text", resource.start, resource.address)
            return self.unknown_document(resource, None, attribute, resource.at)
        return None

    def inline_policies(self, role: PlannedResource, attribute: str, key: str) -> Iterator[tuple[int, Node]]:
        """The inline policies of a role, user or group. One without any has "known after apply" in the plan as well."""
        written = self.expression(role, attribute)
        blocks, value = as_list(written), role.values.get(attribute)
        if role.is_unknown(attribute):
            if isinstance(written, dict):  # an attribute, of which a plan tells only the names
                yield 0, self.unknown_document(role, written, attribute, role.at)
            elif not blocks and self.source is not None:
                yield from enumerate(self.source.made_by_dynamic(role, attribute))
            for number, block in enumerate(blocks):
                expression = as_object(block).get(key)
                constant = as_text(as_object(expression).get("constant_value"))
                yield (
                    number,
                    text(constant, role.at)
                    if constant is not None
                    else self.unknown_document(role, expression, f"{attribute}/{number}/{key}", role.at),
                )
            return
        if value is not None and not isinstance(value, list):
            self.plan.complain(f"{role.address}: {attribute} is no list", role.start, role.address)
        missing = as_list(as_object(role.unknown).get(attribute))
        values = as_list(value)
        for number, item in enumerate(values):
            block = as_object(item)
            policy = block.get(key)
            at = self.plan.position_of(role, attribute, number)
            hidden = missing[number] if number < len(missing) else False
            if isinstance(policy, str) and policy.strip():
                yield number, self.plan.text_of(role, policy, attribute, number, key)
            elif hidden is True or as_object(hidden).get(key) is True:
                # the blocks are a set: only a single one is sure to be the one that is written
                expression = as_object(blocks[0]).get(key) if len(blocks) == len(values) == 1 else written
                yield number, self.unknown_document(role, expression, f"{attribute}/{number}/{key}", at)
            elif policy is not None and not isinstance(policy, str):
                reason = f"{role.address}: {attribute}[{number}].{key} is no text"
                self.plan.complain(reason, role.start, role.address)

    def unknown_document(self, resource: PlannedResource, expression: Json, path: str, at: Position) -> Node:
        """The document at a path from a resource's attributes that a plan does not spell out."""
        owner = self.references.owner(resource.module, f"{resource.type}.{resource.name}", resource.index)
        found = self.references.follow(resource.module, expression, owner)
        attribute, *rest = path.split("/")
        label = f"{resource.address}.{attribute}" + (f"[{rest[0]}].{rest[1]}" if rest else "")
        document = self.documents.unknown(at, found, label)
        return document if self.source is None else self.source.completed(resource, path, document, found)

    def expression(self, resource: PlannedResource, attribute: str) -> Json:
        written = self.references.expressions(resource.module, f"{resource.type}.{resource.name}")
        return written.get(attribute) if written is not None else None

    def is_configured(self, resource: PlannedResource, attribute: str) -> bool:
        return self.expression(resource, attribute) is not None

    def role(self, role: PlannedResource) -> RoleDefinition:
        name, path = as_text(role.values.get(ENTITIES[role.type].name)), as_text(role.values.get("path"))
        prefix = as_text(role.values.get("name_prefix"))
        generated = StringNode((prefix, Unresolved("generated", UnresolvedKind.NAME)), role.at) if prefix else None
        return RoleDefinition(
            _definition(role),
            text(name, role.at) if name else generated,
            self.path_of(role, path),
            self.document(role, TRUST_POLICIES[role.type], required=True),
        )

    def path_of(self, role: PlannedResource, path: str | None) -> StringNode | None:
        if path is not None:
            return text(path, role.at)
        if role.is_unknown("path"):
            found = self.references.follow(role.module, self.expression(role, "path"))
            return StringNode((missing_part(found, f"{role.address}.path"),), role.at)
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
