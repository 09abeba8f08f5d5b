"""A plan file taken apart: its resources, its documents that are known, its configuration.

Format: Terraform documentation, "JSON Output Format" (https://developer.hashicorp.com/terraform/internals/json-format).
Nothing in a file is trusted to have the type that the format gives it: what has not is left out and reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.iam.values import Position
from passrole_checks.sources.json_text import (
    Json,
    Lines,
    Member,
    NotJson,
    find,
    members,
    outline,
    without_lone_surrogates,
)
from passrole_checks.sources.resource import Unreadable

DOCUMENT = "aws_iam_policy_document"

_KEPT = re.compile(r"(?:aws|awscc)_")  # other providers' resources hold no AWS policies
_CHANGE_LISTS = frozenset({"resource_changes", "deferred_changes"})
_CHANGES = frozenset({"create", "update"})
_MODULE = re.compile(r'module\.[^.\[]+(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?')


def as_object(value: Json) -> dict[str, Json]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """The value if it is a string, else None."""
    return value if isinstance(value, str) else None


@dataclass(frozen=True)
class PlannedResource:
    """A resource as it will be: ``values`` are its attributes, ``unknown`` is true or false or mirrors their shape.

    ``module`` is the address of its module ("" for the root). ``changed``: the plan creates or changes it. ``start`` is
    the offset of its entry in the text, ``inside`` the keys from there to its attributes.
    """

    address: str
    type: str
    name: str
    module: str
    index: str
    changed: bool
    values: dict[str, Json]
    unknown: Json
    at: Position
    start: int
    inside: tuple[str, ...]

    def is_unknown(self, attribute: str) -> bool:
        """Whether the plan says of an attribute that it is known only after apply."""
        return self.unknown is True or as_object(self.unknown).get(attribute) is True


@dataclass
class PlanFile:
    """What a plan (or a state) holds."""

    file: str
    text: str
    lines: Lines
    resources: dict[str, PlannedResource] = field(default_factory=dict)
    reads: dict[str, PlannedResource] = field(default_factory=dict)  # data resources that are read during apply
    known_documents: dict[str, str] = field(default_factory=dict)  # data addresses and the JSON that they gave
    configuration: dict[str, Json] = field(default_factory=dict)
    callers: dict[str, str] = field(default_factory=dict)  # the accounts of data.aws_caller_identity by address
    accounts: set[str] = field(default_factory=set)  # those of them that the root's own provider deploys to
    unreadable: list[Unreadable] = field(default_factory=list)
    not_evaluated: list[Unreadable] = field(default_factory=list)

    def complain(self, reason: str, offset: int | None = None) -> None:
        """Note a part of the file that cannot be read; the same words only once."""
        if all(known.reason != reason for known in self.unreadable):
            line = self.lines.place(offset)[0] if offset is not None else None
            self.unreadable.append(Unreadable(self.file, reason, line))

    def position_of(self, resource: PlannedResource, *keys: str | int) -> Position:
        """Where an attribute of a resource stands; where it cannot be found, where the resource does."""
        member = find(self.text, resource.start, (*resource.inside, *keys))
        return self.lines.position(member.start, member.end) if member is not None else resource.at


def read_plan(path: Path, content: str) -> PlanFile:
    """Take a plan apart. Raises :class:`InputError` for what is no JSON, or of a format that is not known."""
    file = str(path)
    text = without_lone_surrogates(content.removeprefix("\ufeff"))
    lines = Lines(file, text)
    plan = PlanFile(file, text, lines)
    places: dict[str, Member] = {}
    try:
        for key, member in outline(text, _CHANGE_LISTS):
            if isinstance(member.key, int):
                _take_change(plan, member, deferred=key == "deferred_changes")
            else:
                # the large parts are not kept, only their places
                places[key] = Member(key, None, member.start, member.end)
                _take(plan, key, member)
        # without changes (a state, or a plan cut down by a tool) the resources themselves are all there is
        if not plan.resources and not plan.reads:
            for key in ("planned_values", "values"):
                if key in places:
                    _take_values(plan, places[key], (key,))
        plan.accounts = {
            account for address, account in plan.callers.items() if _by_default_provider(plan.configuration, address)
        }
    except NotJson as error:
        raise InputError(file, error.reason, lines.place(error.offset)[0]) from None
    if not places:
        raise InputError(file, "no Terraform plan: an object is expected", 1)
    return plan


def _take(plan: PlanFile, key: str, member: Member) -> None:
    value = member.value
    if key == "format_version":
        major = str(value).partition(".")[0]
        if major not in ("0", "1"):
            line = plan.lines.place(member.start)[0]
            raise InputError(plan.file, f"plan format version {value} is not supported", line)
    elif key in _CHANGE_LISTS and value is not None:
        plan.complain(f"{key} is no list", member.start)
    elif key == "configuration":
        if value is not None and not isinstance(value, dict):
            plan.complain("configuration is no object", member.start)
        plan.configuration = as_object(value)
    elif key == "prior_state":
        if value is not None and not isinstance(value, dict):
            plan.complain("prior_state is no object", member.start)
        _take_known(plan, as_object(as_object(value).get("values")).get("root_module"))
    elif key == "values":
        _take_known(plan, as_object(value).get("root_module"))
    elif key == "errored" and value is True:
        plan.not_evaluated.append(Unreadable(plan.file, "the plan is not complete: Terraform reports an error"))


def _take_change(plan: PlanFile, entry: Member, *, deferred: bool) -> None:
    change_of, inside = as_object(entry.value), ("change",)
    start = entry.start
    if deferred:
        found = find(plan.text, start, ("resource_change",))
        if found is None:
            return
        change_of, start = as_object(found.value), found.start
    kind, change = as_text(change_of.get("type")), change_of.get("change")
    if as_text(change_of.get("address")) is None or kind is None or not isinstance(change, dict):
        plan.complain("an entry of resource_changes has no address, type or change", start)
        return
    if not _KEPT.match(kind):
        return
    actions = {action for action in as_list(change.get("actions")) if isinstance(action, str)}
    read = change_of.get("mode") == "data"
    after = change.get("after")
    if not read and not (actions & _CHANGES or "no-op" in actions):
        if not actions:
            plan.complain(f"{change_of['address']}: a change without actions", start)
        return  # deleted or forgotten
    if change_of.get("deposed") is not None:
        return  # an object that is left over from a replacement and will be destroyed
    if after is not None and not isinstance(after, dict):
        plan.complain(f"{change_of['address']}: the values of the change are no object", start)
        return
    resource = _resource(
        plan, change_of, (start, entry.end), as_object(after), change.get("after_unknown"), (*inside, "after"),
        changed=bool(actions & _CHANGES),
    )  # fmt: skip
    (plan.reads if read else plan.resources)[resource.address] = resource


def _take_values(plan: PlanFile, place: Member, keys: tuple[str, ...]) -> None:
    """Resources of ``planned_values`` or ``values``, with their places."""
    root = find(plan.text, place.start, ("root_module",))
    pending = [(root, 0)] if root is not None else []
    while pending:
        module, depth = pending.pop()
        if not isinstance(module.value, dict):
            plan.complain(f"{keys[0]}: a module is no object", module.start)
            continue
        for member in members(plan.text, module.start):
            if member.value is not None and member.key in ("resources", "child_modules"):
                if not isinstance(member.value, list):
                    plan.complain(f"{keys[0]}: {member.key} is no list", member.start)
                elif member.key == "resources":
                    for entry in members(plan.text, member.start):
                        _take_value(plan, entry)
                else:
                    pending.extend((child, depth + 1) for child in members(plan.text, member.start))


def _take_value(plan: PlanFile, entry: Member) -> None:
    value = as_object(entry.value)
    kind = as_text(value.get("type"))
    if as_text(value.get("address")) is None or kind is None or not isinstance(value.get("values", {}), dict):
        plan.complain("a resource has no address, type or values", entry.start)
    elif value.get("mode") != "data" and _KEPT.match(kind):
        place = (entry.start, entry.end)
        resource = _resource(plan, value, place, as_object(value.get("values")), False, ("values",), changed=True)
        plan.resources[resource.address] = resource


def _resource(
    plan: PlanFile,
    entry: dict[str, Json],
    place: tuple[int, int],
    values: dict[str, Json],
    unknown: Json,
    inside: tuple[str, ...],
    *,
    changed: bool,
) -> PlannedResource:
    address = str(entry["address"])
    module = as_text(entry.get("module_address"))
    if module is None:  # entries of values have no module_address
        module = module_of(address)
    index = entry.get("index")
    return PlannedResource(
        address,
        str(entry["type"]),
        as_text(entry.get("name")) or "",
        module,
        index_text(index),
        changed,
        values,
        unknown,
        plan.lines.position(*place),
        place[0],
        inside,
    )


def index_text(index: Json) -> str:
    """An instance key as it stands in an address: ``[0]``, ``["a"]``, or nothing."""
    if isinstance(index, str):
        escaped = index.replace("\\", "\\\\").replace('"', '\\"')
        return f'["{escaped}"]'
    return f"[{index}]" if isinstance(index, int) and not isinstance(index, bool) else ""


def module_of(address: str) -> str:
    """The module part of a resource's address; "" for the root module."""
    return ".".join(module_steps(address))


def module_steps(address: str) -> list[str]:
    """The calls that an address begins with, instance keys included: ``module.a["x"]``, ``module.b``."""
    steps: list[str] = []
    place = 0
    while match := _MODULE.match(address, place):
        steps.append(match.group())
        place = match.end() + 1
    return steps


def _take_known(plan: PlanFile, root: Json) -> None:
    """What data resources gave when the plan was made: policy documents, and the account."""
    for resource in _resources_below(root):
        address, values = as_text(resource.get("address")), as_object(resource.get("values"))
        if resource.get("mode") != "data" or address is None:
            continue
        if resource.get("type") == DOCUMENT:
            document = as_text(values.get("json")) or as_text(values.get("minified_json"))
            if document:
                plan.known_documents[address] = document
        elif resource.get("type") == "aws_caller_identity":
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


def _resources_below(module: Json) -> Iterator[dict[str, Json]]:
    pending = [module]
    while pending:
        current = as_object(pending.pop())
        yield from map(as_object, as_list(current.get("resources")))
        pending.extend(as_list(current.get("child_modules")))
