"""Load the policies and roles of a plan."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, UnresolvedKind, text
from passrole_checks.sources.collect.attachments import read_attachments, unknown_groups
from passrole_checks.sources.collect.consumers import find_received_roles
from passrole_checks.sources.collect.handed_out import (
    hands_nothing_out,
    infer_policy_kind,
    judged_by_name,
    without_attached,
)
from passrole_checks.sources.collect.policies import policies_of
from passrole_checks.sources.collect.terraform_tables import (
    ENTITIES,
    FLAGGABLE,
    IDENTITY_POLICIES,
    INSTANCE_PROFILES,
    KNOWN_TYPES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    TRUST_POLICIES,
    USERS,
    not_read_reason,
)
from passrole_checks.sources.model.configuration import (
    NO_ATTACHMENTS,
    AttachedPolicy,
    Attachments,
    Configuration,
    Framework,
    HandedTo,
    Inputs,
    InstanceProfile,
    Notes,
    ReceivedRole,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.model.embedded_template import ONE_ACCOUNT, TYPES, StackContent, stack_attributes
from passrole_checks.sources.model.iam_commands import note_on_commands
from passrole_checks.sources.model.policy_owners import PolicyOwner
from passrole_checks.sources.model.principal_names import display_principal_names
from passrole_checks.sources.terraform_plan.attachments import PlanAttachments
from passrole_checks.sources.terraform_plan.attribute_values import PlanValues
from passrole_checks.sources.terraform_plan.documents import PlanDocuments
from passrole_checks.sources.terraform_plan.exclusive_policies import policy_owners, without_removed_denials
from passrole_checks.sources.terraform_plan.handed_out import handed_out_by, handed_out_by_outputs, managed_policies_by
from passrole_checks.sources.terraform_plan.model import DOCUMENT, PlanFile, PlannedResource
from passrole_checks.sources.terraform_plan.plan_file import read_plan
from passrole_checks.sources.terraform_plan.references import PlanReferences, unknown_part
from passrole_checks.sources.terraform_plan.resource import PlanResource
from passrole_checks.sources.terraform_plan.source_configuration import PlanSource
from passrole_checks.sources.terraform_plan.source_lines import SourceLines
from passrole_checks.sources.terraform_plan.state_file import is_stored_state, read_state
from passrole_checks.sources.terraform_plan.values_before import (
    deployment_before,
    handed_out_before,
    managed_handed_out_before,
    plan_before,
    renamed_addresses,
    renamed_policies,
    whole_plan_before,
)


def load(path: Path, content: str, *, unchanged: bool = False, inputs: Inputs | None = None) -> Configuration:
    """Return the policies that a plan creates or changes, and with ``unchanged`` those that it does not change.

    ``content`` is the output of ``terraform show -json`` for a plan or a state; a state, which has no changes, is
    loaded completely. Deleted resources are omitted. A policy that is known after apply is built from other parts of
    the plan, or is unresolved. References in a plan do not distinguish ``x.arn`` from ``"${x.arn}"`` with text around
    it: an element that refers to one role's ARN only is assumed to be that role. ``inputs.source`` is the folder of the
    plan's Terraform configuration, which completes unknown values.

    Raises :class:`~passrole_checks.errors.InputError` if the text is not a JSON object or has an unknown format
    version; parts of an unexpected type are skipped and listed as unreadable.
    """
    plan = read_state(path, content) if is_stored_state(content) else read_plan(path, content)
    source = PlanSource(plan, inputs.source, inputs) if inputs is not None and inputs.source is not None else None
    return _Loader(plan, source).configuration(unchanged=unchanged)


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """The infrastructure before or after a plan: ``configuration``, which contains everything and no change.

    ``has_changes``: the file is a plan, not a state. With a source folder, positions are those of the source if it has
    them; then ``missing_in_source`` are addresses of resources that the source does not have, ``missing_in_plan`` the
    resources of the source that the plan does not know, ``differing`` the policies that have other values there.
    """

    configuration: Configuration
    has_changes: bool
    missing_in_source: tuple[str, ...] = ()
    missing_in_plan: tuple[tuple[str, Position], ...] = ()
    differing: tuple[tuple[str, Position], ...] = ()


def load_version(path: Path, content: str, *, before: bool, inputs: Inputs) -> PlanVersion:
    """Return the infrastructure ``before`` a plan, or after it. A state has only what is after.

    Raises the same as :func:`load`.
    """
    plan = read_state(path, content) if is_stored_state(content) else read_plan(path, content)
    has_changes = plan_before(plan) is not None
    plan = whole_plan_before(plan) if before else plan
    source = PlanSource(plan, inputs.source, inputs) if inputs.source is not None else None
    configuration = replace(
        _Loader(plan, source).configuration(unchanged=True),
        change=replace(
            _Loader(plan, source).configuration(unchanged=True).change,
            before=None,
            attached_before=NO_ATTACHMENTS,
            handed_out_before=frozenset(),
        ),
    )
    if source is None or source.configuration is None:
        return PlanVersion(configuration, has_changes)
    lines = SourceLines(plan, source)
    return PlanVersion(
        lines.locate(configuration),
        has_changes,
        tuple(lines.missing_in_source()),
        tuple(lines.missing_in_plan()),
        tuple(lines.differing.items()),
    )


class _Loader:
    def __init__(self, plan: PlanFile, source: PlanSource | None = None) -> None:
        self.plan, self.source = plan, source
        self.references = PlanReferences(plan)
        self.documents = PlanDocuments(plan, self.references)
        self.attachments = PlanAttachments(plan, self.references, PlanValues(plan, self.references))
        for planned in plan.resources.values():
            read_attachments(self.resource(planned), self.attachments.index)
        self.attachments.finish()
        self._stack_contents: dict[str, StackContent] = {}

    def resource(self, planned: PlannedResource) -> PlanResource:
        """Return a resource as the collection reads it."""
        return PlanResource(self.attachments, self.documents, self.source, planned)

    def policies(self, planned: PlannedResource) -> Iterator[AttachedPolicy]:
        """Yield the policies of a resource, and those in the template of a stack."""
        if planned.type in TYPES:
            yield from self.stack(planned, True).policies
        yield from map(self.attachments.index.join, policies_of(self.resource(planned)))

    def _users(self) -> Iterator[tuple[str, StringNode]]:
        for planned in self._of_types(USERS):
            if name := as_text(planned.values.get(ENTITIES[planned.type].name)):
                yield planned.address, text(name, planned.at)

    def _of_types(self, types: Container[str]) -> Iterator[PlannedResource]:
        return (planned for planned in self.plan.resources.values() if planned.type in types)

    def configuration(self, *, unchanged: bool) -> Configuration:
        checked = [
            resource
            for resource in self.plan.resources.values()
            if unchanged or resource.changed or resource.address in self.attachments.attached_by_plan
        ]
        written = (policy for resource in checked for policy in self.policies(resource))
        owners = tuple(policy_owners(self.plan, self.attachments))
        policies, removed = without_removed_denials(self.plan, owners, written)
        handed_out = [*self.handed_out(checked, unchanged=unchanged)]
        policies += handed_out
        addresses = {resource.address for resource in checked}
        positions = {resource.definition.at for resource in checked}
        stacks = [self.stack(planned, planned.address in addresses) for planned in self._of_types(TYPES)]
        roles = [self.role(role) for role in self._of_types(TRUST_POLICIES)]
        roles += [role for stack in stacks for role in stack.roles]
        as_read = Configuration(
            Framework.TERRAFORM_PLAN,
            (self.plan.file, *(self.source.files if self.source is not None else ())),
            tuple(planned.definition for planned in checked),
            tuple(policies),
            tuple(roles),
            account=self.account(),
            received=(*self.received(addresses), *(role for stack in stacks for role in stack.received)),
            instance_profiles=(
                *map(self.profile, self._of_types(INSTANCE_PROFILES)),
                *(profile for stack in stacks for profile in stack.profiles),
            ),
            stack_roles=tuple(role for stack in stacks for role in stack.named),
            users=(*self._users(), *(user for stack in stacks for user in stack.users)),
            attached=self.attached(
                addresses, (self.stack(planned, True) for planned in checked if planned.type in TYPES)
            ).with_others([Attachments(owners=owners)]),
            notes=Notes(
                suppressions=self.source.suppressions(addresses) if self.source is not None else (),
                excluded=self.source.excluded if self.source is not None else (),
                unreadable=(*self.plan.unreadable, *(self.source.unreadable if self.source is not None else ())),
                not_evaluated=(
                    *self.plan.not_evaluated,
                    *removed,
                    *self.unread_stacks(checked),
                    *note_on_commands(self.plan.file, self.plan.text),
                    *unknown_groups(
                        {pair: at for pair, at in self.attachments.index.members.items() if at in positions}
                    ),
                    *(self.source.notes if self.source is not None else ()),
                ),
            ),
        )
        return display_principal_names(self.with_change(as_read, checked, handed_out, owners))

    def attached(self, checked: Collection[str], stacks: Iterable[StackContent]) -> Attachments:
        """Return the attachments in the plan and in the templates of stacks. ``checked``: addresses of resources."""
        resources = self.plan.resources
        limits = [planned for planned in resources.values() if planned.type in ORGANIZATION_POLICIES]
        limits += [resources[address] for address in self.attachments.boundary_addresses()]
        policies = (policy for planned in limits for policy in self.policies(planned))
        handed_out = Attachments(
            tuple(
                attachment
                for address in checked
                if (planned := resources.get(address)) is not None
                for attachment in managed_policies_by(self.plan, planned)
            )
        )
        return self.attachments.attached(policies, checked).with_others(
            (handed_out, *(stack.attached for stack in stacks))
        )

    def handed_out(self, checked: list[PlannedResource], *, unchanged: bool) -> Iterator[AttachedPolicy]:
        """Yield the policy documents that leave the configuration, unless the plan attaches them as well."""
        found = [
            policy
            for resource in checked
            if resource.type not in KNOWN_TYPES and resource.type not in TYPES
            for policy in (*handed_out_by(self.plan, resource), *self.unknown_handed_out(resource))
        ]
        found += handed_out_by_outputs(self.plan, unchanged=unchanged)
        if found:
            every = [
                policy
                for resource in self.plan.resources.values()
                if resource.type in IDENTITY_POLICIES or resource.type in NESTED_POLICIES
                for policy in self.policies(resource)
            ]
            yield from without_attached(found, every, by_position=False)

    def unknown_handed_out(self, resource: PlannedResource) -> Iterator[AttachedPolicy]:
        """Yield the documents of data sources that are known after apply, in the attributes of a resource."""
        if hands_nothing_out(resource.type):
            return
        for name, unknown in as_object(resource.unknown).items():
            written = self.references.expressions_of(resource).get(name) if unknown is True else None
            references = as_list(as_object(written).get("references"))
            if any(isinstance(one, str) and f"data.{DOCUMENT}." in one for one in references):
                at = self.plan.position_of_unknown(resource, name)
                document = self.resource(resource).unknown_document(written, name, at)
                kind = infer_policy_kind(name, document)
                policy = AttachedPolicy(resource.definition, name, document, kind, handed_to=HandedTo.RESOURCE)
                yield judged_by_name(policy, (resource.name,))

    def received(self, checked: set[str]) -> Iterator[ReceivedRole]:
        """Yield the roles that resources receive. A resource that is not ``checked`` does not change, so no principal
        passes its roles."""
        for planned in self.plan.resources.values():
            for received in find_received_roles(self.resource(planned)):
                if self.source is not None:
                    value = self.source.complete_role(planned, received.attribute, received.value)
                    received = replace(received, value=value)
                yield _mark_unchanged(received, planned.address in checked)

    def profile(self, planned: PlannedResource) -> InstanceProfile:
        name = as_text(planned.values.get(ENTITIES[planned.type].name))
        roles = self.resource(planned).value(INSTANCE_PROFILES[planned.type])
        return InstanceProfile(planned.address, text(name, planned.at) if name else None, roles)

    def with_change(
        self,
        configuration: Configuration,
        checked: list[PlannedResource],
        handed_out: list[AttachedPolicy],
        owners: tuple[PolicyOwner, ...],
    ) -> Configuration:
        """Return a configuration with the access before the plan, and what the plan does not change.

        ``handed_out``: the policies that leave the configuration. ``owners``: the resources that remove policies.
        """
        before = plan_before(self.plan)
        if before is None:
            return configuration
        addresses = {resource.address for resource in checked}
        rest = [
            resource
            for resource in self.plan.resources.values()
            if resource.address not in addresses and resource.type in FLAGGABLE
        ]
        loader = _Loader(before)
        policies = (policy for resource in before.resources.values() for policy in loader.policies(resource))
        stacks_before = (loader.stack(planned, False) for planned in before.resources.values() if planned.type in TYPES)
        kept = (policy for resource in rest for policy in self.policies(resource))
        left_before = handed_out_before(self.plan, handed_out) if handed_out else ()
        renamed = dict(renamed_addresses(before, self.plan))
        managed = [attachment for resource in checked for attachment in managed_policies_by(self.plan, resource)]
        return replace(
            configuration,
            change=replace(
                configuration.change,
                before=renamed_policies(before, (*policies, *left_before), renamed),
                handed_out_before=frozenset({HandedTo.RESOURCE, HandedTo.OUTPUT}),
                unchanged=tuple(without_removed_denials(self.plan, owners, kept)[0]),
                home=deployment_before(before),
                attached_before=loader.attached((), stacks_before)
                .renamed(lambda address: renamed.get(address, address))
                .with_others([Attachments(tuple(managed_handed_out_before(self.plan, managed)))]),
            ),
        )

    def stack(self, resource: PlannedResource, checked: bool) -> StackContent:
        """Return the content of a stack's template.

        Its principals may be identified by name, as the template in a plan has its references filled in; those of a
        stack set are in other accounts.
        """
        # slow import, rarely needed
        from passrole_checks.sources.cloudformation.read_embedded_template import read_stack_content

        content = self._stack_contents.get(resource.address)
        if content is None:
            value = self.resource(resource).value
            values = {name: value(attribute) for name, attribute in stack_attributes(resource.type).items()}
            content = self._stack_contents[resource.address] = read_stack_content(resource.definition, values)
        content = replace(content, received=tuple(_mark_unchanged(received, checked) for received in content.received))
        return (
            content.with_principals(lambda principal: self.attachments.resolve_name(resource.module, principal))
            if resource.type in ONE_ACCOUNT
            else content
        )

    def unread_stacks(self, resources: Iterable[PlannedResource]) -> Iterator[Unreadable]:
        """Yield the stacks whose templates cannot be read, and the parts of readable ones that are not evaluated."""
        for resource in resources:
            if resource.type in TYPES:
                content = self.stack(resource, True)
                yield from content.not_evaluated
                reason = None if content.is_read else content.unread
            else:
                reason = not_read_reason(resource.type, as_text(resource.values.get("type_name")))
            if reason is not None:
                yield Unreadable(self.plan.file, f"{resource.address}: {reason}", resource.at.line)

    def role(self, role: PlannedResource) -> RoleDefinition:
        name, path = as_text(role.values.get(ENTITIES[role.type].name)), as_text(role.values.get("path"))
        prefix = as_text(role.values.get("name_prefix"))
        generated = StringNode((prefix, Unresolved("generated", UnresolvedKind.NAME)), role.at) if prefix else None
        return RoleDefinition(
            role.definition,
            text(name, role.at) if name else generated,
            self.path_of(role, path),
            self.resource(role).document(TRUST_POLICIES[role.type], required=True),
        )

    def path_of(self, role: PlannedResource, path: str | None) -> StringNode | None:
        if path is not None:
            return text(path, role.at)
        if role.is_unknown("path"):
            references = self.references.follow(role.module, self.references.expressions_of(role).get("path"))
            return StringNode((unknown_part(references, f"{role.address}.path"),), role.at)
        return None

    def account(self) -> str | None:
        """Return the account that is deployed to, if the plan names exactly one."""
        if self.plan.accounts:
            return next(iter(self.plan.accounts)) if len(self.plan.accounts) == 1 else None
        # aliased providers and providers of modules may deploy to other accounts
        provider = as_object(as_object(self.plan.configuration.get("provider_config")).get("aws"))
        allowed = as_object(as_object(provider.get("expressions")).get("allowed_account_ids"))
        values = as_list(allowed.get("constant_value")) if "alias" not in provider else []
        stated = {str(item) for item in values if isinstance(item, (str, int))}
        single = next(iter(stated)) if len(stated) == 1 else ""
        return single if re.fullmatch(r"\d{12}", single) else None


def _mark_unchanged(received: ReceivedRole, checked: bool) -> ReceivedRole:
    return received if checked or received.by != "deployer" else replace(received, by="unchanged")
