"""Match the principals and policies that one unit lost with those that another unit gained.

A user, group or role with a known name is the same principal wherever it is named: names are unique within an account
(IAM User Guide, "IAM and AWS STS quotas"). A resource without a known name moved if one unit lost it and the other
gained one of the same type under the same name in the code. Units share nothing if they state different accounts, or
if only one of them states its account.

A module that no root calls is a root here, until an example below its folder calls it: the same code then has the same
resources (Terraform documentation, "Standard Module Structure": examples are below the folder of the module).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

from passrole_checks.diff.units import UnitPair
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.sources.model.configuration import Configuration, Framework, ResourceDefinition
from passrole_checks.sources.terraform.modules.folder import EXAMPLE_FOLDERS

_INSTANCE = lazy_regex(r"(?<=\w)\[[^\]]*\]$")
_CALL = lazy_regex(r"(module\.[^.\[]+(?:\[[^\]]*\])?\.)(?!module\.)")  # not of a module in another one
_MODULES = lazy_regex(r"^(?:module\.[^.\[]+(?:\[[^\]]*\])?\.)+")


def moved_names(old: UnitPair, new: UnitPair) -> dict[str, str]:
    """Map principals and resources of the old version of one unit to those of the new version of another one."""
    if not share_an_account(old.old, new.new):
        return {}
    found = {**_match(old.old, _resources(old.new), _resources(new.old), new.new), **example_names(old, new)}
    shown = {principal: one for one, principal in principal_names(new.new).items()}
    for one, principal in principal_names(old.old).items():
        if principal in shown:
            found[one] = shown[principal]
    return found


def share_an_account(old: Configuration, new: Configuration) -> bool:
    """True unless two units state different accounts or credentials, or only one of them does."""
    homes = old.change.home.account, new.change.home.account
    credentials = tuple([text for text, _ in side.provisioning.credentials] for side in (old, new))
    return old.account == new.account and credentials[0] == credentials[1] and (not all(homes) or homes[0] == homes[1])


def example_names(old: UnitPair, new: UnitPair) -> dict[str, str]:
    """Map the resources of a module in the old version of one unit to those in the new version of another one, if one
    of the two is the module as a root, and the other an example below its folder that calls it."""
    called = _folder_of_module(old.old_place, new.place, new.new)
    if called is not None:
        return _match_code(_in_folder(new.new, called), _resources(old.old), is_called=False)
    called = _folder_of_module(new.place, old.old_place, old.old)
    return _match_code(_in_folder(old.old, called), _resources(new.new), is_called=True) if called is not None else {}


def calls_in_examples(old: UnitPair, new: UnitPair) -> Iterator[tuple[list[str], list[str]]]:
    """Yield, for each module that the old version of one example and the new version of another one call, the calls as
    prefixes of addresses. Both examples are in folders of examples or tests below the module's folder."""
    for module in map(str, PurePath(new.place).parents if new.place else ()):
        calls: list[list[str]] = []
        for place, unit in ((old.old_place, old.old), (new.place, new.new)):
            folder = _folder_of_module(module, place, unit)
            if folder is None or EXAMPLE_FOLDERS.isdisjoint(PurePath(place).relative_to(module).parts):
                break
            direct = (_CALL.match(address) for address in _in_folder(unit, folder))
            calls.append(list(dict.fromkeys(found[1] for found in direct if found is not None)))
        if len(calls) == len((old, new)):
            yield calls[0], calls[1]


def _folder_of_module(module: str, example: str, caller: Configuration) -> str | None:
    """Return the folder of the files of ``module`` as read for ``caller``, if that is the Terraform root ``example``
    below the module; both are paths from the top of a version."""
    if caller.framework is not Framework.TERRAFORM or not (module and example) or PurePath(module) == PurePath(example):
        return None
    if not PurePath(example).is_relative_to(module):
        return None
    below = PurePath(example).relative_to(module).as_posix()
    folders = (os.path.dirname(file) for file in caller.files)
    return next((folder.removesuffix(f"/{below}") for folder in folders if f"/{folder}".endswith(f"/{example}")), None)


def _in_folder(unit: Configuration, folder: str) -> dict[str, ResourceDefinition]:
    """Return the resources of modules whose code is in a folder."""
    found = _resources(unit).items()
    return {
        address: one for address, one in found if _MODULES.match(address) and os.path.dirname(one.at.file) == folder
    }


