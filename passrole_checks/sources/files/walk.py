"""Walk the files below a folder."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from passrole_checks.files.safe_read import RefusedError
from passrole_checks.files.unsaved_texts import entries_in
from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import is_terraform_file

MOST_ENTRIES = 1_000_000  # files and folders that a walk lists
# copies, downloads and build results of tools. Not cdk.out: it contains the templates.
_IGNORED = frozenset(
    {
        ".aws-sam", ".bundle", ".direnv", ".eggs", ".external_modules", ".git", ".gradle", ".hg", ".idea", ".nox",
        ".serverless", ".svn", ".terraform", ".terragrunt-cache", ".tox", ".venv", ".vscode-test", ".yarn",
        "__pycache__", "bower_components", "node_modules", "site-packages", "venv",
    }
)  # fmt: skip
_HIDDEN_CACHE = lazy_regex(r"\..*cache.*", re.IGNORECASE)


def is_ignored_folder(name: str) -> bool:
    """True if a folder of this name is skipped in a walk."""
    return name in _IGNORED or _HIDDEN_CACHE.fullmatch(name) is not None


def find_files_to_scan(
    folder: Path,
    unreadable: Callable[[Path, OSError], None],
    exclusions: Exclusions = NO_EXCLUSIONS,
    excluded: Callable[[str], None] = lambda _: None,
    skipped: Callable[[str], None] = lambda _: None,
) -> Iterator[str]:
    """Yield the paths of the files of a scanned folder: those of :func:`walk`, and all that are named like Terraform
    files.

    ``excluded`` is called with each path that ``exclusions`` exclude; a folder ends in ``/`` and is not listed.
    ``skipped`` is called with everything else that is skipped, see :func:`walk`.
    """

    def report_excluded(path: str, is_folder: bool) -> bool:
        if not exclusions.excludes_entry(path, folder=is_folder):
            return False
        excluded(f"{path}/" if is_folder else path)
        return True

    def report_skipped(path: str) -> None:
        if not exclusions.patterns or not exclusions.excludes_entry(path, folder=is_real_folder(path)):
            skipped(path)

    is_excluded = report_excluded if exclusions.patterns else _never
    return _walk_paths(folder, unreadable, is_terraform_file, is_excluded, report_skipped)


def is_real_folder(path: str) -> bool:
    """True if a path is a folder, and no symbolic link to one."""
    return os.path.isdir(path) and not os.path.islink(path)


def _never(_path: str, _is_folder: bool) -> bool:
    return False


def walk(
    folder: Path,
    unreadable: Callable[[Path, OSError], None],
    others: Callable[[Path], bool] = lambda _: False,
    is_excluded: Callable[[str, bool], bool] = _never,
    skipped: Callable[[str], None] = lambda _: None,
) -> Iterator[Path]:
    """Yield every regular file below a folder, ordered by name, subfolders after files.

    Symbolic links are not followed. Links to files, pipes, sockets and devices for which ``others`` returns True are
    yielded under their own names. Ignored folders and Python virtual environments are skipped. ``unreadable`` is called
    for each folder that cannot be listed, and for ``folder`` where the walk ends after `MOST_ENTRIES`. ``is_excluded``
    takes a path and True for a folder; if it returns True the path is skipped, too. ``skipped`` is called with each
    ignored folder, and with each link, pipe, socket and device that is not yielded.
    """
    return map(Path, _walk_paths(folder, unreadable, others, is_excluded, skipped))


def _walk_paths(
    folder: Path,
    unreadable: Callable[[Path, OSError], None],
    others: Callable[[Path], bool],
    is_excluded: Callable[[str, bool], bool],
    skipped: Callable[[str], None],
) -> Iterator[str]:
    pending, remaining = [str(folder)], MOST_ENTRIES
    while pending:
        current = pending.pop()
        try:
            entries = sorted(entries_in(current, remaining + 1), key=lambda entry: entry.name)
        except OSError as error:
            unreadable(Path(current), error)
            continue
        remaining -= len(entries)
        if remaining < 0:
            reason = f"more than {MOST_ENTRIES:,} files and folders; the rest is not read"
            unreadable(folder, RefusedError(errno.EFBIG, reason, str(folder)))
            return
        if current != str(folder) and any(entry.name == "pyvenv.cfg" for entry in entries):
            skipped(current)
            continue
        below: list[str] = []
        for entry in entries:
            deadline.check()
            try:
                if entry.is_dir(follow_symlinks=False):
                    if is_ignored_folder(entry.name):
                        skipped(entry.path)
                    elif not is_excluded(entry.path, True):
                        below.append(entry.path)
                elif entry.is_file(follow_symlinks=False) or (
                    others(Path(entry.path)) and not os.path.isdir(entry.path)
                ):
                    if not is_excluded(entry.path, False):
                        yield entry.path
                else:
                    skipped(entry.path)
            except OSError as error:
                unreadable(Path(entry.path), error)
        pending.extend(reversed(below))
