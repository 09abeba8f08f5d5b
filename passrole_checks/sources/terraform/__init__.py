"""Evaluate Terraform and OpenTofu configuration statically: one folder and the modules that it calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import nodes_in
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, current_boundary
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    AttachedPolicy,
    Configuration,
    Framework,
    Inputs,
    NoteKind,
    Notes,
    Provisioning,
    ReceivedRole,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.iam_commands import note_on_commands
from passrole_checks.sources.model.links import Key, LinkKind, LinkSurface, links_reads
from passrole_checks.sources.model.missing_sources import without_keys
from passrole_checks.sources.model.principal_names import display_principal_names
from passrole_checks.sources.policy_document import looks_like_policy_document
from passrole_checks.sources.terraform.evaluation import expressions, loops, templates
from passrole_checks.sources.terraform.functions import call as functions
from passrole_checks.sources.terraform.link_surface import offers_of, surface_of
from passrole_checks.sources.terraform.modules.folder import (
    called_folders,
    called_roots,
    literal_attribute,
    read_folder,
)
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.modules.providers import account_of, credentials_of, own_credentials_of
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.modules.terragrunt import TerragruntUnit, local_module, read_unit
from passrole_checks.sources.terraform.modules.tfvars import (
    command_line_values,
    merge_values,
    read_tfvars,
    read_var_file,
    undeclared_values,
    unreadable_inputs,
)
from passrole_checks.sources.terraform.policies.policies import ModuleContents, collect
from passrole_checks.sources.terraform.reading.files import Files
from passrole_checks.sources.terraform.reading.reader_json import value_attribute
from passrole_checks.sources.terraform.reading.suppressions import suppressions_in
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body, ParsedFile
from passrole_checks.sources.terraform.resources.data_sources import outside_reason

# imported because each registers the evaluators of its expressions
_EVALUATORS = (expressions, functions, loops, templates)
_ADDRESS = lazy_regex(r"""[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[(?:\d+|"[^"$%]*")\])+""")


@gc_paused()
def load(
    folder: Path,
    *,
    only: Path | None = None,
    boundary: Path | None = None,
    beside: Sequence[Path] = (),
    inputs: Inputs = NO_INPUTS,
    inspect: Callable[[Module], None] | None = None,
    with_unused: bool = True,
    offers: Collection[LinkKind] | None = None,
) -> Configuration:
    """Evaluate one folder as a root module.

    ``only``: report only policies with a resource or statements in this file. ``boundary``: folder below which files
    named by the configuration are read (default: ``folder``). ``other_policies``: further folders of that kind.
    ``inspect``: called with the evaluated root module, whose values are dropped afterwards. ``with_unused``: also note
    policies that nothing uses. ``offers``: kinds of values for other roots whose names are in ``surface``. Never raises
    for the content of files: errors are in ``unreadable``, with line and reason, and the rest is evaluated.
    """
    with boundary_of_context(Boundary.around(boundary or folder, *beside)):
        return _load(folder, only, inputs, inspect, with_unused=with_unused, offers=offers)


def _load(
    folder: Path,
    only: Path | None,
    inputs: Inputs,
    inspect: Callable[[Module], None] | None,
    terragrunt: TerragruntUnit | None = None,
    *,
    with_unused: bool = True,
    offers: Collection[LinkKind] | None = None,
) -> Configuration:
    root, tfvars, invalid = _root_module(folder, inputs, terragrunt)
    contents = collect(root, with_unused=with_unused)
    if inspect is not None:
        inspect(root)
    configuration = _configuration(root, contents, tfvars, invalid)
    if offers is not None:
        reads = tuple(dict.fromkeys(links_reads()))
        passed = tuple(offers_of(root, root.walk(), offers))
        configuration = replace(
            configuration,
            surroundings=replace(configuration.surroundings, surface=LinkSurface(reads, passed, configuration.account)),
        )
    if only is not None:
        configuration = _restrict_to_file(configuration, str(only))
    root.close()
    return display_principal_names(configuration)


def _root_module(
    folder: Path, inputs: Inputs, terragrunt: TerragruntUnit | None = None
) -> tuple[Module, tuple[ParsedFile, ...], tuple[Unreadable, ...]]:
    """Return a root module with its values, the files with values, and the values that are invalid."""
    root_folder = read_folder(folder, inputs.exclusions)
    tfvars = (*read_tfvars(folder), *(read_var_file(path) for path in inputs.var_files))
    command_line, invalid = command_line_values(inputs, root_folder.variables)
    nodes = {name: value_attribute(name, node) for name, node in inputs.values}
    given = {**merge_values(tfvars), **command_line, **nodes}
    written, evaluated = (terragrunt.written, terragrunt.inputs) if terragrunt is not None else ({}, {})
    run = Run(
        Files(current_boundary()),
        root=folder,
        folders={folder: root_folder},
        values={**written, **given},
        # Terragrunt passes inputs in the environment, which has the lowest precedence
        evaluated={name: value for name, value in evaluated.items() if name not in given},
        exclusions=inputs.exclusions,
    )
    return Module(run, root_folder), tfvars, invalid


@gc_paused()
def load_terragrunt(
    file: Path, *, boundary: Path | None = None, beside: Sequence[Path] = (), inputs: Inputs = NO_INPUTS
) -> Configuration:
    """Evaluate the local module that a unit of Terragrunt deploys, with its inputs; without one, return notes only."""
    with boundary_of_context(Boundary.around(boundary or file.parent, *beside)):
        unit = read_unit(file)
        read = tuple(parsed.source.file for parsed in unit.files if _was_opened(parsed))
        problems, notes = tuple(_unreadable(unit.files)), (*unit.notes, *_commands(unit.files))
        if unit.module is None:
            return Configuration(Framework.TERRAFORM, read, notes=Notes(unreadable=problems, not_evaluated=notes))
        configuration = _load(unit.module, None, inputs, None, unit)
        return replace(
            configuration,
            files=(*configuration.files, *read),
            notes=replace(
                configuration.notes,
                unreadable=(*configuration.notes.unreadable, *problems),
                not_evaluated=(*configuration.notes.not_evaluated, *notes),
                missing=(*configuration.notes.missing, *unit.dependencies.items()),
            ),
        )


@gc_paused()
def read_links(
    folder: Path,
    *,
    boundary: Path | None = None,
    beside: Sequence[Path] = (),
    inputs: Inputs = NO_INPUTS,
    kinds: Collection[LinkKind],
    keys: Container[Key] | None,
    modules: Callable[[Path], bool],
    with_reads: bool,
) -> LinkSurface:
    """Return what a root module reads of other roots and passes to them. Arguments as in
    :func:`link_surface.surface_of`."""
    with boundary_of_context(Boundary.around(boundary or folder, *beside)):
        root, _, _ = _root_module(folder, inputs)
        surface = surface_of(root, kinds, keys, modules, with_reads=with_reads)
        root.close()
        return surface


def _configuration(
    root: Module, contents: ModuleContents, tfvars: tuple[ParsedFile, ...], invalid: tuple[Unreadable, ...]
) -> Configuration:
    run = root.run
    parsed_files = (*(parsed for folder in run.folders.values() for parsed in folder.files), *tfvars)
    opened = (parsed.source.file for parsed in parsed_files if _was_opened(parsed))
    manifest = (str(run.installed.file),) if run.installed.used else ()
    shadowed = (
        Unreadable(str(file), f"OpenTofu reads {shadow.name} instead", subject=str(file))
        for folder in run.folders.values()
        for file, shadow in folder.shadowed
    )
    documents = (path for path, content in run.files.contents() if looks_like_policy_document(content))
    return Configuration(
        framework=Framework.TERRAFORM,
        files=(*opened, *manifest, *dict.fromkeys(contents.nested)),
        resources=tuple(contents.resources),
        policies=tuple(contents.policies),
        roles=tuple(contents.roles),
        users=tuple(contents.users),
        account=account_of(root),
        received=tuple(contents.received),
        instance_profiles=tuple(contents.instance_profiles),
        stack_roles=tuple(contents.stack_roles),
        attached=contents.attached,
        notes=Notes(
            suppressions=(*_suppressions(root, contents), *contents.suppressions),
            unreadable=(*_unreadable(parsed_files), *invalid, *contents.unreadable),
            not_evaluated=(
                *run.notes(),
                *shadowed,
                *contents.not_evaluated,
                *_commands(parsed_files, run.files.contents()),
            ),
            excluded=tuple(os.path.realpath(file) for read in run.folders.values() for file in read.excluded),
            missing=(*run.missing.items(), *_missing_data(root)),
        ),
        provisioning=Provisioning(
            credentials=credentials_of(root),
            own_credentials=tuple(own_credentials_of(root)),
            moves=tuple(_declared_moves(root)),
            parameters=tuple(root.folder.variables),
            parameters_read=frozenset(run.variables_read),
            nested=tuple(dict.fromkeys(os.path.realpath(file) for file in (*contents.nested, *documents))),
        ),
    )


def _missing_data(root: Module) -> Iterator[tuple[str, Unreadable]]:
    """Yield the addresses of data sources whose content is outside of the configuration, each with a note."""
    for module in root.walk():
        for block in module.folder.data:
            reason = outside_reason(block.labels[0])
            if reason is not None:
                file, line, name = block.source.file, block.span.line, block.address
                note = Unreadable(file, f"{name}: {reason}", line, f"{file} {name}", kind=NoteKind.DEFINED_ELSEWHERE)
                yield without_keys(module.full_address(name)), note


def _declared_moves(root: Module) -> Iterator[tuple[str, str]]:
    """Yield the old and the new address of each ``moved`` block of a configuration.

    Source: Terraform's page "Refactor modules", ``moved`` blocks: addresses are relative to the module of the block,
    and that of a module or of a resource without an instance key includes everything below it.
    """
    for module in root.walk():
        for block in (block for parsed in module.folder.files for block in parsed.body.all("moved")):
            before, after = (_written_address(block, name) for name in ("from", "to"))
            if before and after:
                yield module.full_address(before), module.full_address(after)


def _written_address(block: Block, name: str) -> str:
    """Return the address of an argument, an expression or (in JSON) a string; "" for any other."""
    attribute = block.body.get(name)
    written = attribute.source_bytes if attribute is not None else b""
    text = literal_attribute(block, name) or written.decode("utf-8", "replace").partition("=")[2].strip()
    return text if _ADDRESS.fullmatch(text) else ""


def _restrict_to_file(configuration: Configuration, file: str) -> Configuration:
    """Report only what concerns one file; other policies and roles passed to resources move to ``other_policies`` and
    ``other_received``, other attachments are not judged."""
    policies = configuration.policies

    def is_asked_for(received: ReceivedRole) -> bool:
        return file in (received.at.file, received.resource.at.file)

    return replace(
        configuration,
        policies=tuple(policy for policy in policies if file in _files_of(policy)),
        other_policies=tuple(policy for policy in policies if file not in _files_of(policy)),
        attached=replace(
            configuration.attached,
            managed_policies=tuple(
                replace(attachment, is_checked=file in (attachment.at.file, attachment.resource.at.file))
                for attachment in configuration.attached.managed_policies
            ),
        ),
        received=tuple(received for received in configuration.received if is_asked_for(received)),
        other_received=tuple(received for received in configuration.received if not is_asked_for(received)),
    )


def _files_of(policy: AttachedPolicy) -> set[str]:
    """Return the files that contain the policy's resource and the parts of its document."""
    return {policy.resource.at.file, *(node.at.file for node in nodes_in(policy.document))}


def _unreadable(files: Iterable[ParsedFile]) -> Iterator[Unreadable]:
    for parsed in files:
        for problem in parsed.problems:
            yield Unreadable(parsed.source.file, problem.reason, problem.line or None)
        for attribute in parsed.body.attributes if parsed.source.file.endswith((".tf", ".tofu")) else ():
            yield Unreadable(parsed.source.file, f"argument {attribute.name} outside of a block", attribute.span.line)
        for attribute in _duplicate_attributes(parsed.body):
            yield Unreadable(parsed.source.file, f"duplicate attribute {attribute.name}", attribute.span.line)


def _duplicate_attributes(body: Body) -> Iterator[Attribute]:
    """Yield attributes whose name already occurred in their body (an error in Terraform), in bodies built so far."""
    bodies = [body]
    for current in bodies:
        if len(current.by_name) < len(current.attributes):
            names = set(current.by_name)
            for attribute in current.attributes:
                if attribute.name not in names:
                    yield attribute
                names.discard(attribute.name)
        bodies.extend(block.body for block in current.blocks if "body" in vars(block))


def _suppressions(root: Module, contents: ModuleContents) -> Iterator[Suppression]:
    """Yield the suppressions, each with the address of its block in every module that contains it."""
    addresses = {resource.address for resource in contents.resources}
    modules_by_folder: dict[Path, list[str]] = {}
    for module in root.walk():
        modules_by_folder.setdefault(module.folder.path, []).append(module.address)
    for path, folder in root.run.folders.items():
        for parsed in folder.files:
            for suppression in suppressions_in(parsed):
                if suppression.resource is None:
                    yield suppression
                    continue
                for module_address in modules_by_folder.get(path, [""]):
                    prefix = f"{module_address}." if module_address else ""
                    address = f"{prefix}{suppression.resource}"
                    matching = [name for name in addresses if name == address or name.startswith(f"{address}[")]
                    for name in sorted(matching) or [address]:
                        yield replace(suppression, resource=name)


def _was_opened(parsed: ParsedFile) -> bool:
    return all(problem.line for problem in parsed.problems)


def _commands(files: Iterable[ParsedFile], read: Iterable[tuple[str, str]] = ()) -> Iterator[Unreadable]:
    """Yield the notes on commands in the files of a configuration, and in those that its expressions ``read``."""
    texts = ((parsed.source.file, parsed.source.data.decode("utf-8", "replace")) for parsed in files)
    for file, text in dict([*texts, *read]).items():
        yield from note_on_commands(file, text)


def undeclared_inputs(folders: Iterable[Path], inputs: Inputs) -> tuple[Unreadable, ...]:
    """Return the given values whose variables none of these root modules declares."""
    declared = frozenset(name for folder in folders for name in read_folder(folder, inputs.exclusions).variables)
    return tuple(undeclared_values(inputs, declared))


__all__ = [
    "called_folders",
    "called_roots",
    "load",
    "load_terragrunt",
    "local_module",
    "read_links",
    "undeclared_inputs",
    "unreadable_inputs",
]