def _match_code(
    called: Mapping[str, ResourceDefinition], alone: Mapping[str, ResourceDefinition], *, is_called: bool
) -> dict[str, str]:
    """Map the resources of a module that is ``called`` and the same module as a root; ``is_called``: from the former to
    the latter."""
    own = {address: one for address, one in alone.items() if not _MODULES.match(address)}
    by_name = _by_name(own.values())
    found: dict[str, str] = {}
    for address, resource in called.items():
        rest = _MODULES.sub("", address)
        same = [rest] if rest in own else by_name.get((resource.type, name_in_code(address)), [])
        if len(same) == 1:
            found.setdefault(*((address, same[0]) if is_called else (same[0], address)))
    return found


def match_modules(old: Configuration, new: Configuration, known: Mapping[str, str]) -> dict[str, str]:
    """Map addresses in ``old`` to those in ``new`` that it declares to be the same, or that only the module
    distinguishes. ``known``: those mapped already."""
    found = dict(_declared(old, new))
    others = _match(old, _resources(new), _resources(old), new)
    for one, other in others.items():
        if one not in found and other not in found.values():
            found[one] = other
    taken = set(known.values())
    return {one: other for one, other in found.items() if one not in known and other not in taken}


def _declared(old: Configuration, new: Configuration) -> Iterator[tuple[str, str]]:
    """Yield the addresses in ``old``, and those in ``new`` that this declares to be the same."""
    before, after = _resources(old), _resources(new)
    names, new_names = _names_in_aws(old), _names_in_aws(new)
    for start, target in new.provisioning.moves:
        for address in before.keys() - after.keys():
            rest = address[len(start) :]
            moved = target + rest
            if address.startswith(start) and rest[:1] in ("", ".", "[") and moved in after and moved not in before:
                first, second = names.get(address), new_names.get(moved)
                if None in (first, second) or first == second:  # else it is another role in AWS
                    yield address, moved


def _match(
    old: Configuration,
    left: Mapping[str, ResourceDefinition],
    present: Mapping[str, ResourceDefinition],
    new: Configuration,
) -> dict[str, str]:
    """Map addresses in ``old``, but not ``left``, to addresses in ``new`` that were not ``present``: those of the same
    type, with the same name in the code and no different names in AWS. Of several, only equal addresses match."""
    gone = _by_name(one for address, one in _resources(old).items() if address not in left)
    added = _by_name(one for address, one in _resources(new).items() if address not in present)
    names, new_names = _names_in_aws(old), _names_in_aws(new)
    found: dict[str, str] = {}
    for key in gone.keys() & added.keys():
        first, second = gone[key], added[key]
        pairs = [(one, one) for one in first if one in second]
        if not pairs and len(first) == len(second) == 1:
            pairs = [(first[0], second[0])]
        found.update((one, other) for one, other in pairs if names.get(one) == new_names.get(other))
    return found


def principal_names(unit: Configuration) -> dict[str, tuple[str, str]]:
    """Return the kind and name of the principals of a unit whose names are known."""
    found = {shown: (kind, name) for shown, kind, name in unit.literals}
    for address, kind, name in (
        *((role.resource.address, "role", role.name) for role in unit.roles),
        *((user, "user", name) for user, name in unit.users),
    ):
        if name is not None and name.literal is not None:
            found[address] = kind, name.literal
    return found


def known_names(unit: Configuration) -> dict[str, StringNode]:
    """Return the names of the roles and users of a unit by address, as far as they are given."""
    return {role.resource.address: role.name for role in unit.roles if role.name is not None} | dict(unit.users)


def name_in_code(address: str) -> str:
    """Return the address of a resource without the modules that contain it and the key of its instance."""
    return _INSTANCE.sub("", _MODULES.sub("", address))


def names_in_code(principals: Iterable[str]) -> list[str]:
    """Return the names by which code refers to principals: the last parts of their addresses."""
    return [name_in_code(principal).rpartition(".")[2] for principal in principals]


def _resources(unit: Configuration) -> dict[str, ResourceDefinition]:
    found = {resource.address: resource for resource in unit.resources}
    found |= {policy.resource.address: policy.resource for policy in (*unit.policies, *unit.change.unchanged)}
    return found | {role.resource.address: role.resource for role in unit.roles}


def _by_name(resources: Iterable[ResourceDefinition]) -> dict[tuple[str, str], list[str]]:
    return grouped(((one.type, name_in_code(one.address)), one.address) for one in resources)


def _names_in_aws(unit: Configuration) -> dict[str, str]:
    """Return the names of principals by address, as far as they are given."""
    return {address: str(name) for address, name in known_names(unit).items()}
