"""Read a stored state (``terraform.tfstate``) like the output of ``terraform show -json``.

The stored format is internal to Terraform ("State": "the format is subject to change"), so only version 4 is read,
which Terraform 0.12 and later and OpenTofu write: https://developer.hashicorp.com/terraform/language/state.
"""

from __future__ import annotations

from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.files.decoded_json import as_object, as_text
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.json_positions import (
    Lines,
    Member,
    NotJson,
    find_member,
    members,
    replace_lone_surrogates,
    walk,
)
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, index_text
from passrole_checks.sources.terraform_plan.plan_file import AWS_TYPES, read_data_resource

_VERSION = 4
_STORED = lazy_regex(r'\s*\{\s*"(?:version"\s*:\s*\d+\s*,\s*"(?:terraform_version|serial)"|check_results"|lineage")')
_DEFAULT = lazy_regex(r'provider(?:\["[^"]*"\]|\.aws)')
_SHOWN = frozenset({"format_version", "planned_values", "resource_changes", "configuration"})


def is_stored_state(content: str) -> bool:
    """True if a text is a stored state, not the output of ``terraform show -json``."""
    content = content.removeprefix("\ufeff")
    if _STORED.match(content):
        return True
    try:
        for _, member in walk(content, lambda path: len(path) == 1):
            if member.key in _SHOWN:
                return False
            if member.key == "version" or member.key == "lineage":
                return True
    except NotJson:
        pass
    return False


def read_state(path: Path, content: str) -> PlanFile:
    """Read a stored state. Raises :class:`InputError` if it is not JSON, or of another version."""
    file = str(path)
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    lines = Lines(file, text)
    plan = PlanFile(file, text, lines)
    try:
        for keys, member in walk(text, lambda keys: keys == ("resources",)):
            if keys == ("version",) and member.value != _VERSION:
                shown = str(member.value)[:20] if isinstance(member.value, (int, str)) else "of another type"
                reason = f"unsupported state version {shown} (supported: {_VERSION}); use `terraform show -json`"
                raise InputError(file, reason, lines.line_and_column(member.start)[0])
            if keys == ("resources",) and text[member.start] != "[" and (member.opened or member.value is not None):
                plan.add_unreadable("resources is not a list", member.start)
            elif len(keys) == 2 and isinstance(member.key, int):
                _read_entry(plan, member)
    except NotJson as error:
        raise InputError(file, error.reason, lines.line_and_column(error.offset)[0]) from None
    plan.accounts = set(plan.callers.values())
    return plan


def _read_entry(plan: PlanFile, member: Member) -> None:
    entry = as_object(member.value)
    kind, name = as_text(entry.get("type")), as_text(entry.get("name"))
    if kind is None or name is None:
        plan.add_unreadable("an entry of resources has no type or name", member.start)
        return
    if not AWS_TYPES.match(kind):
        return
    module = as_text(entry.get("module")) or ""
    data = entry.get("mode") == "data"
    if kind == "aws_caller_identity" and not _DEFAULT.fullmatch(as_text(entry.get("provider")) or ""):
        return  # a provider that may deploy to another account
    address = ".".join(part for part in (module, "data" if data else "", kind, name) if part)
    instances = entry.get("instances")
    if not isinstance(instances, list):
        plan.add_unreadable(f"{address}: instances is not a list", member.start)
        return
    location = find_member(plan.text, member.start, ("instances",))
    for instance in members(plan.text, location.start) if location is not None else ():
        _read_instance(plan, instance, (address, kind, name, module), data=data)


def _read_instance(plan: PlanFile, member: Member, names: tuple[str, str, str, str], *, data: bool) -> None:
    whole, kind, name, module = names
    instance = as_object(member.value)
    if instance.get("deposed"):
        return  # a deposed object, left over from a replacement
    key = index_text(instance.get("index_key"))
    address, values = f"{whole}{key}", instance.get("attributes")
    if not isinstance(values, dict):
        plan.add_unreadable(f"{address}: no readable attributes; use `terraform show -json`", member.start)
        return
    if data:
        read_data_resource(plan, address, kind, values)
        return
    at = plan.lines.position(member.start, member.end)
    plan.resources[address] = PlannedResource(
        address, kind, name, module, key, True, values, False, at, member.start, ("attributes",)
    )
