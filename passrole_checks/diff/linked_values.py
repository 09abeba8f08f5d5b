"""Find the files with values that may be for a root module or template, from the texts alone."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.file_types import is_loaded_automatically, is_terraform_name
from passrole_checks.sources.hcl_files import TERRAGRUNT
from passrole_checks.sources.links.text_references import TerraformReferences
from passrole_checks.sources.recognize import is_candidate_name
from passrole_checks.sources.value_files.names import MANIFEST, SAMCONFIG, is_terraform_values, may_have_parameters

if TYPE_CHECKING:
    from passrole_checks.sources.terraform.reading.syntax import ParsedFile

_BLOCK = lazy_regex(
    rb"""^(?:\xef\xbb\xbf)?["']?Parameters["']?[ \t]*:([^\n]*(?:\n(?:[ \t#}\]][^\n]*|\r?(?=\n)|\Z))*)""", re.MULTILINE
)
_TOP = lazy_regex(rb"^Resources[ \t]*:", re.MULTILINE)
_KEY = lazy_regex(rb"""["']?\b([A-Za-z0-9]+)["']?[ \t]*:""")
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
    ``has_exclusions``: any file may be excluded.
    """

    def __init__(
        self,
        texts: Mapping[str, Sequence[bytes]],
        folders: Mapping[str, TerraformReferences],
        called: Mapping[str, Collection[str]],
        changed: Collection[str],
        *,
        has_exclusions: bool,
    ) -> None:
        self._texts, self._folders, self._changed = texts, folders, changed
        self._has_exclusions = has_exclusions
        self._called = {folder for each in called.values() for folder in each}
        self._edited = {dirname(path) for path in changed}

    def of(self, folders: Collection[str], templates: Collection[str]) -> Iterator[ValueLink]:
        """Yield the files that changed or may be for one of the folders or templates."""
        for link in self._of_terraform:
            if link.path in self._changed or not link.folders.isdisjoint(folders):
                yield link
        with_parameters = [path for path in templates if path in self._templates]
        if with_parameters or any(may_have_parameters(Path(path)) for path in self._changed):
            yield from self._for_templates(with_parameters)

    # -- Terraform

    @cached_property
    def _configuration(self) -> dict[str, list[str]]:
        """The files of each Terraform folder."""
        found: dict[str, list[str]] = {folder: [] for folder in self._folders}
        for path in self._texts:
            if is_terraform_name(basename(path)):
                found[dirname(path)].append(path)
        return found

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
            for folder in filter(self._folders.__contains__, parent_folders(path)):
                if not names.isdisjoint(self._folders[folder].variables):
                    yield folder
                if self._is_root(folder) and names <= self._declared(folder) and self._is_certain(folder):
                    return
        yield from (folder for folder, refs in self._folders.items() if not names.isdisjoint(refs.variables))

    def _is_root(self, folder: str) -> bool:
        return folder in self._folders and folder not in self._called and folder not in self._edited

    def _is_certain(self, folder: str) -> bool:
        """True if nothing else can make a root module of a folder another one: no unit of Terragrunt, no file that only
        OpenTofu reads, and no file that is excluded."""
        if self._has_exclusions:
            return False
        return not self._has_terragrunt and not any(".tofu" in basename(path) for path in self._configuration[folder])

    @cached_property
    def _has_terragrunt(self) -> bool:
        return any(basename(path) == TERRAGRUNT for path in self._texts)

    def _declared(self, folder: str) -> frozenset[str]:
        """Return the variables that a Terraform folder declares."""
        return frozenset(
            block.labels[0]
            for path in self._configuration[folder]
            for data in self._texts[path]
            if b"variable" in data
            for block in _parsed(path, data).body.all("variable")
            if block.labels
        )

    # -- templates

    @cached_property
    def _templates(self) -> dict[str, frozenset[str]]:
        """The files that may be templates with parameters, each with the names that these may have."""
        names = {
            path: frozenset(name for data in contents for name in _keys_of_parameters(data))
            for path, contents in self._texts.items()
            if is_candidate_name(basename(path))
            and any(b"Parameters" in data and b"Resources" in data for data in contents)
        }
        return {path: found for path, found in names.items() if found}

    @cached_property
    def _settings(self) -> dict[str, frozenset[str]]:
        """The files of settings, each with the templates that its values may be for."""
        files = [path for path in self._texts if basename(path) in SAMCONFIG or self._is_manifest(path)]
        return {path: frozenset(self._templates_near(path)) for path in files}

    def _is_manifest(self, path: str) -> bool:
        clues = (b"resource_file", b"template_file")
        return basename(path) in MANIFEST and any(clue in data for data in self._texts[path] for clue in clues)

    def _templates_near(self, settings: str) -> Iterator[str]:
        """Yield the templates that a file of settings may be for: those that it names, and for a samconfig file those
        below its folder."""
        folder = dirname(settings)
        is_around = basename(settings) in SAMCONFIG
        for path in self._templates:
            is_below = is_around and (not folder or path.startswith(f"{folder}/"))
            if is_below or self._mentions(settings, path):
                yield path

    @cached_property
    def _parameters(self) -> dict[str, frozenset[str]]:
        """The files of parameters with their names."""
        names = {
            path: frozenset(name for data in contents for name in _parameter_names(path, data))
            for path, contents in self._texts.items()
            if path.endswith(".json")
        }
        return {path: found for path, found in names.items() if found}

    def _for_templates(self, templates: Collection[str]) -> Iterator[ValueLink]:
        for path, near in self._settings.items():
            if path in self._changed or not near.isdisjoint(templates):
                yield ValueLink(path, templates=near)
        for path, names in self._parameters.items():
            named = [near for settings, near in self._settings.items() if self._mentions(settings, path)]
            near = frozenset[str]().union(*named)
            is_for_one = any(names <= self._templates[template] for template in templates)
            if path in self._changed or is_for_one or not near.isdisjoint(templates):
                declaring = (template for template, keys in self._templates.items() if names <= keys)
                yield ValueLink(path, templates=near.union(declaring))

    def _mentions(self, path: str, other: str) -> bool:
        name = basename(other).encode("utf-8", "surrogateescape")
        return any(name in data for data in self._texts[path])


def _keys_of_parameters(data: bytes) -> Iterator[str]:
    """Yield the keys below ``Parameters`` at the top; those below its first occurrence where the top is not found."""
    block = _BLOCK.search(data)
    if block is None and data.lstrip()[:1] == b"{":
        with suppress(ValueError, RecursionError):
            document = json.loads(data)
            yield from document["Parameters"] if isinstance(document.get("Parameters"), dict) else ()
            return
    if block is not None or _TOP.search(data) is None:
        text = block[1] if block is not None else data[max(data.find(b"Parameters"), 0) :]
        if block is not None and (b"*" in text or b"<<" in text):  # an alias of what may be anywhere
            text = data
        yield from (name.decode() for name in _KEY.findall(text))


def _parsed(path: str, data: bytes) -> ParsedFile:
    from passrole_checks.sources.terraform.reading.files import parse_bytes  # slow to import

    return parse_bytes(path, data)


def _parameter_names(path: str, data: bytes) -> Iterator[str]:
    """Yield the names of the parameters that a JSON file gives values to; none if it is no file of parameters."""
    from passrole_checks.sources.value_files.read import parameters_in  # slow to import

    if len(data) <= _MOST_BYTES:
        value_file = parameters_in(Path(path), data.decode("utf-8-sig", "replace"))
        yield from value_file.names if value_file is not None else ()


def parent_folders(path: str) -> Iterator[str]:
    """Yield the folders around a path of a version, the innermost first and "" last."""
    while path:
        path = dirname(path)
        yield path
