"""A state as Terraform stores it (``terraform.tfstate``), read as if ``terraform show -json`` had shown it.

The stored format is Terraform's own affair ("State": "the format is subject to change"), so that only its version 4,
which Terraform 0.12 and later and OpenTofu write, is read: https://developer.hashicorp.com/terraform/language/state.
"""

from __future__ import annotations

import re
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.sources.files.json_positions import (
    Keys,
    Lines,
    Member,
    NotJson,
    find_member,
    members,
    replace_lone_surrogates,
    walk,
)
from passrole_checks.sources.terraform_plan.model import (
    PlanFile,
    PlannedResource,
    as_object,
    as_text,
    index_text,
)
from passrole_checks.sources.terraform_plan.plan_file import KEPT, take_data

_VERSION = 4
_STORED = re.compile(r'\s*\{\s*"(?:version"\s*:\s*\d+\s*,\s*"(?:terraform_version|serial)"|check_results"|lineage")')
_DEFAULT = re.compile(r'provider(?:\["[^"]*"\]|\.aws)')
_SHOWN = frozenset({"format_version", "planned_values", "resource_changes", "configuration"})


def is_stored_state(content: str) -> bool:
    """Whether a text is a state as it is stored, and not as it is shown."""
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
    """Take a stored state apart. Raises :class:`InputError` for what is no JSON, or of another version."""
    file = str(path)
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    lines = Lines(file, text)
    plan = PlanFile(file, text, lines)
    try:
        for keys, member in walk(text, _wanted):
            if keys == ("version",) and member.value != _VERSION:
                shown = str(member.value)[:20] if isinstance(member.value, (int, str)) else "of another type"
                reason = f"a state of version {shown}, and only version {_VERSION} is read: run terraform show -json"
                raise InputError(file, reason, lines.line_and_column(member.start)[0])
            if keys == ("resources",) and text[member.start] != "[" and (member.opened or member.value is not None):
                plan.complain("resources is no list", member.start)
            elif len(keys) == 2 and isinstance(member.key, int):
                _take(plan, member)
    except NotJson as error:
        raise InputError(file, error.reason, lines.line_and_column(error.offset)[0]) from None
    plan.accounts = set(plan.callers.values())
    return plan


def _wanted(keys: Keys) -> bool:
    return keys == ("resources",)


def _take(plan: PlanFile, member: Member) -> None:
    entry = as_object(member.value)
    kind, name = as_text(entry.get("type")), as_text(entry.get("name"))
    if kind is None or name is None:
        plan.complain("an entry of resources has no type or name", member.start)
        return
    if not KEPT.match(kind):
        return
    module = as_text(entry.get("module")) or ""
    data = entry.get("mode") == "data"
    if kind == "aws_caller_identity" and not _DEFAULT.fullmatch(as_text(entry.get("provider")) or ""):
        return  # of another provider, which may deploy to another account
    address = ".".join(part for part in (module, "data" if data else "", kind, name) if part)
    instances = entry.get("instances")
    if not isinstance(instances, list):
        plan.complain(f"{address}: instances is no list", member.start)
        return
    place = find_member(plan.text, member.start, ("instances",))
    for instance in members(plan.text, place.start) if place is not None else ():
        _take_instance(plan, instance, (address, kind, name, module), data=data)


def _take_instance(plan: PlanFile, member: Member, names: tuple[str, str, str, str], *, data: bool) -> None:
    whole, kind, name, module = names
    instance = as_object(member.value)
    if instance.get("deposed"):
        return  # left over from a replacement
    key = index_text(instance.get("index_key"))
    address, values = f"{whole}{key}", instance.get("attributes")
    if not isinstance(values, dict):
        plan.complain(f"{address}: there are no attributes that can be read: run terraform show -json", member.start)
        return
    if data:
        take_data(plan, address, kind, values)
        return
    at = plan.lines.position(member.start, member.end)
    plan.resources[address] = PlannedResource(
        address, kind, name, module, key, True, values, False, at, member.start, ("attributes",)
    )
