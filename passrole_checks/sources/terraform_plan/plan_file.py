"""A plan file taken apart: its resources, its documents that are known, its configuration.

Format: Terraform documentation, "JSON Output Format" (https://developer.hashicorp.com/terraform/internals/json-format),
and OpenTofu's page of the same name. Nothing in a file is trusted to have the type that the format gives it: what has
not is left out and reported. The text is read once, entry by entry, and of each only what matters here is kept.
"""

from __future__ import annotations

import re
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.sources.files.json_positions import (
    Json,
    Keys,
    Lines,
    Member,
    NotJson,
    decode_value,
    find_member,
    replace_lone_surrogates,
    walk,
)
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.sources.terraform_plan.model import (
    DOCUMENT,
    ChangeEntry,
    PlanFile,
    PlannedResource,
    as_list,
    as_object,
    as_text,
    index_text,
    module_of,
    module_steps,
    without_key,
)

KEPT = re.compile(r"(?:aws|awscc)_")  # other providers' resources hold no AWS policies
_CHANGE_LISTS = frozenset({"resource_changes", "deferred_changes"})
_CHANGES = frozenset({"create", "update"})
_VALUES = frozenset({"planned_values", "values", "prior_state"})
_PARTS = {"values": "{", "root_module": "{", "child_modules": "[", "resources": "["}
_DEPTH = 200  # keys that lead to a part of a module
_WRITTEN = frozenset({
    "address", "type", "name", "mode", "expressions", "for_each_expression", "count_expression", "provider_config_key",
})  # fmt: skip


def read_plan(path: Path, content: str) -> PlanFile:
    """Take what ``terraform show -json`` writes apart, for a plan or for a state.

    Raises :class:`InputError` for what is no JSON, or of a format that is not known.
    """
    file = str(path)
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    lines = Lines(file, text)
    reader = _Reader(PlanFile(file, text, lines))
    try:
        reader.read()
    except NotJson as error:
        raise InputError(file, error.reason, lines.line_and_column(error.offset)[0]) from None
    if reader.empty:
        raise InputError(file, "no Terraform plan: an object is expected", 1)
    return reader.plan


