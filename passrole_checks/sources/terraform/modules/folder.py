"""One folder of configuration: its blocks by name, with override files merged.

Merging follows Terraform's page "Override Files". An attribute of the override replaces the original attribute. Nested
blocks replace all nested blocks of their type (``dynamic``: of the type that it generates). ``lifecycle`` is merged by
argument, locals by name, providers by name and alias.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import field
from functools import partial
from pathlib import Path

from passrole_checks.files.safe_read import real_path
from passrole_checks.files.unsaved_texts import names_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import is_loaded_automatically
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.terraform.reading.files import (
    MAX_FILE_BYTES,
    is_override,
    list_files,
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

EXAMPLE_FOLDERS = frozenset({"example", "examples", "test", "tests"})
_LOCAL_SOURCE = lazy_regex(rb'"\.\.?[/\\"]')


@dataclass
class Folder:
    """Configuration of one folder. ``resources`` and ``data`` include duplicates, so that none is lost."""

    path: Path
    files: list[ParsedFile] = field(default_factory=list)
    variables: dict[str, Block] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)
    outputs: dict[str, Block] = field(default_factory=dict)
    modules: dict[str, Block] = field(default_factory=dict)
    resources: list[Block] = field(default_factory=list)
    data: list[Block] = field(default_factory=list)
    providers: list[Block] = field(default_factory=list)
    shadowed: list[tuple[Path, Path]] = field(default_factory=list)  # unread files, each with its replacement
    excluded: list[Path] = field(default_factory=list)
    by_name: dict[tuple[str, str, str], Block] = field(default_factory=dict)

    def resource(self, type_: str, name: str) -> Block | None:
        """Return the resource of a type and name, or None."""
        return self.by_name.get(("resource", type_, name))

    def data_source(self, type_: str, name: str) -> Block | None:
        """Return the data source of a type and name, or None."""
        return self.by_name.get(("data", type_, name))


def read_folder(path: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> Folder:
    """Parse the files of a folder, except excluded ones. Never raises; errors are in the ``problems`` of a file."""
    listing = list_files(path, exclusions)
    folder = Folder(path, shadowed=listing.shadowed, excluded=listing.excluded)
    for name in listing.files:
        parsed, override = parse_file(name), is_override(name.name)
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
        base = folder.by_name.get(key)
        if base is not None and override:
            merged = folder.by_name[key] = _merge_blocks(base, block)
            blocks[:] = [merged if other is base else other for other in blocks]
            return
        blocks.append(block)
        folder.by_name.setdefault(key, block)
        return
    named = {"variable": folder.variables, "output": folder.outputs, "module": folder.modules}.get(kind)
    if named is not None and labels:
        if labels[0] in named and override:
            named[labels[0]] = _merge_blocks(named[labels[0]], block)
        else:
            named.setdefault(labels[0], block)


def _add_provider(providers: list[Block], block: Block, override: bool) -> None:
    if override:
        key = (block.labels[0], provider_alias(block))
        for index, other in enumerate(providers):
            if (other.labels[0], provider_alias(other)) == key:
                providers[index] = _merge_blocks(other, block)
                return
    providers.append(block)


def provider_alias(block: Block) -> str | None:
    """Return the alias of a ``provider`` block, None for the default configuration."""
    return literal_attribute(block, "alias")


def _merge_blocks(base: Block, override: Block) -> Block:
    build = partial(_merge_bodies, base, override)
    return Block(base.type, base.labels, base.span, base.source, build, literal=False)


def _merge_bodies(base: Block, override: Block) -> Body:
    replaced = {block.generated_type for block in override.body.blocks} - {"lifecycle"}
    remaining = tuple(block for block in base.body.blocks if block.generated_type not in replaced)
    return Body(base.body.attributes + override.body.attributes, remaining + override.body.blocks)


def module_source(block: Block) -> str | None:
    """Return the literal source of a ``module`` block, None if it is an expression."""
    return literal_attribute(block, "source")


def literal_attribute(block: Block, name: str) -> str | None:
    """Return the value of an attribute that is a literal string, else None."""
    attribute = block.body.get(name)
    value = attribute.value if attribute is not None else None
    if isinstance(value, TemplateExpression) and len(value.parts) == 1 and isinstance(value.parts[0], Fragment):
        return value.parts[0].value
    return None


def is_local_source(source: str) -> bool:
    """True if a module source is a path (Terraform: starts with ``./`` or ``../``)."""
    return source.startswith(("./", "../", ".\\", "..\\")) or source in (".", "..")


def resolve_local_source(folder: Path, source: str) -> Path:
    """Return the path of a local module source that is relative to ``folder``."""
    return Path(os.path.normpath(folder / source.replace("\\", "/")))


def called_folders(
    folder: Path, exclusions: Exclusions = NO_EXCLUSIONS, texts: list[bytes] | None = None
) -> frozenset[Path]:
    """Return the folders, symbolic links resolved, of the local modules that a folder calls.

    ``texts``: gets the contents of the files that are read.
    """
    folders: set[Path] = set()
    for name, data in _readable_files(folder, exclusions):
        if texts is not None:
            texts.append(data)
        if b"module" not in data or not _LOCAL_SOURCE.search(data):
            continue
        for block in parse_file(name).body.all("module"):
            source = module_source(block)
            if source is not None and is_local_source(source):
                # unlike Path.resolve, never raises for a link cycle
                folders.add(Path(real_path(resolve_local_source(folder, source))))
    return frozenset(folders)


def called_roots(calls: Mapping[Path, Collection[Path]], exclusions: Exclusions = NO_EXCLUSIONS) -> Iterator[Path]:
    """Yield the called folders that are root modules as well. ``calls``: the folders that each folder calls.

    Somebody applies a folder with values of its own; and a module that only its examples or tests call is published:
    others call it with its defaults. Sources: Terraform language documentation, "Assign values to root module
    variables" (``terraform.tfvars``), "Standard Module Structure" (``examples/``) and "Tests" (``tests/``).
    """
    callers: dict[Path, list[Path]] = {}
    for caller, called in calls.items():
        for folder in called:
            callers.setdefault(folder, []).append(caller)
    for folder, by in callers.items():
        only_examples = all(_is_example(caller, folder) for caller in by)
        try:
            has_values = any(map(is_loaded_automatically, names_in(folder)))
        except OSError:
            has_values = False
        if has_values or (only_examples and _has_wide_default(folder, exclusions)):
            yield folder


def _is_example(caller: Path, called: Path) -> bool:
    """True if a folder that calls a module is in a folder of examples or tests, and the module is not."""
    inside = caller.relative_to(os.path.commonpath((caller, called))).parts
    return not EXAMPLE_FOLDERS.isdisjoint(inside)


def _has_wide_default(folder: Path, exclusions: Exclusions) -> bool:
    """True if the default of a variable has a wildcard."""
    for name, data in _readable_files(folder, exclusions):
        if b"variable" in data and b"*" in data:
            defaults = (block.body.get("default") for block in parse_file(name).body.all("variable"))
            if any(default is not None and b"*" in default.source_bytes for default in defaults):
                return True
    return False


def _readable_files(folder: Path, exclusions: Exclusions) -> Iterator[tuple[Path, bytes]]:
    """Yield the configuration files of a folder that can be read, each with its content."""
    for name in terraform_files(folder, exclusions):
        try:
            data = current_boundary().read(name, MAX_FILE_BYTES)
        except OSError:
            continue
        yield name, data
