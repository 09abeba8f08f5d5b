"""Find the files with values that may be for a root module or template, from the texts alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from passrole_checks.sources.files.file_types import is_terraform_name
from passrole_checks.sources.recognize import is_candidate
from passrole_checks.sources.text_references import TerraformReferences
from passrole_checks.sources.value_files.names import (
    MANIFEST,
    SAMCONFIG,
    is_loaded_automatically,
    is_terraform_values,
    may_have_parameters,
)

if TYPE_CHECKING:
    from passrole_checks.sources.terraform.reading.syntax import ParsedFile

_MOST_BYTES = 1_000_000  # of a file with parameters


@dataclass(frozen=True, slots=True)
class ValueLink:
    """A file with values and what they may be for: Terraform folders, and templates."""

    path: str
    folders: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()


class ValueLinks:
    """The files with values among ``texts``, the contents of files in both versions.

    ``folders``: the Terraform folders; ``called``: those that each may call. ``changed``: the files that differ.
    """

    def __init__(
        self,
        texts: Mapping[str, Sequence[bytes]],
        folders: Mapping[str, TerraformReferences],
        called: Mapping[str, Collection[str]],
        changed: Collection[str],
    ) -> None:
        self._texts, self._folders, self._changed = texts, folders, changed
        self._called = {folder for each in called.values() for folder in each}
        self._edited = {dirname(path) for path in changed}

    def of(self, folders: Collection[str], templates: Collection[str]) -> Iterator[ValueLink]:
        """Yield the files that changed or may be for one of the folders or templates."""
        for link in self._of_terraform:
            if link.path in self._changed or not link.folders.isdisjoint(folders):
                yield link
        is_changed = any(may_have_parameters(Path(path)) for path in self._changed)
        for link in self._of_templates if is_changed or templates else ():
            if link.path in self._changed or not link.templates.isdisjoint(templates):
                yield link

    # -- Terraform

    @cached_property
    def _of_terraform(self) -> list[ValueLink]:
        files = [path for path in self._texts if is_terraform_values(Path(path))]
        named = [
            path for path in files if not (is_loaded_automatically(basename(path)) and dirname(path) in self._folders)
        ]
        return [ValueLink(path, frozenset(self._folders_for(path))) for path in named]

    def _folders_for(self, path: str) -> Iterator[str]:
        """Yield the folders that may declare a variable of the file. The nearest around the file that declares all of
        them is the only one, if nothing may call it."""
        parsed = [_parsed(path, data) for data in self._texts[path]]
        names = frozenset(attribute.name for file in parsed for attribute in file.body.attributes)
        if not any(file.problems for file in parsed):
            for folder in _around(path):
                if self._is_root(folder) and names <= self._declared(folder):
                    yield folder
                    return
        yield from (folder for folder, refs in self._folders.items() if not names.isdisjoint(refs.variables))

    def _is_root(self, folder: str) -> bool:
        return folder in self._folders and folder not in self._called and folder not in self._edited

    def _declared(self, folder: str) -> frozenset[str]:
        """Return the variables that a Terraform folder declares."""
        return frozenset(
            block.labels[0]
            for path, contents in self._texts.items()
            if dirname(path) == folder and is_terraform_name(basename(path))
            for data in contents
            if b"variable" in data
            for block in _parsed(path, data).body.all("variable")
            if block.labels
        )

    # -- templates

    @cached_property
    def _of_templates(self) -> list[ValueLink]:
        settings = [path for path in self._texts if basename(path) in SAMCONFIG or basename(path) in MANIFEST]
        files = [path for path in self._texts if path.endswith(".json")]
        links = [ValueLink(path, templates=frozenset(self._templates_near(path))) for path in settings]
        for path in files:
            names = frozenset(name for data in self._texts[path] for name in _parameter_names(path, data))
            if names:
                templates = set(self._templates_with(names)).union(
                    *(link.templates for link in links if self._mentions(link.path, path))
                )
                links.append(ValueLink(path, templates=frozenset(templates)))
        return links

    def _templates_near(self, settings: str) -> Iterator[str]:
        """Yield the templates that a file of settings may be for: those below its folder, and those that it names."""
        folder = dirname(settings)
        for path in self._texts:
            is_below = not folder or path.startswith(f"{folder}/")
            if path != settings and is_candidate(Path(path)) and (is_below or self._mentions(settings, path)):
                yield path

    def _templates_with(self, names: Iterable[str]) -> Iterator[str]:
        encoded = [name.encode() for name in names]
        for path, contents in self._texts.items():
            if is_candidate(Path(path)) and any(all(name in data for name in encoded) for data in contents):
                yield path

    def _mentions(self, path: str, other: str) -> bool:
        name = basename(other).encode("utf-8", "surrogateescape")
        return any(name in data for data in self._texts[path])


def _parsed(path: str, data: bytes) -> ParsedFile:
    from passrole_checks.sources.terraform.reading.files import parse_bytes  # slow to import

    return parse_bytes(path, data)


def _parameter_names(path: str, data: bytes) -> Iterator[str]:
    """Yield the names of the parameters that a JSON file gives values to; none if it is no file of parameters."""
    from passrole_checks.sources.value_files.read import parameters_in  # slow to import

    if len(data) <= _MOST_BYTES:
        value_file = parameters_in(Path(path), data.decode("utf-8-sig", "replace"))
        yield from value_file.names if value_file is not None else ()


def _around(path: str) -> Iterator[str]:
    while path:
        path = dirname(path)
        yield path