class _Reader:
    """Reads the text of one plan into a :class:`PlanFile`."""

    def __init__(self, plan: PlanFile) -> None:
        self.plan = plan
        self.empty = True
        self.changing = False  # whether there are changes at all
        self.planned: list[Member] = []  # resources of planned_values and values, with their places only
        self.prior: list[Member] = []  # the same of prior_state

    def read(self) -> None:
        for path, member in walk(self.plan.text, _wanted):
            self.empty = False
            self.take(path, member)
        # without changes (a state, or a plan cut down by a tool) the resources themselves are all there is
        if not self.changing and self.planned:
            for entry in self.planned:
                self.take_value(entry.start, changed=True)
        else:  # also a plan that only refreshes, which leaves the changes out
            self.take_rest()
        self.plan.accounts = {
            account
            for address, account in self.plan.callers.items()
            if _by_default_provider(self.plan.configuration, address)
        }

    def take_rest(self) -> None:
        """What a plan that is limited to some resources says nothing of: it stays as it was."""
        planned = {name for entry in self.plan.changes for name in (entry.address, entry.previous)}
        for entry in self.prior:
            if str(entry.value) not in planned:
                self.take_value(entry.start, changed=False)

    def take(self, path: Keys, member: Member) -> None:
        head = path[0]
        if len(path) == 1:
            self.take_part(str(head), member)
        elif head in _CHANGE_LISTS:
            self.changing = True
            self.take_change(member, deferred=head == "deferred_changes")
        elif head == "configuration":
            self.take_written(path, member)
        elif head in _VALUES:
            self.take_known(path, member)

    def take_part(self, key: str, member: Member) -> None:
        plan = self.plan
        if key in ("format_version", "plan_format_version"):
            self.check_version(member)
        elif key in _CHANGE_LISTS:
            self.check(member, "[", key)
        elif key == "configuration" or key in _VALUES:
            self.check(member, "{", key)
        elif key == "errored" and member.value is True:
            plan.not_evaluated.append(Unreadable(plan.file, "the plan is not complete: Terraform reports an error"))
        elif key == "variables":
            self.check(member, "{", key)
            plan.variables = (member.start, member.end)

    def check(self, member: Member, bracket: str, name: str) -> None:
        """Complain of a part that is there and is no list, or no object."""
        there = member.opened or member.value is not None
        if there and self.plan.text[member.start] != bracket:
            self.plan.complain(f"{name} is no {'list' if bracket == '[' else 'object'}", member.start)

    def check_version(self, member: Member) -> None:
        """Later minor versions only add to the format; a later major version may mean anything."""
        version = member.value
        if version is None or str(version).partition(".")[0] in ("0", "1"):
            return
        shown = " ".join(str(version).split()) if isinstance(version, (str, int, float)) else "of another type"
        raise InputError(
            self.plan.file,
            f"plan format version {shown[:40]} is not supported (known are 0 and 1)",
            self.plan.lines.line_and_column(member.start)[0],
        )

    # -- resource_changes

    def take_change(self, entry: Member, *, deferred: bool) -> None:
        plan, change_of, start = self.plan, as_object(entry.value), entry.start
        if deferred:
            found = find_member(plan.text, start, ("resource_change",))
            change_of, start = (as_object(found.value), found.start) if found is not None else ({}, start)
        address, kind = as_text(change_of.get("address")), as_text(change_of.get("type"))
        change = change_of.get("change")
        if address is None or kind is None or not isinstance(change, dict):
            plan.complain("an entry of resource_changes has no address, type or change", start)
            return
        if not KEPT.match(kind):
            return
        actions = {action for action in as_list(change.get("actions")) if isinstance(action, str)}
        read, deposed = change_of.get("mode") == "data", change_of.get("deposed") is not None
        previous = as_text(change_of.get("previous_address")) or ""
        if not read:
            plan.changes.append(ChangeEntry(address, previous, kind, tuple(sorted(actions)), start, deposed))
        after = change.get("after")
        if not read and not (actions & _CHANGES or "no-op" in actions):
            if not actions:
                plan.complain(f"{address}: a change without actions", start, address)
            return  # deleted or forgotten
        if deposed:
            return  # an object that is left over from a replacement and will be destroyed
        if after is not None and not isinstance(after, dict):
            plan.complain(f"{address}: the values of the change are no object", start, address)
            return
        if not isinstance(change.get("after_unknown"), (dict, bool, type(None))):
            plan.complain(f"{address}: after_unknown is no object", start, address)
        if not isinstance(change.get("before"), (dict, type(None))):
            plan.complain(f"{address}: the values before the change are no object", start, address)
        resource = PlannedResource(
            address,
            kind,
            as_text(change_of.get("name")) or "",
            _module(change_of, address),
            address[len(without_key(address)) :] or index_text(change_of.get("index")),
            bool(actions & _CHANGES),
            as_object(after),
            change.get("after_unknown"),
            plan.lines.position(start, entry.end),
            start,
            ("change", "after"),
            previous,
        )
        (plan.reads if read else plan.resources)[address] = resource

    # -- planned_values, values, prior_state

    def take_known(self, path: Keys, member: Member) -> None:
        """A part of a module of values: a resource, or what should be a list of resources or of modules."""
        key, within = member.key, path[-2]
        if isinstance(key, int) and within == "child_modules":
            self.check(member, "{", f"{path[0]}: a module")
        elif isinstance(key, int) and within == "resources":
            self.take_state_entry(path[0], member)
        elif key in _PARTS:
            self.check(member, _PARTS[str(key)], f"{path[0]}: {key}")

    def take_state_entry(self, part: str | int, entry: Member) -> None:
        value = as_object(entry.value)
        address, kind = as_text(value.get("address")), as_text(value.get("type"))
        if address is None or kind is None or not isinstance(value.get("values", {}), dict):
            if part != "prior_state":
                self.plan.complain("a resource has no address, type or values", entry.start)
            return
        if value.get("mode") == "data":
            if part != "planned_values":
                take_data(self.plan, address, kind, as_object(value.get("values")))
        elif KEPT.match(kind) and value.get("deposed_key") is None:
            place = Member(entry.key, address, entry.start, entry.end)
            (self.prior if part == "prior_state" else self.planned).append(place)

    def take_value(self, start: int, *, changed: bool) -> None:
        member = decode_value(self.plan.text, start)
        entry = as_object(member.value)
        address = str(entry.get("address"))
        self.plan.resources.setdefault(
            address,
            PlannedResource(
                address,
                str(entry.get("type")),
                as_text(entry.get("name")) or "",
                _module(entry, address),
                address[len(without_key(address)) :] or index_text(entry.get("index")),
                changed,
                as_object(entry.get("values")),
                False,
                self.plan.lines.position(start, member.end),
                start,
                ("values",),
            ),
        )

    # -- configuration

    def take_written(self, path: Keys, member: Member) -> None:
        """A part of the configuration, put where it belongs; of other providers' resources nothing is kept."""
        if _wanted(path) and isinstance(member.key, str):
            is_list = member.key == "resources" and len(path) % 3 == 0  # and no call of that name
            self.check(member, "[" if is_list else "{", f"configuration: {member.key[:80]}")
        if member.opened:
            if len(path) == 2:
                self.plan.configuration.setdefault(str(member.key), {})
            return
        value = member.value
        if isinstance(member.key, int):
            entry = as_object(value)
            if path[-2] != "resources" or not KEPT.match(as_text(entry.get("type")) or ""):
                return
            value = {key: item for key, item in entry.items() if key in _WRITTEN}
        place: Json = self.plan.configuration
        last = len(path) - 2
        for number, key in enumerate(path[1:-1], 1):
            if isinstance(place, dict):
                is_list = number == last and isinstance(member.key, int)
                place = place.setdefault(str(key), [] if is_list else {})
        if isinstance(place, list):
            place.append(value)
        elif isinstance(place, dict):
            place[str(member.key)] = value


