"""IAM policies in commands that a plan runs: provisioners, external data sources, scripts.

The configuration in a plan has commands as constants, or only the names that they refer to (Terraform documentation,
"JSON Output Format", "Expression Representation"). A command with references is therefore not read. Provisioners run
when their resource is created ("Provisioners", "Creation-Time Provisioners").
"""

from __future__ import annotations

from dataclasses import field

from passrole_checks.files.decoded_json import as_list, as_object, as_text, get_nested
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.partial_values import Position, StringNode
from passrole_checks.sources.files.json_positions import Json, Keys, Member, find_member, walk
from passrole_checks.sources.model.configuration import (
    COMMAND,
    AttachedPolicy,
    Framework,
    HandedTo,
    ManagedAttachment,
    NoteKind,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.model.iam_commands import IamCommand, commands_in_text, commands_in_words, names_operation
from passrole_checks.sources.model.missing_sources import without_keys
from passrole_checks.sources.model.principal_names import literal_principal
from passrole_checks.sources.terraform_plan.attachments import PlanAttachments
from passrole_checks.sources.terraform_plan.model import PlanFile, module_of

_OPENED = frozenset({"configuration", "root_module", "module_calls", "module", "resources"})
_PROVISIONERS = {"local-exec": "command", "remote-exec": "inline"}
_SCRIPT = "shell_script"
_PROGRAM = "external"
_LIFECYCLE = "lifecycle_commands"


def commands_of(plan: PlanFile, attachments: PlanAttachments) -> PlanCommands:
    """Return the policies in the commands of a plan that it runs."""
    found = PlanCommands(plan, attachments)
    for path, member in walk(plan.text, _is_opened) if names_operation(plan.text) else ():
        if len(path) == 2 and path[0] == "resource_changes":
            found.read_change(member)
        elif path[0] == "configuration" and len(path) > 2 and path[-2] == "resources":
            found.configured.append((path, member))
    for path, member in found.configured:
        found.read_configured(path, member)
    return found


def _is_opened(path: Keys) -> bool:
    if path[0] == "resource_changes":
        return len(path) == 1
    return path[0] == "configuration" and (path[-1] in _OPENED or (len(path) > 1 and path[-2] == "module_calls"))


@dataclass
class PlanCommands:
    """The literal policy documents and AWS managed policies in the commands of a plan, and a note on each command."""

    plan: PlanFile
    index: PlanAttachments
    policies: list[AttachedPolicy] = field(default_factory=list)
    attachments: list[ManagedAttachment] = field(default_factory=list)
    notes: list[Unreadable] = field(default_factory=list)
    created: set[str] = field(default_factory=set)  # addresses without instance keys
    configured: list[tuple[Keys, Member]] = field(default_factory=list)

    def read_change(self, member: Member) -> None:
        """Read a planned change: whether its resource is created, and the commands of a script."""
        entry = as_object(member.value)
        change, address = as_object(entry.get("change")), as_text(entry.get("address")) or ""
        actions = as_list(change.get("actions"))
        if "create" in actions:
            self.created.add(without_keys(address))
        if entry.get("type") == _SCRIPT and ("create" in actions or "update" in actions):
            for number, block in enumerate(as_list(as_object(change.get("after")).get(_LIFECYCLE))):
                for name in ("create", "read", "update", "delete"):
                    keys = ("change", "after", _LIFECYCLE, number, name)
                    self._add_text(address, f"{_LIFECYCLE}/{name}", as_object(block).get(name), member, keys)

    def read_configured(self, path: Keys, member: Member) -> None:
        """Read the commands of a resource or data source in the configuration of the plan."""
        entry = as_object(member.value)
        module = "".join(f"module.{path[index + 1]}." for index, key in enumerate(path) if key == "module_calls")
        address = f"{module}{as_text(entry.get('address')) or ''}"
        if entry.get("mode") == "data" and entry.get("type") == _PROGRAM:
            keys: tuple[str | int, ...] = ("expressions", "program", "constant_value")
            at = self._position(member, keys)
            values = as_list(get_nested(entry, "expressions", "program", "constant_value"))
            words = [StringNode((value,), at) for value in values if isinstance(value, str)]
            self._add(address, "program", commands_in_words(words), at)
        if address not in self.created:
            return
        for number, provisioner in enumerate(as_list(entry.get("provisioners"))):
            attribute = _PROVISIONERS.get(as_text(as_object(provisioner).get("type")) or "", "")
            keys = ("provisioners", number, "expressions", attribute, "constant_value")
            value = get_nested(provisioner, "expressions", attribute, "constant_value")
            for text in as_list(value) if isinstance(value, list) else [value]:
                self._add_text(address, f"provisioner/{number}/{attribute}", text, member, keys)

    def _add_text(self, address: str, path: str, value: Json, member: Member, keys: tuple[str | int, ...]) -> None:
        if isinstance(value, str) and names_operation(value):
            text = StringNode((value,), self._position(member, keys))
            self._add(address, path, commands_in_text(text), text.at)

    def _position(self, member: Member, keys: tuple[str | int, ...]) -> Position:
        found = find_member(self.plan.text, member.start, keys) or member
        return self.plan.lines.position(found.start, found.end)

    def _add(self, address: str, path: str, commands: list[IamCommand], at: Position) -> None:
        resource = ResourceDefinition(address, COMMAND, Framework.TERRAFORM_PLAN, at)
        for number, command in enumerate(commands):
            self.notes.append(
                Unreadable(self.plan.file, command.not_evaluated_reason(address), at.line, kind=NoteKind.COMMAND)
            )
            path = f"{path}/{number}" if number else path
            principal = self._principal(command, resource)
            if command.document is not None:
                principals = (principal,) if principal else ()
                self.policies.append(
                    AttachedPolicy(resource, path, command.document, principals=principals, handed_to=HandedTo.COMMAND)
                )
            elif command.managed_policy is not None:
                self.attachments.append(
                    ManagedAttachment(
                        principal or address, command.managed_policy, resource, path, at, handed_to=HandedTo.COMMAND
                    )
                )

    def _principal(self, command: IamCommand, resource: ResourceDefinition) -> str:
        """Return the address, else the name, of the principal that a command names; empty if it names none."""
        if command.principal is None:
            return ""
        principal = literal_principal(command.kind, str(command.principal))
        return self.index.resolve_name(module_of(resource.address), principal)
