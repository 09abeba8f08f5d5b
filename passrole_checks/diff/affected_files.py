"""Find the files of two versions that a change can affect, from the texts alone.

A Terraform folder is affected if a changed file is part of it or of a module that it calls, at any depth, or may be
read by a function there; a template if it changed or may include a file that did. What the texts leave open counts as
affected, so that the result contains at least every unit whose reading opens a changed file, in either version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from posixpath import basename, dirname, join, normpath

from passrole_checks.diff.linked_roots import LinkedRoots
from passrole_checks.diff.linked_values import ValueLinks, parent_folders
from passrole_checks.git_versions.git import FileChange
from passrole_checks.git_versions.selection import Blobs, ReadBlobs, Selection
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.file_types import is_loaded_automatically, is_terraform_name
from passrole_checks.sources.hcl_files import TERRAGRUNT
from passrole_checks.sources.links.text_references import (
    NO_REFERENCES,
    TemplateReferences,
    TerraformReferences,
    is_usual,
    template_references,
    terraform_references,
)
from passrole_checks.sources.recognize import is_candidate_name
from passrole_checks.sources.value_files.names import SAMCONFIG

_FOUND_OTHERWISE = lazy_regex(r"(?:^|/)(?:\.terraform/modules|\.external_modules)/|/asset\.")
"""Paths that are read because of a list, or compared with all others."""
_ASSETS = ".assets.json"  # what belongs to all templates of its folder, as all files beside it
_ASSEMBLY = ("manifest.json", _ASSETS)
_MOST_CHANGES = 2_000
_MOST_BYTES = 300_000_000  # of the texts that are in memory
_COMPUTED_SOURCE = lazy_regex(rb'\bsource"?\s*[=:]\s*(?:[^"<\s]|"[^"\n]*[$%]\{)')
_HCL = ".hcl"
_PLACE = lazy_regex(rb"\b(?:source|path|config_path)\s*=\s*([^\n]*)")
_LITERAL = lazy_regex(r'"(?:\$\{\s*get_terragrunt_dir\(\)\s*\}/?)?([^"$%]*)"')
_FIND = lazy_regex(rb'find_in_parent_folders\s*\(\s*"([^"$\\]+)"')
_IN_PARENT = lazy_regex(r"find_in_parent_folders\s*\(")

Graph = dict[str, set[str]]


def select_affected(
    old: Blobs,
    new: Blobs,
    changed: Sequence[FileChange],
    read: ReadBlobs,
    also: Collection[str] = (),
    /,
    *,
    has_exclusions: bool = False,
) -> Selection | None:
    """Return the files that may be affected; None if everything is to be read.

    ``also``: folders and files to treat as affected. ``has_exclusions``: any file may be excluded from the review.
    """
    paths = {path for change in changed for path in (change.old, change.new) if path is not None}
    if len(paths) > _MOST_CHANGES or any(map(_FOUND_OTHERWISE.search, (*old, *new))):
        return None
    texts = _texts(old, new, read, _is_read)
    if texts is None:
        return None
    search = _Search(sorted({*old, *new}), paths, texts)
    scripts = _texts(old, new, read, search.is_script)
    if scripts is None:
        return None
    search.add_scripts(scripts)
    return search.selection(also, has_exclusions=has_exclusions)


def _texts(old: Blobs, new: Blobs, read: ReadBlobs, is_read: Callable[[str], bool]) -> dict[str, list[bytes]] | None:
    """Return the contents that files have in the two versions; None if they are too large."""
    users: dict[str, set[str]] = {}
    for side in (old, new):
        for path, blob in side.items():
            if is_read(path):
                users.setdefault(blob, set()).add(path)
    texts: dict[str, list[bytes]] = {}
    total = 0
    for blob, data in read(users):
        total += len(data)
        if total > _MOST_BYTES:
            return None
        for path in users[blob]:
            texts.setdefault(path, []).append(data)
    is_missing = any(path not in texts for paths in users.values() for path in paths if is_terraform_name(path))
    return texts if not is_missing else None


def _is_read(path: str) -> bool:
    name = basename(path)
    by_name = is_terraform_name(name) or name.endswith((_HCL, ".tfvars")) or name in SAMCONFIG
    return by_name or _is_template(name)


def _is_template(name: str) -> bool:
    """True if a file of this name may be a template, or one that a service of the Serverless Framework includes."""
    return is_candidate_name(name) or name.endswith(".tfstate")


class _Search:
    """``paths``: all files of both versions, sorted. ``texts``: the contents of those that may refer to others."""

    def __init__(self, paths: Sequence[str], changed: set[str], texts: Mapping[str, Sequence[bytes]]) -> None:
        self._paths, self._changed, self._texts = paths, changed, texts
        self._folders: dict[str, TerraformReferences] = {}  # Terraform folders
        self._templates: dict[str, list[TemplateReferences]] = {}
        self._open: set[str] = set()  # folders that may call any other
        self._expanded: dict[str, TerraformReferences] = {}  # other files whose text calls functions of Terraform
        self._terragrunt = [path for path in paths if basename(path) == TERRAGRUNT]
        self._affected_folders: set[str] = set()
        self._affected_files: set[str] = set(changed)
        for path, contents in texts.items():
            for data in contents:
                self._add(path, data)
        self._rendered = tuple({end for refs in self._folders.values() for end in refs.templates if end})

    def is_script(self, path: str) -> bool:
        """True if Terraform may use a file as a template whose name is not that of one, such as a script."""
        return not _is_read(path) and path.endswith(self._rendered)

    def add_scripts(self, texts: Mapping[str, Sequence[bytes]]) -> None:
        """Add the contents of the files for which :meth:`is_script` is true."""
        for path, contents in texts.items():
            for data in contents:
                self._add_expanded(path, data)

    def selection(self, also: Iterable[str], *, has_exclusions: bool) -> Selection | None:
        """Return what may be affected; None if that may be everything. ``also``: what to treat as affected."""
        self._affect_folders()
        files = set(also).intersection(self._paths)
        self._affected_files |= files
        self._affect_readers(files)
        for folder in also:
            if folder not in files:
                self.affect(folder)
        self._affect_templates()
        links = ValueLinks(self._texts, self._folders, self._called, self._changed, has_exclusions=has_exclusions)
        linked = LinkedRoots(self._texts)
        values = self._follow(links)
        while self._affect_readers_of_values(linked):
            values |= self._follow(links)
        self._affect_terragrunt()
        written = self._written(values, linked)
        units = {*(folder or "." for folder in self._affected_folders), *self._affected_files}
        shared = (
            folder
            for folder in _reachable(self._called, self._affected_folders)
            if not self._affected_folders.issuperset(_reachable(self._callers, [folder]))
        )
        return Selection(frozenset(written), frozenset(units), frozenset(values), frozenset(shared))

    def _add(self, path: str, data: bytes) -> None:
        name = basename(path)
        if is_terraform_name(name):
            folder = dirname(path)
            self._folders[folder] = self._folders.get(folder, NO_REFERENCES) | terraform_references(data)
            if b"module" in data and _COMPUTED_SOURCE.search(data) and _has_computed_source(path, data):
                self._open.add(folder)
            return
        self._add_expanded(path, data)
        if _is_template(name) and (template := template_references(data)) is not None:
            self._templates.setdefault(path, []).append(template)

    def _add_expanded(self, path: str, data: bytes) -> None:
        if b"{" in data and b"file" in data and (b"${" in data or b"%{" in data):
            found = terraform_references(data)
            if found != NO_REFERENCES:
                self._expanded[path] = self._expanded.get(path, NO_REFERENCES) | found

    # -- Terraform

    def _affect_folders(self) -> None:
        """Affect the folders that contain a changed file or may read one, and those that call them."""
        self._called: Graph = {
            folder: {_resolved(folder, source) for source in refs.folders} for folder, refs in self._folders.items()
        }
        for folder in self._open:
            self._called[folder].update(self._folders)
        self._callers = grouped((called, folder) for folder, all_ in self._called.items() for called in all_)
        for path in self._changed:
            if is_terraform_name(basename(path)) or is_loaded_automatically(basename(path)):
                self.affect(dirname(path))
        for path in self._changed:
            if is_terraform_name(basename(path)):
                for source in _differing(self._sources_in(path, data) for data in self._texts.get(path, ())):
                    self._affect_called(source, dirname(path))
        self._affect_readers(self._changed)

    def _affect_readers(self, files: Collection[str]) -> bool:
        """Affect the folders that may read one of the files. Return True if one was not affected before."""
        before = len(self._affected_folders)
        for folder in list(self._folders):
            refs = self._references_of(folder)
            if _reads(refs, folder, files):
                self.affect(folder)
            if refs.below_root:
                for root in _reachable(self._callers, [folder]):
                    if _covers_any(files, root, refs.below_root):
                        self.affect(root)
        return len(self._affected_folders) > before

    @staticmethod
    def _sources_in(path: str, data: bytes) -> frozenset[str]:
        return frozenset(_resolved(dirname(path), source) for source in terraform_references(data).folders)

    def _affect_called(self, folder: str, caller: str) -> None:
        """Affect a folder that a caller calls in one version only, unless others call it: it may be a root module in
        the other version."""
        others = (other for other in self._callers.get(folder, ()) if other != caller and not _is_example(other))
        if folder in self._folders and not any(self._calls(other, folder) for other in others):
            self.affect(folder)

    def _calls(self, folder: str, called: str) -> bool:
        """True if a folder without changed files certainly calls another."""
        from passrole_checks.sources.terraform.modules.folder import module_source  # slow to import; Terraform only
        from passrole_checks.sources.terraform.reading.files import parse_bytes

        paths = [path for path in self._texts if dirname(path) == folder and is_terraform_name(basename(path))]
        if not self._changed.isdisjoint(paths):
            return False
        blocks = (block for path in paths for block in parse_bytes(path, self._texts[path][0]).body.all("module"))
        sources = filter(None, map(module_source, blocks))
        return any(_resolved(folder, source) == called for source in sources if source.startswith("."))

    def affect(self, folder: str) -> bool:
        """Affect a Terraform folder and those that call it. Return True if it was not affected before."""
        if folder in self._affected_folders:
            return False
        self._affected_folders |= _reachable(self._callers, [folder])
        if not self._open.isdisjoint(self._affected_folders):  # one of these may call any folder in one version only
            self._affected_folders |= self._folders.keys()
        return True

    def _references_of(self, folder: str) -> TerraformReferences:
        """Return what a folder may read, with what the texts may that it uses as templates."""
        refs = self._folders.get(folder, NO_REFERENCES)
        if not self._expanded or not (refs.beside or refs.below_root or refs.endings):
            return refs
        names = frozenset(map(basename, refs.beside | refs.below_root))
        endings = tuple(refs.endings)
        found = (
            expanded
            for path, expanded in self._expanded.items()
            if basename(path) in names or (endings and path.endswith(endings))
        )
        return reduce(or_, found, refs)

    # -- templates

    def _affect_templates(self) -> None:
        """Affect the templates that may include an affected file, and the folders that may read one."""
        before = set(self._affected_files)
        self._affect_included()
        assemblies = {dirname(path) for path in self._texts if path.endswith(_ASSETS)}
        folders = {dirname(path) for path in self._changed if path.endswith(_ASSEMBLY) or dirname(path) in assemblies}
        self._affected_files |= {path for path in self._texts if folders and dirname(path) in folders}
        pending = {basename(path) for path in self._affected_files}
        seen = set[str]()
        while pending:
            seen |= pending
            unusual = [name for name in pending if not is_usual(name)]
            found = {
                path
                for path, refs in self._templates.items()
                if path not in self._affected_files and any(self._may_include(each, pending, unusual) for each in refs)
            }
            self._affected_files |= found
            pending = {basename(path) for path in found} - seen
        self._affect_readers(self._affected_files - before)

    def _affect_included(self) -> None:
        """Affect the files that a changed template may include: they may be units of their own in one version."""
        changed = [self._templates[path] for path in self._changed if path in self._templates]
        templates = [refs for versions in changed for refs in versions]
        endings = tuple({ending for found in changed for ending in _differing(refs.endings for refs in found)})
        words = frozenset[str]().union(*(refs.words for refs in templates))
        for path in self._texts:
            name = basename(path)
            is_named = name in words or (endings and name.endswith(endings))
            if is_named or (not is_usual(name) and any(refs.names((), (name,)) for refs in templates)):
                self._affected_files.add(path)

    @staticmethod
    def _may_include(refs: TemplateReferences, names: Collection[str], unusual: Collection[str]) -> bool:
        endings = tuple(refs.endings)
        return bool(refs.names(names, unusual)) or any(endings and name.endswith(endings) for name in names)

    # -- values

    def _follow(self, links: ValueLinks) -> set[str]:
        """Affect what a file with values may be for beside what is affected. Return these files."""
        values = set[str]()
        while True:
            templates = [path for path in self._affected_files if path in self._texts]
            found = [link for link in links.of(self._affected_folders, templates) if link.path not in values]
            if not found:
                return values
            for link in found:
                values.add(link.path)
                for folder in link.folders:
                    self.affect(folder)
                if not self._affected_files.issuperset(link.templates):
                    self._affected_files |= link.templates
                    self._affect_templates()

    def _affect_readers_of_values(self, linked: LinkedRoots) -> bool:
        """Affect what may read a value that affected roots pass. Return True if something was not affected."""
        affected = self._affected_folders | self._affected_files
        found = linked.readers_of(_reachable(self._called, self._affected_folders) | self._affected_files) - affected
        self._affected_files |= found - self._folders.keys()
        self._affect_templates()
        for folder in found & self._folders.keys():
            self.affect(folder)
        return bool(found)

    # -- Terragrunt

    def _affect_terragrunt(self) -> None:
        """Affect the units of Terragrunt that may read an affected file."""
        self._deployed: dict[str, set[str]] = {}
        for path in self._terragrunt:
            files = self._hcl_around(path)
            places, is_computed = self._places(path, files)
            self._deployed[path] = places
            changed = self._changed.intersection(files)
            reads = is_computed or _covers_any(self._changed, "", places)
            if changed:
                naming = files if path in changed else changed  # the unit itself may include others
                named = self._places(path, naming)[0] | self._computed_sources(path, naming)
                places |= named
                for place in named & self._folders.keys():  # a root module, if nothing deploys it
                    self.affect(place)
            if changed or reads or not places.isdisjoint(self._affected_folders):
                self._affected_files.add(path)

    def _hcl_around(self, path: str) -> list[str]:
        """Return the files of Terragrunt in the folders of a file and above, and those that it includes."""
        folders = {dirname(path), *parent_folders(path)}
        included = set[str]()
        for data in self._texts[path]:
            for text in _PLACE.findall(data):
                literal = _LITERAL.match(_decoded(text))
                included |= {_resolved(dirname(path), literal[1])} if literal is not None else set()
            for name in _FIND.findall(data):
                included |= {_resolved(folder, _decoded(name)) for folder in folders}
        return [file for file in self._texts if file in included or (file.endswith(_HCL) and dirname(file) in folders)]

    def _places(self, path: str, files: Iterable[str]) -> tuple[set[str], bool]:
        """Return the paths that files of Terragrunt name, and True if they may name others."""
        places, is_computed = {dirname(path)}, False
        for file in files:
            for data in self._texts[file]:
                for found in _PLACE.findall(data):
                    text = _decoded(found)
                    literal = _LITERAL.match(text)
                    if literal is not None:
                        name = re.sub("/{2,}", "/", literal[1])
                        places |= {_resolved(dirname(path), name), _resolved(dirname(file), name)}
                    elif not _IN_PARENT.match(text):
                        is_computed = True
                refs = terraform_references(data)
                is_computed |= bool(refs.endings)
                for name in refs.beside | refs.below_root:
                    places |= {_resolved(dirname(path), name), _resolved(dirname(file), name)}
        return places, is_computed

    def _computed_sources(self, path: str, files: Iterable[str]) -> set[str]:
        """Return the folders that files of Terragrunt name with their own values."""
        from passrole_checks.sources.terraform.modules.terragrunt import known_sources  # slow to import
        from passrole_checks.sources.terraform.reading.files import parse_bytes

        found = set[str]()
        for file in files:
            for data in self._texts[file]:
                for source in known_sources(parse_bytes(file, data)):
                    name = re.sub("/{2,}", "/", source)
                    found |= {_resolved(dirname(path), name), _resolved(dirname(file), name)}
        return found

    # -- what is written

    def _written(self, values: Iterable[str], linked: LinkedRoots) -> set[str]:
        """Return the files to write: those of the affected folders, of what they call, and of what may pass values to
        them. Other files are written when they are read."""
        folders = _reachable(self._called, self._affected_folders)
        offering = set[str]()
        while found := linked.offering_to({*folders, *offering, *self._affected_files}) - offering:
            offering |= found
            folders |= _reachable(self._called, _reachable(self._callers, found & self._folders.keys()))
        written = {*self._changed, *values, *self._affected_files, *(offering - self._folders.keys())}
        for path in self._affected_files & self._deployed.keys():
            written.update(self._hcl_around(path))
            folders |= _reachable(self._called, self._deployed[path])
        return written | {path for path in self._paths if dirname(path) in folders}


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").strip()


def _resolved(folder: str, path: str) -> str:
    """Return a path relative to a folder as one relative to the top, "" for the top itself."""
    found = normpath(join(folder, path.replace("\\", "/")))
    return "" if found == "." else found


def _differing(versions: Iterable[frozenset[str]]) -> frozenset[str]:
    """Return what is in one version of a file only; all of a file that only one version has."""
    found = list(versions)
    return found[0] ^ found[1] if len(found) == 2 else frozenset().union(*found)


def _has_computed_source(path: str, data: bytes) -> bool:
    """True if the source of a module is an expression, which OpenTofu accepts."""
    from passrole_checks.sources.terraform.modules.folder import module_source  # slow to import; Terraform only
    from passrole_checks.sources.terraform.reading.files import parse_bytes

    return any(module_source(block) is None for block in parse_bytes(path, data).body.all("module"))


def _is_example(folder: str) -> bool:
    from passrole_checks.sources.terraform.modules.folder import EXAMPLE_FOLDERS  # slow to import

    return not EXAMPLE_FOLDERS.isdisjoint(folder.split("/"))


def _reads(refs: TerraformReferences, folder: str, files: Collection[str]) -> bool:
    endings = tuple(refs.endings)
    return any(path.endswith(endings) for path in files if endings) or _covers_any(files, folder, refs.beside)


def _covers_any(files: Iterable[str], folder: str, places: Iterable[str]) -> bool:
    """True if one of the files is at or below one of the places, which are relative to a folder."""
    resolved = [_resolved(folder, place) for place in places]
    return any(not one or path == one or path.startswith(f"{one}/") for path in files for one in resolved)


def _reachable(graph: Mapping[str, Collection[str]], starts: Iterable[str]) -> set[str]:
    """Return the nodes that can be reached, with the starts."""
    seen, pending = set(starts), list(starts)
    while pending:
        for node in graph.get(pending.pop(), ()):
            if node not in seen:
                seen.add(node)
                pending.append(node)
    return seen