def _wanted(path: Keys) -> bool:
    """Which parts are opened, so that of what is in them only a little is held at a time.

    The lists of changes, and the modules of values and of the configuration down to their resources.
    """
    head, depth = path[0], len(path)
    if head in _CHANGE_LISTS or head == "resource_drift":
        return depth == 1
    if depth > _DEPTH:
        return False
    if head == "configuration":
        # root_module, then for every level: module_calls, the name of the call, module
        if depth <= 2:
            return depth == 1 or path[1] == "root_module"
        level, key = (depth - 3) % 3, path[-1]
        if level == 0:
            return key == "module_calls" or key == "resources"
        return path[-2] == "module_calls" if level == 1 else key == "module"
    if head not in _VALUES:
        return False
    skipped = 1 if head == "prior_state" else 0  # which holds a state with its own "values"
    if depth <= 1 + skipped:
        return depth == 1 or path[1] == "values"
    if depth == 2 + skipped:
        return path[-1] == "root_module"
    if isinstance(path[-1], int):
        return path[-2] == "child_modules"
    return path[-1] in ("child_modules", "resources")


def _module(entry: dict[str, Json], address: str) -> str:
    """The module of an entry; those of values do not name it."""
    given = as_text(entry.get("module_address"))
    return given if given is not None else module_of(address)


def take_data(plan: PlanFile, address: str, kind: str, values: dict[str, Json]) -> None:
    """What a data resource gave when the plan or the state was made: a policy document, or the account."""
    if kind == DOCUMENT:
        document = as_text(values.get("json")) or as_text(values.get("minified_json"))
        if document:
            plan.known_documents[address] = document
    elif kind == "aws_caller_identity":
        account = as_text(values.get("account_id"))
        if account and re.fullmatch(r"\d{12}", account):
            plan.callers[address] = account


def _by_default_provider(configuration: dict[str, Json], address: str) -> bool:
    """Whether a resource uses the root's provider without an alias; of a state, without configuration, all do."""
    if not configuration:
        return True
    module = as_object(configuration.get("root_module"))
    steps = module_steps(address)
    for step in steps:
        call = as_object(module.get("module_calls")).get(step.removeprefix("module.").partition("[")[0])
        module = as_object(as_object(call).get("module"))
    name = address[len(".".join(steps)) :].lstrip(".").partition("[")[0]
    for resource in map(as_object, as_list(module.get("resources"))):
        if resource.get("address") == name:
            return resource.get("provider_config_key", None if steps else "aws") == "aws"
    return not steps


__all__ = [
    "DOCUMENT", "ChangeEntry", "PlanFile", "PlannedResource", "as_list", "as_object", "as_text", "index_text",
    "module_of", "module_steps", "read_plan",
]  # fmt: skip
