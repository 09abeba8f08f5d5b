"""Units of Terragrunt: which local module one deploys, and the values of its input variables.

Sources: Terragrunt documentation, "HCL Blocks" (``terraform``, ``include``, ``locals``, ``generate``), "HCL Attributes"
(``inputs``), "HCL Functions" (``find_in_parent_folders``). Of its own functions and objects (``get_env``,
``dependency.x.outputs``) nothing is known: they are unresolved values. Nothing is downloaded or executed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path

from passrole_checks.files.safe_read import real_path
from passrole_checks.files.unsaved_texts import is_file
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Node, ObjectNode, StringNode
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, current_boundary
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.evaluation.scope import evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
from passrole_checks.sources.terraform.modules.folder import (
    Folder,
    is_local_source,
    literal_attribute,
    resolve_local_source,
)
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.reading.files import Files, parse_file, terraform_files
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, ParsedFile

_PARENTS = ("root.hcl", "terragrunt.hcl")  # what find_in_parent_folders() looks for
_FIND = lazy_regex(rb'find_in_parent_folders\(\s*(?:"([^"$\\]+)"\s*)?[,)]')
_OWN_FOLDER = "${get_terragrunt_dir()}/"
_PROVIDERS_ONLY = lazy_regex(rb'(?m)(?:^|contents\s*=\s*"|\\n)\s*(?:resource|data|module|locals|import|removed)\b')
_CONTENTS_OF_CALL = lazy_regex(rb"contents\s*=\s*[a-z_]+\(")
_MAX_LEVELS = 20  # folders above a unit in which an included file is searched


@dataclass
class TerragruntUnit:
    """A unit of Terragrunt.

    ``module``: the folder of the local module that it deploys, if there is one. ``inputs``: values of its variables;
    ``written``: the attribute with each. ``files``: the file and those that it includes. ``dependencies``: the
    addresses of the units whose outputs it uses, each with a note.
    """

    file: Path
    module: Path | None = None
    inputs: dict[str, Node] = field(default_factory=dict)
    written: dict[str, Attribute] = field(default_factory=dict)
    files: list[ParsedFile] = field(default_factory=list)
    notes: list[Unreadable] = field(default_factory=list)
    dependencies: dict[str, Unreadable] = field(default_factory=dict)


def local_module(file: Path) -> Path | None:
    """Return the folder of the local module that a file of Terragrunt deploys; None if there is none."""
    return read_unit(file, with_inputs=False).module


def read_unit(file: Path, *, with_inputs: bool = True) -> TerragruntUnit:
    """Read a file of Terragrunt with the files that it includes. Never raises; errors are in ``files``."""
    unit = TerragruntUnit(file)
    source: tuple[str | None, ParsedFile] | None = None
    for parsed in _with_included(file):
        unit.files.append(parsed)
        module = _module_of(parsed)
        for block in parsed.body.all("terraform"):
            if block.body.get("source") is not None:
                source = _source_of(block, module), parsed
        inputs = parsed.body.get("inputs")
        if with_inputs and inputs is not None:
            _add_inputs(unit, inputs, module)
        module.close()
        unit.notes.extend(_notes_on(parsed, is_included=parsed.source.file != str(file)))
        unit.dependencies.update(_dependencies_of(parsed))
    if source is None:
        unit.module = file.parent if terraform_files(file.parent) else None
    elif source[0] is not None and is_local_source(source[0]):
        # ``//`` separates what Terragrunt copies from the module
        path = re.sub(r"/{2,}", "/", source[0])
        real = Path(real_path(resolve_local_source(Path(source[1].source.file).parent, path)))
        unit.module = real if current_boundary().allows(real) and terraform_files(real) else None
    if source is not None and unit.module is None:
        reason = f"Terragrunt: module {source[0] or 'with an unknown source'} is not available"
        unit.notes.append(Unreadable(str(file), reason, 1, kind=NoteKind.OTHER_TOOL))
    return unit


def known_sources(parsed: ParsedFile) -> Iterator[str]:
    """Yield the local sources of modules in a file that is not on disk, as far as its own values say."""
    with boundary_of_context(Boundary(())):
        for block in parsed.body.all("terraform"):
            if block.body.get("source") is not None:
                source = _source_of(block, _module_of(parsed))
                if source is not None and is_local_source(source):
                    yield source


def _with_included(file: Path) -> Iterator[ParsedFile]:
    """Yield the parsed files that a file includes, then that file, whose values take precedence."""
    parsed = parse_file(file)
    for block in parsed.body.all("include"):
        path = _included_path(file, block)
        if path is not None and path != file:
            yield parse_file(path)
    yield parsed


def _included_path(file: Path, block: Block) -> Path | None:
    """Return the file that an ``include`` block names: a literal path, or one in a folder above; None if unknown."""
    attribute = block.body.get("path")
    text = attribute.source.data if attribute is not None else b""
    literal = literal_attribute(block, "path")
    if literal is not None and "${" not in literal:
        return _existing(resolve_local_source(file.parent, literal))
    match = _FIND.search(_lines_of(block, text))
    if match is None:
        return None
    names = (match[1].decode("utf-8", "replace"),) if match[1] else _PARENTS
    for folder in list(file.parent.parents)[:_MAX_LEVELS]:
        for name in names:
            path = _existing(folder / name)
            if path is not None:
                return path
    return None


def _existing(path: Path) -> Path | None:
    return path if current_boundary().allows(path) and is_file(path) else None


def _lines_of(block: Block, text: bytes) -> bytes:
    return b"\n".join(text.split(b"\n")[block.span.line - 1 : block.span.end_line])


def _module_of(parsed: ParsedFile) -> Module:
    """Return a module that has nothing but the locals of a file, to evaluate its expressions."""
    folder = Folder(Path(parsed.source.file).parent, files=[parsed])
    for block in parsed.body.all("locals"):
        folder.locals.update({attribute.name: attribute for attribute in block.body.attributes})
    return Module(Run(Files(current_boundary()), root=folder.path, folders={folder.path: folder}), folder)


def _source_of(block: Block, module: Module) -> str | None:
    """Return the source of the module, None if it is unknown."""
    attribute = block.body.get("source")
    assert attribute is not None
    value = evaluate(attribute.value, module.scope(attribute.source))
    known = known_string(value)
    if known is not None or not isinstance(value, StringNode):
        return known
    return str(value).removeprefix(_OWN_FOLDER) if str(value).startswith(f"{_OWN_FOLDER}.") else None


def _add_inputs(unit: TerragruntUnit, inputs: Attribute, module: Module) -> None:
    value = evaluate(inputs.value, module.scope(inputs.source))
    if not isinstance(value, ObjectNode):
        reason = "Terragrunt: inputs cannot be evaluated"
        unit.notes.append(Unreadable(inputs.source.file, reason, inputs.span.line, kind=NoteKind.OTHER_TOOL))
        return
    for entry in value.entries:
        name = entry.key.literal
        if name is not None:
            unit.inputs[name] = entry.value
            unit.written[name] = inputs


def _dependencies_of(parsed: ParsedFile) -> Iterator[tuple[str, Unreadable]]:
    """Yield the address of each ``dependency`` block with a note, since the outputs of another unit are unknown."""
    for block in parsed.body.all("dependency"):
        file, address = parsed.source.file, block.address
        path = literal_attribute(block, "config_path") or "another unit"
        reason = f"{address}: outputs of a Terragrunt dependency ({path})"
        yield address, Unreadable(file, reason, block.span.line, f"{file} {address}", kind=NoteKind.DEFINED_ELSEWHERE)


def _notes_on(parsed: ParsedFile, *, is_included: bool) -> Iterator[Unreadable]:
    """Yield a note for each generated file that may contain more than settings of providers and the backend, and for
    each ``include`` block of an included file, which Terragrunt does not accept ("HCL Blocks": only one level of
    includes)."""
    file = parsed.source.file
    for block in parsed.body.all("generate", *(["include"] if is_included else [])):
        text, name = _lines_of(block, parsed.source.data), " ".join((block.type, *block.labels))
        if block.type == "include":
            reason, subject = f"Terragrunt: {name} of an included file is not followed", name
        elif _PROVIDERS_ONLY.search(text) or _CONTENTS_OF_CALL.search(text):
            reason = f"Terragrunt: the file generated by {name} is not evaluated"
            subject = block.labels[0] if block.labels else ""
        else:
            continue
        yield Unreadable(file, reason, block.span.line, f"{file} {subject}", kind=NoteKind.OTHER_TOOL)
