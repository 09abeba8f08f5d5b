"""One folder of configuration: its blocks by name, override files merged in.

Merging follows Terraform's page "Override Files": an attribute of the override replaces the original one, nested blocks
replace all nested blocks of their type (``dynamic`` ones: of the type that they make); ``lifecycle`` is merged by
argument, locals by name, providers by name and alias.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from passrole_checks.sources.files.access_log import log_links
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.terraform.reading import parse_cache as kept
from passrole_checks.sources.terraform.reading.files import (
    LARGEST,
    is_override,
    listed,
    parse_file,
    terraform_files,
)
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Block,
    Body,
    Fragment,
    ParsedFile,
    TemplateExpression,
)

_LOCAL_SOURCE = re.compile(rb'"\.\.?[/\\"]')


@dataclass
class Folder:
    """The configuration of one folder. ``resources`` and ``data`` keep duplicates: none is dropped in silence."""

    path: Path
    files: list[ParsedFile] = field(default_factory=list)
    variables: dict[str, Block] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)
    modules: dict[str, Block] = field(default_factory=dict)
    resources: list[Block] = field(default_factory=list)
    data: list[Block] = field(default_factory=list)
    providers: list[Block] = field(default_factory=list)
    shadowed: list[tuple[Path, Path]] = field(default_factory=list)  # files that are not read for another's sake
    excluded: list[Path] = field(default_factory=list)
    by_name: dict[tuple[str, str, str], Block] = field(default_factory=dict)

    def resource(self, type_: str, name: str) -> Block | None:
        """The resource of that type and name, None where there is none."""
        return self.by_name.get(("resource", type_, name))

    def data_source(self, type_: str, name: str) -> Block | None:
        """The data source of that type and name, None where there is none."""
        return self.by_name.get(("data", type_, name))


def read_folder(path: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> Folder:
    """Read all files of a folder but those excluded. Never raises; what cannot be read is a problem of its file."""
    listing = listed(path, exclusions)
    folder = Folder(path, shadowed=listing.shadowed, excluded=listing.excluded)
    for name in listing.files:
        parsed, override = parse_file(name), is_override(name.name)
        kept.was_read(parsed)
        folder.files.append(parsed)
        for block in parsed.body.blocks:
            _add(folder, block, override=override)
    return folder


def _add(folder: Folder, block: Block, *, override: bool) -> None:
    kind, labels = block.type, block.labels
    if kind == "locals":
        for attribute in block.body.attributes:
            if override or attribute.name not in folder.locals:
                folder.locals[attribute.name] = attribute
        return
    if kind == "provider" and labels:
        _add_provider(folder.providers, block, override)
        return
    if kind in ("resource", "data") and len(labels) >= 2:
        key = (kind, labels[0], labels[1])
        blocks = folder.resources if kind == "resource" else folder.data
        known = folder.by_name.get(key)
        if known is not None and override:
            merged = folder.by_name[key] = _merged(known, block)
            blocks[:] = [merged if other is known else other for other in blocks]
            return
        blocks.append(block)
        folder.by_name.setdefault(key, block)
        return
    named = {"variable": folder.variables, "output": folder.outputs, "module": folder.modules}.get(kind)
    if named is not None and labels:
        if labels[0] in named and override:
            named[labels[0]] = _merged(named[labels[0]], block)
        else:
            named.setdefault(labels[0], block)


def _add_provider(providers: list[Block], block: Block, override: bool) -> None:
    if override:
        own = (block.labels[0], provider_alias(block))
        for place, other in enumerate(providers):
            if (other.labels[0], provider_alias(other)) == own:
                providers[place] = _merged(other, block)
                return
    providers.append(block)


def provider_alias(block: Block) -> str | None:
    """The alias of a ``provider`` block, None for the default configuration."""
    return literal_text(block, "alias")


def _merged(base: Block, over: Block) -> Block:
    return Block(base.type, base.labels, base.span, base.source, partial(_merged_body, base, over), literal=False)


def _merged_body(base: Block, over: Block) -> Body:
    replaced = {_made(block) for block in over.body.blocks} - {"lifecycle"}
    kept = tuple(block for block in base.body.blocks if _made(block) not in replaced)
    return Body(base.body.attributes + over.body.attributes, kept + over.body.blocks)


def _made(block: Block) -> str:
    """The type of the blocks that a nested block is or makes."""
    return block.labels[0] if block.type == "dynamic" and block.labels else block.type


def module_source(block: Block) -> str | None:
    """The literal source of a ``module`` block."""
    return literal_text(block, "source")


def literal_text(block: Block, name: str) -> str | None:
    """The value of an attribute that is written as a literal text."""
    attribute = block.body.get(name)
    value = attribute.value if attribute is not None else None
    if isinstance(value, TemplateExpression) and len(value.parts) == 1 and isinstance(value.parts[0], Fragment):
        return value.parts[0].value
    return None


def is_local(source: str) -> bool:
    """Whether a module source is a path (Terraform: it begins with ``./`` or ``../``)."""
    return source.startswith(("./", "../", ".\\", "..\\")) or source in (".", "..")


def local_path(folder: Path, source: str) -> Path:
    """The folder that a local module source names, as a path relative to where ``folder`` is."""
    return Path(os.path.normpath(folder / source.replace("\\", "/")))


def called_folders(folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> frozenset[Path]:
    """The folders, resolved, that the ``module`` blocks of a folder's files call as local modules."""
    found: set[Path] = set()
    for name in terraform_files(folder, exclusions):
        try:
            data = current_boundary().read(name, LARGEST)
        except OSError:
            continue
        if b"module" not in data or not _LOCAL_SOURCE.search(data):
            continue
        parsed = parse_file(name)
        kept.keep(parsed)
        for block in parsed.body.all("module"):
            source = module_source(block)
            if source is not None and is_local(source):
                called = local_path(folder, source)
                log_links(called)
                found.add(Path(os.path.realpath(called)))  # raises nothing where links lead round in a circle
    return frozenset(found)
