"""Read CloudFormation and SAM templates in YAML and JSON, and services of the Serverless Framework.

Sources: AWS CloudFormation User Guide and Template Reference; AWS SAM Developer Guide. Each module names its pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.sources.cloudformation.cdk import account_of_template, stack_name_of
from passrole_checks.sources.cloudformation.commands import commands_in
from passrole_checks.sources.cloudformation.include import include_files
from passrole_checks.sources.cloudformation.language_extensions import expand_loops
from passrole_checks.sources.cloudformation.link_surface import surface_of
from passrole_checks.sources.cloudformation.nested import NestingContext
from passrole_checks.sources.cloudformation.policies import PolicyReader, make_reader
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.service_file import (
    ConvertedService,
    convert_to_template,
    is_service,
    looks_like_service,
)
from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, current_boundary
from passrole_checks.sources.model.configuration import NO_INPUTS, Configuration, Inputs, Unreadable
from passrole_checks.sources.model.links import LinkSurface
from passrole_checks.sources.model.principal_names import display_principal_names
from passrole_checks.sources.model.unknown_groups import unknown_groups

__all__ = ["load", "looks_like_service", "looks_like_template", "read_links"]


@gc_paused()
def load(
    path: Path,
    content: str,
    *,
    boundary: Path | None = None,
    beside: Sequence[Path] = (),
    inputs: Inputs = NO_INPUTS,
) -> Configuration:
    """Read a template: its resources, policies, roles and suppressions.

    ``path`` itself is not opened. Included files and the templates of nested stacks are read if they are below
    ``boundary`` or below a folder ``beside`` it.

    Parts that cannot be read are listed as unreadable. Raises :class:`InputError` if the whole file cannot be read.
    """
    with boundary_of_context(Boundary.around(boundary, *beside) if boundary is not None else current_boundary()):
        return _load(path, content, is_file=boundary is not None, inputs=inputs)


def _read(
    path: Path, content: str, *, is_file: bool, inputs: Inputs
) -> tuple[PolicyReader, ConvertedService, Sequence[InputError]]:
    """Return the reader of a template after reading, the service that it was converted from, and the files that cannot
    be included. Raises :class:`InputError` and RecursionError."""
    template = Template(str(path), content, dict(inputs.parameters))
    service = ConvertedService()
    if is_service(template.root):
        service = convert_to_template(template, path if is_file else None)
    broken = include_files(template, path) if is_file else ()
    expand_loops(template)
    reader = make_reader(template, NestingContext(path) if is_file else None)
    for node, reason in service.skipped:
        reader.documents.skip(node, reason)
    reader.read()
    reader.read_outputs()
    return reader, service, broken


def _load(path: Path, content: str, *, is_file: bool, inputs: Inputs) -> Configuration:
    """Read a template. ``is_file``: it is stored at ``path``, so that the files it names may be read."""
    try:
        reader, service, broken = _read(path, content, is_file=is_file, inputs=inputs)
        template_suppressions = reader.suppressions()
    except RecursionError:
        raise InputError(str(path), "nested too deeply") from None
    template = reader.evaluator.template
    as_read = Configuration(
        framework=reader.framework,
        files=(*template.files, *reader.nested.files),
        resources=tuple(reader.resources),
        policies=tuple(reader.policies),
        roles=tuple(reader.roles),
        users=tuple(reader.users),
        suppressions=tuple(template_suppressions),
        unreadable=(
            *reader.unreadable,
            *(Unreadable(error.file, error.reason, error.line) for error in (*service.errors, *broken)),
        ),
        not_evaluated=(
            *reader.not_evaluated,
            *unknown_groups(reader.attachments.index.members),
            *commands_in(template, reader.resources),
        ),
        parameters=tuple(template.parameters),
        parameters_read=frozenset(reader.evaluator.parameters.read),
        account=account_of_template(path) if is_file else None,
        nested=tuple(
            dict.fromkeys((*reader.nested.templates.values(), *service.files, *_included_documents(template, reader)))
        ),
        stacks=tuple(reader.nested.templates.items()),
        stack=stack_name_of(path) if is_file else "",
        received=tuple(reader.received.roles),
        instance_profiles=tuple(reader.received.profiles),
        attached=reader.attachments.index.build(reader.policies),
        missing=tuple(reader.missing),
    )
    template.forget()
    return display_principal_names(as_read)


@gc_paused()
def read_links(
    path: Path,
    content: str,
    *,
    boundary: Path | None = None,
    beside: Sequence[Path] = (),
    inputs: Inputs = NO_INPUTS,
) -> LinkSurface:
    """Return what a template reads of other roots and passes to them. Raises :class:`InputError`."""
    with boundary_of_context(Boundary.around(boundary, *beside) if boundary is not None else current_boundary()):
        try:
            reader, _, _ = _read(path, content, is_file=boundary is not None, inputs=inputs)
            surface = surface_of(reader.evaluator, account_of_template(path), stack_name_of(path))
        except RecursionError:
            raise InputError(str(path), "nested too deeply") from None
        reader.evaluator.template.forget()
        return surface


def _included_documents(template: Template, reader: PolicyReader) -> Iterator[str]:
    """Yield the included files in JSON, which may be bare policy documents."""
    files = (file for file in (*template.files, *reader.nested.files) if file.endswith(".json"))
    yield from (os.path.realpath(file) for file in files if file != template.file)
