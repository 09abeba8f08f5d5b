"""Terraform and OpenTofu configuration: one folder and the modules that it calls, evaluated without being run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.iam.partial_values import Node, children_of
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, current_boundary
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    AttachedPolicy,
    Configuration,
    Framework,
    Inputs,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.principal_names import display_principal_names
from passrole_checks.sources.terraform.evaluation import expressions, loops, templates
from passrole_checks.sources.terraform.functions import call as functions
from passrole_checks.sources.terraform.modules.folder import called_folders, read_folder
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.modules.providers import account_of
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.modules.tfvars import (
    given_texts,
    not_declared,
    read_tfvars,
    read_var_file,
    unreadable_inputs,
    values_of,
)
from passrole_checks.sources.terraform.policies.policies import ModuleContents, collect
from passrole_checks.sources.terraform.reading.files import Files
from passrole_checks.sources.terraform.reading.parse_cache import will_be_read
from passrole_checks.sources.terraform.reading.reader_json import value_attribute
from passrole_checks.sources.terraform.reading.suppressions import suppressions_in
from passrole_checks.sources.terraform.reading.syntax import Attribute, Body, ParsedFile

_ROOMS = (expressions, functions, loops, templates)  # imported because each registers how its expressions are evaluated


@gc_paused()
def load(
    folder: Path,
    *,
    only: Path | None = None,
    boundary: Path | None = None,
    beside: Sequence[Path] = (),
    inputs: Inputs = NO_INPUTS,
    look: Callable[[Module], None] | None = None,
) -> Configuration:
    """Evaluate one folder as a root module.

    ``only``: report the policies whose statements or resource stand in this one file. ``boundary``: the folder below
    which files are read that the configuration names (default: ``folder``); ``beside``: more of them. ``look`` is
    called with the evaluated root module, which holds nothing afterwards. Never raises for what is in the files: one
    that cannot be read is among ``unreadable``, with the line and the reason, and the rest is read.
    """
    with boundary_of_context(Boundary.around(boundary or folder, *beside)):
        return _load(folder, only, inputs, look)


def _load(folder: Path, only: Path | None, inputs: Inputs, look: Callable[[Module], None] | None) -> Configuration:
    root_folder = read_folder(folder, inputs.exclusions)
    tfvars = (*read_tfvars(folder), *(read_var_file(path) for path in inputs.var_files))
    texts, broken = given_texts(inputs, root_folder.variables)
    values = {**values_of(tfvars), **texts, **{name: value_attribute(name, node) for name, node in inputs.values}}
    run = Run(
        Files(current_boundary()),
        root=folder,
        folders={folder: root_folder},
        values=values,
        exclusions=inputs.exclusions,
    )
    root = Module(run, root_folder)
    found = collect(root)
    if look is not None:
        look(root)
    policies, received, held = found.policies, found.received, found.held
    beside: list[AttachedPolicy] = []
    if only is not None:
        policies = [policy for policy in policies if str(only) in _files_of(policy)]
        beside = [policy for policy in found.policies if str(only) not in _files_of(policy)]
        held["attachments"] = tuple(
            replace(one, is_checked=str(only) in (one.at.file, one.resource.at.file)) for one in held["attachments"]
        )
        received = [one for one in received if str(only) in (one.at.file, one.resource.at.file)]
    as_read = Configuration(
        framework=Framework.TERRAFORM,
        files=(
            *(parsed.source.file for parsed in (*_files(run), *tfvars) if _was_opened(parsed)),
            *_manifest(run),
            *dict.fromkeys(found.nested),
        ),
        resources=tuple(found.resources),
        policies=tuple(policies),
        roles=tuple(found.roles),
        users=tuple(found.users),
        suppressions=(*_suppressions(root, run, found), *found.suppressions),
        unreadable=(*_unreadable((*_files(run), *tfvars)), *run.outside.values(), *broken, *found.unreadable),
        account=account_of(root),
        not_evaluated=(*run.notes(), *_shadowed(run), *found.not_evaluated),
        received=tuple(received),
        instance_profiles=tuple(found.instance_profiles),
        stack_roles=tuple(found.stack_roles),
        other_policies=tuple(beside),
        nested=tuple(dict.fromkeys(os.path.realpath(file) for file in found.nested)),
        excluded=tuple(os.path.realpath(file) for one in run.folders.values() for file in one.excluded),
        **held,
    )
    root.close()
    return display_principal_names(as_read)


def _files_of(policy: AttachedPolicy) -> set[str]:
    """The files in which a policy's resource and the parts of its document stand."""
    found = {policy.resource.at.file}
    pending: list[Node] = [policy.document]
    while pending:
        node = pending.pop()
        found.add(node.at.file)
        pending.extend(children_of(node))
    return found


def _files(run: Run) -> Iterator[ParsedFile]:
    return (parsed for folder in run.folders.values() for parsed in folder.files)


def _unreadable(files: Iterable[ParsedFile]) -> Iterator[Unreadable]:
    for parsed in files:
        for problem in parsed.problems:
            yield Unreadable(parsed.source.file, problem.reason, problem.line or None)
        for attribute in _given_twice(parsed.body):
            yield Unreadable(parsed.source.file, f"{attribute.name} is given twice", attribute.span.line)


def _given_twice(body: Body) -> Iterator[Attribute]:
    """Attributes whose name their body gave before, which Terraform refuses, in the bodies that were looked into."""
    pending = [body]
    while pending:
        current = pending.pop(0)
        seen: set[str] = set()
        for attribute in current.attributes:
            if attribute.name in seen:
                yield attribute
            seen.add(attribute.name)
        pending.extend(block.body for block in current.blocks if "body" in vars(block))


def _suppressions(root: Module, run: Run, found: ModuleContents) -> Iterator[Suppression]:
    """Suppressions, each with the address that its block has in every module that it stands in."""
    addresses = {resource.address for resource in found.resources}
    by_folder: dict[Path, list[str]] = {}
    for module in root.walk():
        by_folder.setdefault(module.folder.path, []).append(module.address)
    for path, folder in run.folders.items():
        for parsed in folder.files:
            for suppression in suppressions_in(parsed):
                if suppression.resource is None:
                    yield suppression
                    continue
                for prefix in by_folder.get(path, [""]):
                    address = f"{prefix}.{suppression.resource}" if prefix else suppression.resource
                    matching = [name for name in addresses if name == address or name.startswith(f"{address}[")]
                    for name in sorted(matching) or [address]:
                        yield replace(suppression, resource=name)


def _was_opened(parsed: ParsedFile) -> bool:
    return all(problem.line for problem in parsed.problems)


def _manifest(run: Run) -> tuple[str, ...]:
    """The list of installed modules, where it was read."""
    return (str(run.installed.file),) if run.installed.used else ()


def _shadowed(run: Run) -> Iterator[Unreadable]:
    for folder in run.folders.values():
        for file, shadow in folder.shadowed:
            yield Unreadable(str(file), f"OpenTofu reads {shadow.name} in its place", subject=str(file))


def undeclared(folders: Iterable[Path], inputs: Inputs) -> tuple[Unreadable, ...]:
    """What is given to variables that none of these root modules declares."""
    declared = frozenset(name for folder in folders for name in read_folder(folder, inputs.exclusions).variables)
    return tuple(not_declared(inputs, declared))


__all__ = ["called_folders", "load", "undeclared", "unreadable_inputs", "will_be_read"]
