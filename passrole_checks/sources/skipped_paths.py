"""Notes on folders and symbolic links that a search for files skips, if infrastructure code is behind them, and on
programs and scripts that grant access when they run.

A skipped folder (downloads, virtual environments, caches, build results) is searched for the first such file only,
within limits; one that is too large to be searched is noted as well.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from passrole_checks.files.safe_read import real_path
from passrole_checks.files.unsaved_texts import entries_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.model.iam_commands import is_script, note_on_commands
from passrole_checks.sources.recognize import is_candidate, recognize

MAX_ENTRIES = 4_000  # names in one skipped folder, at any depth
MAX_READS = 40  # files of one skipped folder that are read
_MAX_SHOWN = 200  # characters of a link's target
MAX_TOTAL = 20_000  # names in all skipped folders of a run

_READ = frozenset({".json", ".template", ".yaml", ".yml"})
# repositories of version control, and modules, which are read where a root module calls them
_NOT_SEARCHED = frozenset({".external_modules", ".git", ".hg", ".svn", ".terraform"})
_METADATA = frozenset({"composer.json", "package-lock.json", "package.json", "tsconfig.json"})
_SERVICE_CLUES = tuple(
    re.compile(clue) for clue in (rb"\bprovider['\"]?\s*[:,}]", rb"\bservice['\"]?\s*[:,}]", rb"(?i:\baws)")
)
_SERVICE_PROGRAMS = frozenset(f"serverless.{suffix}" for suffix in ("cjs", "cts", "js", "mjs", "mts", "ts"))


@dataclass
class SkippedPaths:
    """The folders and symbolic links that walks have skipped, and the programs and shell scripts that they have found,
    in order. ``scripts``: the notes on shell scripts."""

    folders: dict[str, None] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    programs: dict[str, None] = field(default_factory=dict)
    scripts: list[Unreadable] = field(default_factory=list)

    def add(self, path: str) -> None:
        """Record a skipped folder or symbolic link."""
        (self.links if os.path.islink(path) else self.folders)[path] = None

    def notes(self, walked: Sequence[Path]) -> Iterator[Unreadable]:
        """Yield the notes. ``walked``: the folders that were walked, resolved."""
        left = MAX_TOTAL
        for folder in self.folders:
            if os.path.basename(folder) in _NOT_SEARCHED:
                continue
            search = _Search(min(left, MAX_ENTRIES))
            example = search.first_code(folder)
            left -= search.seen
            if example is not None:
                reason = f"skipped, although it contains infrastructure code ({os.path.relpath(example, folder)})"
                yield Unreadable(folder, reason, kind=NoteKind.SKIPPED_PATH)
            elif not search.is_complete:
                reason = "skipped, and too large to be searched for infrastructure code"
                yield Unreadable(folder, reason, kind=NoteKind.SKIPPED_PATH)
        for link in self.links:
            if (reason_of_link := _link_reason(link, walked)) is not None:
                yield Unreadable(link, reason_of_link, kind=NoteKind.SKIPPED_PATH)
        for program in self.programs:
            yield Unreadable(
                program,
                "a program that builds a service of the Serverless Framework, which is not run",
                kind=NoteKind.SKIPPED_PATH,
            )
        yield from self.scripts


def is_service_program(path: Path) -> bool:
    """True if a file is a service of the Serverless Framework as a program.

    Source: Serverless Framework, "Serverless.yml Reference" (``serverless.ts``, ``serverless.js`` and similar).
    """
    if path.name not in _SERVICE_PROGRAMS:
        return False
    try:
        content = current_boundary().read(path, 1_000_000)
    except OSError:
        return False
    return all(clue.search(content) for clue in _SERVICE_CLUES)


def note_on_script(path: Path) -> Iterator[Unreadable]:
    """Yield the note on a shell script that names iam:PassRole, or that attaches or creates policies, other than in
    comments; none for other scripts, and for all other files."""
    if not is_script(path.name):
        return
    with suppress(OSError):
        yield from note_on_commands(str(path), current_boundary().read(path, 1_000_000).decode("utf-8", "replace"))


def _link_reason(link: str, walked: Iterable[Path]) -> str | None:
    """Return the note on a symbolic link; None if there is no infrastructure code behind it, or it is scanned."""
    target = Path(real_path(link))
    is_folder = target.is_dir()
    may_be_code = is_folder or is_candidate(Path(link)) or is_candidate(target)
    if not may_be_code or not target.exists():
        return None
    is_read = is_folder or is_candidate(target) or is_terraform_file(target)
    if is_read and any(target.is_relative_to(folder) for folder in walked):
        return None
    try:
        current_boundary().check(link)
    except OSError as error:
        return str(error.strerror) if is_folder or Path(link).suffix.lower() in _READ else None
    words = f"a symbolic link (not followed) to {os.readlink(link)[:_MAX_SHOWN]}"
    if not is_folder:
        return f"{words}, which is infrastructure code" if _is_code(target) else None
    search = _Search(MAX_ENTRIES)
    example = search.first_code(str(target))
    if example is not None:
        return f"{words}, which contains infrastructure code ({os.path.relpath(example, target)})"
    return None if search.is_complete else f"{words}, which is too large to be searched for infrastructure code"


def leads_to_code(target: Path) -> bool:
    """True if a file is infrastructure code, or a folder contains some or is too large to be searched."""
    if not target.is_dir():
        return _is_code(target)
    search = _Search(MAX_ENTRIES)
    return search.first_code(str(target)) is not None or not search.is_complete


def _is_code(path: Path) -> bool:
    return is_terraform_file(path) or recognize(path).is_infrastructure


class _Search:
    """Search one folder for infrastructure code, level by level."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seen = self.reads = 0
        self.is_complete = True

    def first_code(self, folder: str) -> str | None:
        """Return the first file that is infrastructure code; None if none is found within the limits."""
        pending = deque([folder])
        while pending:
            if self.seen >= self.limit:
                self.is_complete = False
                return None
            current = pending.popleft()
            try:
                entries = sorted(entries_in(current), key=lambda entry: entry.name)
                self.seen += len(entries)
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False) and self._is_code(Path(entry.path)):
                        return entry.path
            except OSError:
                self.is_complete = False
        return None

    def _is_code(self, path: Path) -> bool:
        if is_terraform_file(path):
            return True
        if path.suffix.lower() not in _READ or path.name in _METADATA:
            return False
        if self.reads >= MAX_READS:
            self.is_complete = False
            return False
        self.reads += 1
        return recognize(path).is_infrastructure
