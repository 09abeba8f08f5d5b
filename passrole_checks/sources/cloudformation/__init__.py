"""Read CloudFormation and SAM templates in YAML and JSON, and services of the Serverless Framework.

Commands of the AWS CLI in start scripts and build specifications are noted and not evaluated.

Sources: AWS CloudFormation User Guide and Template Reference (here "Outputs section syntax", AWS::SSM::Parameter,
AWS::EC2::Instance ``UserData``, AWS::CodeBuild::Project ``BuildSpec``, "AWS::CloudFormation::Init"); AWS SAM Developer
Guide. Each module names its pages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.sources.cloudformation.cdk import deployment_of
from passrole_checks.sources.cloudformation.include import include_files
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.language_extensions import expand_loops
from passrole_checks.sources.cloudformation.nested import NestingContext
from passrole_checks.sources.cloudformation.policies import PolicyReader, make_reader
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.service_file import (
    ConvertedService,
    convert_to_template,
    is_service,
    looks_like_service,
)
from passrole_checks.sources.cloudformation.stack_values import with_stack_name
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import Template, child, entries
from passrole_checks.sources.collect.attachments import unknown_groups
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, current_boundary
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    Configuration,
    Inputs,
    Notes,
    Provisioning,
    Unreadable,
)
from passrole_checks.sources.model.links import LinkKind, LinkOffer, LinkSurface, links_reads
from passrole_checks.sources.model.principal_names import display_principal_names

__all__ = ["load", "looks_like_service", "looks_like_template", "read_links"]


@gc_paused()
def load(
    path: Path, content: str, *, boundary: Path | None = None, beside: Sequence[Path] = (), inputs: Inputs = NO_INPUTS
) -> Configuration:
    """Read a template: its resources, policies, roles and suppressions.

    ``path`` itself is not opened. Included files and the templates of nested stacks are read if they are below
    ``boundary`` or below a folder ``beside`` it.

    Parts that cannot be read are listed as unreadable. Raises :class:`InputError` if the whole file cannot be read.
    """
    with _reading(path, content, boundary, beside, inputs) as (reader, service, broken):
        template = reader.evaluator.template
        account, stack = deployment_of(path) if boundary is not None else (None, "")
        errors = (Unreadable(error.file, error.reason, error.line) for error in (*service.errors, *broken))
        # included files in JSON may be bare policy documents
        files = (file for file in (*template.files, *reader.nested.files) if file.endswith(".json"))
        included = (os.path.realpath(file) for file in files if file != template.file)
        nested = dict.fromkeys((*reader.nested.templates.values(), *service.files, *included))
        as_read = Configuration(
            framework=reader.framework,
            files=(*template.files, *reader.nested.files),
            resources=tuple(reader.resources),
            policies=tuple(reader.policies),
            roles=tuple(reader.roles),
            users=tuple(reader.users),
            account=account,
            received=tuple(reader.received.roles),
            instance_profiles=tuple(reader.received.profiles),
            attached=reader.attachments.index.build(reader.policies),
            notes=Notes(
                suppressions=tuple(reader.suppressions()),
                unreadable=(*reader.unreadable, *errors),
                not_evaluated=(
                    *reader.not_evaluated,
                    *unknown_groups(reader.attachments.index.members),
                    *template.notes_on_commands(),
                ),
                missing=tuple(reader.missing),
            ),
            provisioning=Provisioning(
                parameters=tuple(template.parameters),
                parameters_read=frozenset(reader.evaluator.parameters.read),
                nested=tuple(nested),
                stacks=tuple(reader.nested.templates.items()),
                stack=stack,
            ),
        )
    return display_principal_names(as_read)


@contextmanager
def _reading(
    path: Path, content: str, boundary: Path | None, beside: Sequence[Path], inputs: Inputs
) -> Iterator[tuple[PolicyReader, ConvertedService, Sequence[InputError]]]:
    """Give the reader of a template after reading, the service that it was converted from, and the files that cannot be
    included. With a ``boundary``, the template is stored at ``path``, so that the files it names may be read."""
    is_file = boundary is not None
    try:
        with boundary_of_context(Boundary.around(boundary, *beside) if boundary is not None else current_boundary()):
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
            yield reader, service, broken
            template.forget()
    except RecursionError:
        raise InputError(str(path), "nested too deeply") from None


@gc_paused()
def read_links(
    path: Path, content: str, *, boundary: Path | None = None, beside: Sequence[Path] = (), inputs: Inputs = NO_INPUTS
) -> LinkSurface:
    """Return what a template reads of other roots and passes to them. Raises :class:`InputError`."""
    with _reading(path, content, boundary, beside, inputs) as (reader, _, _):
        account, stack = deployment_of(path)
        offers = tuple(_offers(reader.evaluator, stack))
        return LinkSurface(tuple(dict.fromkeys(links_reads())), offers, account, stack)


def _offers(evaluator: Evaluator, stack: str) -> Iterator[LinkOffer]:
    """Yield the exports of a template and the SSM parameters that it writes."""
    template, name_of_stack = evaluator.template, (stack,) if stack else ()
    outputs = [output for _, output in entries(child(template.root, "Outputs"))]
    written = [(LinkKind.EXPORT, child(output, "Export", "Name"), child(output, "Value")) for output in outputs]
    for logical_id, resource in template.resources.items():
        if template.types[logical_id] == "AWS::SSM::Parameter":
            properties = child(resource, "Properties")
            written.append((LinkKind.PARAMETER, child(properties, "Name"), child(properties, "Value")))
    for kind, name, value in written:
        if name is not None and value is not None:
            text = as_text(with_stack_name(evaluator.node(name), name_of_stack))
            if text is not None:
                passed = with_stack_name(evaluator.node(value), name_of_stack)
                yield LinkOffer(kind, text, passed, template.position(value))
