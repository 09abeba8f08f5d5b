"""State shared by all modules of one root module."""

from __future__ import annotations

import os
from dataclasses import field
from functools import cached_property
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.evaluation.scope import EvaluationBudget
from passrole_checks.sources.terraform.modules.downloaded_modules import InstalledModules
from passrole_checks.sources.terraform.modules.folder import Folder, is_local_source, read_folder, resolve_local_source
from passrole_checks.sources.terraform.reading.files import Files
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block

_MAX_NESTING = 12  # levels of nested modules
_MAX_MODULES = 300  # module instances of one root


@dataclass
class Run:
    """Evaluation of one root module.

    ``root``: its folder. ``folders``: folders read. ``values``: values of its input variables;
    ``evaluated``: those that are evaluated already, and take precedence. ``not_evaluated``:
    module calls that could not be evaluated, by subject. ``variables_read``: the input variables whose values were
    read.
    """

    files: Files
    root: Path = Path()
    budget: EvaluationBudget = field(default_factory=EvaluationBudget)
    folders: dict[Path, Folder] = field(default_factory=dict)
    not_evaluated: dict[str, Unreadable] = field(default_factory=dict)
    missing: dict[str, Unreadable] = field(default_factory=dict)  # by the address of the call
    without_instance: dict[str, Unreadable] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)  # folders of modules with an instance
    modules: int = 0
    values: dict[str, Attribute] = field(default_factory=dict)
    evaluated: dict[str, Node] = field(default_factory=dict)
    exclusions: Exclusions = NO_EXCLUSIONS
    variables_read: set[str] = field(default_factory=set)

    def folder(self, path: Path) -> Folder:
        """Return a folder of configuration, read once."""
        if path not in self.folders:
            self.folders[path] = read_folder(path, self.exclusions)
        return self.folders[path]

    @cached_property
    def installed(self) -> InstalledModules:
        """Modules that ``terraform init`` installed for the root module."""
        return InstalledModules(self.root)

    def resolve_call(
        self, key: tuple[str, ...], block: Block, source: str | None, version: str | None, ancestors: tuple[Path, ...]
    ) -> Folder | None:
        """Return the folder of the module that a block calls. Returns None, with a note, if it cannot be evaluated.

        ``key``: names of the ``module`` blocks from the root to the call. ``ancestors``: folders of its callers.
        """
        if source is None:
            here = f"{block.source.file}:{block.span.line}"
            self.note_missing(block, "unknown source", "cannot be resolved", here, key)
            return None
        if is_local_source(source):
            path = resolve_local_source(ancestors[-1], source)
            try:
                self.files.boundary.check(path)
            except OSError as error:
                self.note_missing(block, source, str(error.strerror), str(path), key)
                return None
        else:
            location = self.installed.find(key, source, version)
            if isinstance(location, str):
                self.note_missing(block, source, location, key=key)
                return None
            path = location
        folder = self.folder(path)
        if not folder.files:
            self.note_missing(block, source, "contains no .tf files", str(path), key)
            return None
        if path in ancestors or len(ancestors) > _MAX_NESTING:
            self.note_missing(block, source, "calls itself or is nested too deeply", str(path))
            return None
        return folder

    def count_instance(self, block: Block, path: Path, source: str) -> bool:
        """Count one more instance of a module. Returns False, with a note, if there are too many."""
        self.modules += 1
        if self.modules > _MAX_MODULES:
            self.note_missing(block, source, f"is not evaluated: more than {_MAX_MODULES} modules", str(path))
            return False
        self.called.add(os.path.realpath(path))
        return True

    def note_missing(
        self, block: Block, source: str, reason: str, location: str = "", key: tuple[str, ...] = ()
    ) -> None:
        """Add a note that a module could not be evaluated, once per source and ``location``.

        ``location``: distinguishes modules with the same source. ``key``: as in :meth:`resolve_call`, if the call has
        no values for that reason.
        """
        text, subject = f"module {block.labels[0]} ({source}) {reason}", f"module {source} {location}".rstrip()
        note = self.not_evaluated.setdefault(
            subject, Unreadable(block.source.file, text, block.span.line, subject=subject, kind=NoteKind.MODULE)
        )
        if key:
            self.missing[".".join(f"module.{name}" for name in key)] = note

    def note_no_instance(self, block: Block, path: Path, source: str, count: str) -> None:
        """Add a note that a call has no instance. It is dropped if another call of the module has one."""
        subject = os.path.realpath(path)
        reason = f"module {block.labels[0]} ({source}) has no instance ({count})"
        self.without_instance.setdefault(
            subject, Unreadable(block.source.file, reason, block.span.line, subject=subject, kind=NoteKind.NO_INSTANCE)
        )

    def notes(self) -> tuple[Unreadable, ...]:
        """Return notes on everything that was not evaluated."""
        manifest = (self.installed.unreadable,) if self.installed.unreadable is not None else ()
        uninstantiated = (note for folder, note in self.without_instance.items() if folder not in self.called)
        return (*manifest, *self.not_evaluated.values(), *uninstantiated)
