"""Read a plan file: its resources, its known documents, its configuration.

Format: Terraform documentation, "JSON Output Format" (https://developer.hashicorp.com/terraform/internals/json-format),
and OpenTofu's page of the same name. Types are never assumed: parts of an unexpected type are skipped and reported. The
text is read in one pass, entry by entry, and only relevant parts are kept.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.lazy_regex import lazy_regex
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
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform_plan.model import (
    DOCUMENT,
    ChangeEntry,
    PlanFile,
    PlannedResource,
    index_text,
    module_of,
    module_steps,
)

AWS_TYPES = lazy_regex(r"(?:aws|awscc)_")  # resources of other providers have no AWS policies
_POLICY_MARKS = ("Statement", ":iam::aws:policy/", '"eyJ', '"ewo', '"eyA')  # the latter: Base64 forms of JSON
_CHANGE_LISTS = frozenset({"resource_changes", "deferred_changes"})
_CHANGES = frozenset({"create", "update"})
_VALUES = frozenset({"planned_values", "values", "prior_state"})
_PARTS = {"values": "{", "root_module": "{", "child_modules": "[", "resources": "["}
_DEPTH = 200  # keys that lead to a part of a module
_KEPT_KEYS = frozenset({
    "address", "type", "name", "mode", "expressions", "for_each_expression", "count_expression", "provider_config_key",
})  # fmt: skip


def read_plan(path: Path, content: str) -> PlanFile:
    """Read the output of ``terraform show -json`` for a plan or a state.

    Raises :class:`InputError` if the text is not JSON, or of an unknown format version.
    """
    file = str(path)
    text = replace_lone_surrogates(content.removeprefix("\ufeff"))
    lines = Lines(file, text)
    reader = _PlanReader(PlanFile(file, text, lines))
    try:
        reader.read()
    except NotJson as error:
        raise InputError(file, error.reason, lines.line_and_column(error.offset)[0]) from None
    if reader.empty:
        raise InputError(file, "not a Terraform plan: expected a JSON object", 1)
    return reader.plan


class _PlanReader:
    """Reads the text of one plan into a :class:`PlanFile`."""

    def __init__(self, plan: PlanFile) -> None:
        self.plan = plan
        self.empty = True
        self.has_changes = False  # true if the plan has a list of changes
        self.planned: list[Member] = []  # resources of planned_values and values, by position
        self.prior: list[Member] = []  # resources of prior_state, by position

    def read(self) -> None:
        for path, member in walk(self.plan.text, _is_opened):
            self.empty = False
            self.read_part(path, member)
        # without changes (a state, or a plan reduced by a tool) read the resources themselves
        if not self.has_changes and self.planned:
            for entry in self.planned:
                self.read_resource(entry.start, changed=True)
        else:  # also a refresh-only plan, which omits the changes
            self.read_untargeted()
        self.plan.accounts = {
            account
            for address, account in self.plan.callers.items()
            if uses_default_provider(self.plan.configuration, address)
        }

    def read_untargeted(self) -> None:
        """Add resources that a plan with ``-target`` does not mention; they do not change."""
        planned = {name for entry in self.plan.changes for name in (entry.address, entry.previous)}
        for entry in self.prior:
            if str(entry.value) not in planned:
                self.read_resource(entry.start, changed=False)

    def read_part(self, path: Keys, member: Member) -> None:
        head = path[0]
        if len(path) == 1:
            self.read_top_level(str(head), member)
        elif head in _CHANGE_LISTS:
            self.has_changes = True
            self.read_change(member, deferred=head == "deferred_changes")
        elif head == "configuration":
            self.read_configuration(path, member)
        elif head in _VALUES:
            self.read_values(path, member)

    def read_top_level(self, key: str, member: Member) -> None:
        plan = self.plan
        if key in ("format_version", "plan_format_version"):
            self.check_version(member)
        elif key in _CHANGE_LISTS:
            self.check(member, "[", key)
        elif key == "configuration" or key in _VALUES:
            self.check(member, "{", key)
        elif key == "errored" and member.value is True:
            plan.not_evaluated.append(
                Unreadable(plan.file, "incomplete plan: Terraform reported an error", kind=NoteKind.INCOMPLETE)
            )
        elif key == "output_changes" and plan.text[member.start] == "{":
            plan.outputs.append((member.start, "after"))
        elif key == "variables":
            self.check(member, "{", key)
            plan.variables = (member.start, member.end)

    def check(self, member: Member, bracket: str, name: str) -> None:
        """Report a part that is present and not a list, or not an object."""
        present = member.opened or member.value is not None
        if present and self.plan.text[member.start] != bracket:
            self.plan.add_unreadable(f"{name} is not {'a list' if bracket == '[' else 'an object'}", member.start)

    def check_version(self, member: Member) -> None:
        """Accept later minor versions, which only add to the format; reject later major versions."""
        version = member.value
        if version is None or str(version).partition(".")[0] in ("0", "1"):
            return
        shown = " ".join(str(version).split()) if isinstance(version, (str, int, float)) else "of another type"
        raise InputError(
            self.plan.file,
            f"unsupported plan format version {shown[:40]} (supported: 0 and 1)",
            self.plan.lines.line_and_column(member.start)[0],
        )

    # -- resource_changes

    def read_change(self, entry: Member, *, deferred: bool) -> None:
        plan, change_of, start = self.plan, as_object(entry.value), entry.start
        if deferred:
            inner = find_member(plan.text, start, ("resource_change",))
            change_of, start = (as_object(inner.value), inner.start) if inner is not None else ({}, start)
        address, kind = as_text(change_of.get("address")), as_text(change_of.get("type"))
        change = change_of.get("change")
        if address is None or kind is None or not isinstance(change, dict):
            plan.add_unreadable("an entry of resource_changes has no address, type or change", start)
            return
        if not AWS_TYPES.match(kind) and not self.may_hold_policy(start, entry.end, change.get("after_unknown")):
            return
        actions = {action for action in as_list(change.get("actions")) if isinstance(action, str)}
        read, deposed = change_of.get("mode") == "data", change_of.get("deposed") is not None
        previous = as_text(change_of.get("previous_address")) or ""
        if not read:
            plan.changes.append(ChangeEntry(address, previous, kind, tuple(sorted(actions)), start, deposed))
        after = change.get("after")
        if not read and not (actions & _CHANGES or "no-op" in actions):
            if not actions:
                plan.add_unreadable(f"{address}: the change has no actions", start, address)
            return  # deleted or forgotten
        if deposed:
            return  # a deposed object, left over from a replacement, will be destroyed
        if after is not None and not isinstance(after, dict):
            plan.add_unreadable(f"{address}: the values of the change are not an object", start, address)
            return
        if not isinstance(change.get("after_unknown"), (dict, bool, type(None))):
            plan.add_unreadable(f"{address}: after_unknown is not an object", start, address)
        if not isinstance(change.get("before"), (dict, type(None))):
            plan.add_unreadable(f"{address}: the values before the change are not an object", start, address)
        resource = PlannedResource(
            address,
            kind,
            as_text(change_of.get("name")) or "",
            module_of(address),
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

    def may_hold_policy(self, start: int, end: int, unknown: Json) -> bool:
        """True if the values of a resource of another provider may hold an AWS policy."""
        source_text = self.plan.text[start:end]
        return any(mark in source_text for mark in _POLICY_MARKS) or any("polic" in name for name in as_object(unknown))

    # -- planned_values, values, prior_state

    def read_values(self, path: Keys, member: Member) -> None:
        """Read a part of a module of values: a resource, or a list of resources or modules."""
        key, within = member.key, path[-2]
        if path == ("values", "outputs") and self.plan.text[member.start] == "{":
            self.plan.outputs.append((member.start, "value"))
        if isinstance(key, int) and within == "child_modules":
            self.check(member, "{", f"{path[0]}: a module")
        elif isinstance(key, int) and within == "resources":
            self.read_state_entry(path[0], member)
        elif key in _PARTS:
            self.check(member, _PARTS[str(key)], f"{path[0]}: {key}")

    def read_state_entry(self, part: str | int, entry: Member) -> None:
        value = as_object(entry.value)
        address, kind = as_text(value.get("address")), as_text(value.get("type"))
        if address is None or kind is None or not isinstance(value.get("values", {}), dict):
            if part != "prior_state":
                self.plan.add_unreadable("a resource has no address, type or values", entry.start)
            return
        if value.get("mode") == "data":
            if part != "planned_values":
                read_data_resource(self.plan, address, kind, as_object(value.get("values")))
        elif value.get("deposed_key") is None and (
            AWS_TYPES.match(kind) or self.may_hold_policy(entry.start, entry.end, None)
        ):
            located = Member(entry.key, address, entry.start, entry.end)
            (self.prior if part == "prior_state" else self.planned).append(located)

    def read_resource(self, start: int, *, changed: bool) -> None:
        member = decode_value(self.plan.text, start)
        entry = as_object(member.value)
        address = str(entry.get("address"))
        self.plan.resources.setdefault(
            address,
            PlannedResource(
                address,
                str(entry.get("type")),
                as_text(entry.get("name")) or "",
                module_of(address),
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

    def read_configuration(self, path: Keys, member: Member) -> None:
        """Store a part of the configuration in its place; resources of other providers are dropped."""
        if _is_opened(path) and isinstance(member.key, str):
            is_list = member.key == "resources" and len(path) % 3 == 0  # not a module call of that name
            self.check(member, "[" if is_list else "{", f"configuration: {member.key[:80]}")
        if member.opened:
            if len(path) == 2:
                self.plan.configuration.setdefault(str(member.key), {})
            return
        value = member.value
        if isinstance(member.key, int):
            entry = as_object(value)
            is_relevant = AWS_TYPES.match(as_text(entry.get("type")) or "") or DOCUMENT in json.dumps(
                entry.get("expressions")
            )
            if path[-2] != "resources" or not is_relevant:
                return
            value = {key: item for key, item in entry.items() if key in _KEPT_KEYS}
        container: Json = self.plan.configuration
        last = len(path) - 2
        for number, key in enumerate(path[1:-1], 1):
            if isinstance(container, dict):
                is_list = number == last and isinstance(member.key, int)
                container = container.setdefault(str(key), [] if is_list else {})
        if isinstance(container, list):
            container.append(value)
        elif isinstance(container, dict):
            container[str(member.key)] = value


def _is_opened(path: Keys) -> bool:
    """True if the members of this part are read one by one, so that little is in memory at a time.

    These are the lists of changes, and the modules of values and configuration down to their resources.
    """
    head, depth = path[0], len(path)
    if head in _CHANGE_LISTS or head == "resource_drift":
        return depth == 1
    if depth > _DEPTH:
        return False
    if head == "configuration":
        # root_module, then per level: module_calls, call name, module
        if depth <= 2:
            return depth == 1 or path[1] == "root_module"
        level, key = (depth - 3) % 3, path[-1]
        if level == 0:
            return key == "module_calls" or key == "resources"
        return path[-2] == "module_calls" if level == 1 else key == "module"
    if head not in _VALUES:
        return False
    skipped = 1 if head == "prior_state" else 0  # it contains a state with its own "values"
    if depth <= 1 + skipped:
        return depth == 1 or path[1] == "values"
    if depth == 2 + skipped:
        return path[-1] == "root_module"
    if isinstance(path[-1], int):
        return path[-2] == "child_modules"
    return path[-1] in ("child_modules", "resources")


def read_data_resource(plan: PlanFile, address: str, kind: str, values: dict[str, Json]) -> None:
    """Record the result of a data source at plan or state time: a policy document, or the account."""
    if kind == DOCUMENT:
        document = as_text(values.get("json")) or as_text(values.get("minified_json"))
        if document:
            plan.known_documents[address] = document
    elif kind == "aws_caller_identity":
        account = as_text(values.get("account_id"))
        if account and re.fullmatch(r"\d{12}", account):
            plan.callers[address] = account


def uses_default_provider(configuration: dict[str, Json], address: str) -> bool:
    """True if a resource uses the root's provider without an alias; in a state, which has no configuration, all do."""
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
