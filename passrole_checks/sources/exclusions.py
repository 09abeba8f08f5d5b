"""Paths that are left out of a scan, by patterns in the syntax of gitignore.

Source: gitignore(5), "PATTERN FORMAT". The library pathspec matches one path with patterns; as in git, nothing below an
excluded folder is included again.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.errors import ConfigurationError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_MOST_PATTERNS = 1_000
_LONGEST = 4_096  # characters of a pattern
_MOST_WILDCARDS = 3  # in one part of a pattern, and of `**`: the time to match grows with the power of their number
_SET = re.compile(r"\\.|\[[!^]?\]?[^\]]*\]")  # of characters; or one that is escaped


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Patterns, and the folders that they are relative to.

    ``roots`` are pairs of a folder and a prefix: a path below the folder is matched as its relative path, after the
    prefix. The first folder that contains a path counts; a path outside of all of them is not excluded.
    """

    patterns: tuple[str, ...] = ()
    roots: tuple[tuple[str, str], ...] = ()

    def excludes(self, path: str | Path, *, folder: bool = False) -> bool:
        """True if a file, or a ``folder`` as a whole, or a folder around it, is excluded."""
        if not self.patterns:
            return False
        relative = self._relative(str(path))
        if not relative:
            return False
        name = f"{relative}/" if folder else relative
        return any(_matches(self.patterns, part) for part in _from_the_top(name))

    def excluded_names(self, folder: Path, names: Collection[str]) -> frozenset[str]:
        """The files of a folder that are not part of the Terraform module in it.

        A module whose folder, or every file, is excluded is called all the same: it is read whole.
        """
        if not self.patterns or self.excludes(folder, folder=True):
            return frozenset()
        found = frozenset(name for name in names if self.excludes(folder / name))
        return found if len(found) < len(names) else frozenset()

    def moved(self, old: str, new: str) -> Exclusions:
        """The same exclusions for a copy of the folder ``old`` at ``new``."""
        return Exclusions(self.patterns, tuple(_moved(root, old, new) for root in self.roots))

    def _relative(self, path: str) -> str:
        """The path that is matched; empty where the patterns say nothing of it."""
        for root, prefix in self.roots:
            if path == root:
                return prefix
            below = os.path.join(root, "")
            if path.startswith(below):
                relative = path[len(below) :].replace(os.sep, "/")
                return f"{prefix}/{relative}" if prefix else relative
        return ""


NO_EXCLUSIONS = Exclusions()


def exclusions_of(patterns: Sequence[str], paths: Sequence[str | Path] = ()) -> Exclusions:
    """Exclusions relative to the working directory, and outside of it to each of ``paths``: a folder that was given, or
    the folder of a file.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` for patterns that cannot be used.
    """
    if not patterns:
        return NO_EXCLUSIONS
    if problem := problem_with(patterns):
        raise ConfigurationError(f"exclude: {problem}")
    roots = [os.path.realpath(os.getcwd())]
    for path in map(os.path.realpath, paths):
        root = path if os.path.isdir(path) else os.path.dirname(path)
        if root not in roots and not root.startswith(os.path.join(roots[0], "")):
            roots.append(root)
    return Exclusions(tuple(patterns), tuple((root, "") for root in roots))


def problem_with(patterns: Sequence[str]) -> str | None:
    """The reason why patterns cannot be used, None if they can. A pattern that never matches is a mistake."""
    if len(patterns) > _MOST_PATTERNS:
        return f"more than {_MOST_PATTERNS:,} patterns"
    return next((f"{_shortened(one)!r} {reason}" for one in patterns if (reason := _problem(one))), None)


def _problem(pattern: str) -> str:
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST:,} characters"
    if not pattern.strip() or pattern.startswith("#"):
        return r"is no pattern (a name that begins with # is written \#)"
    parts = re.split("/", pattern.removeprefix("!").strip())
    if "." in parts or ".." in parts:
        return "never matches: patterns are relative to the working directory, without . and .. (/vendor, not ./vendor)"
    most = max(part.count("*") for part in parts if part != "**") if set(parts) - {"**"} else 0
    if most > _MOST_WILDCARDS or parts.count("**") > _MOST_WILDCARDS:
        return f"has more than {_MOST_WILDCARDS} wildcards in one part, or more than {_MOST_WILDCARDS} **"
    if "[" in _SET.sub("", pattern):
        return "never matches: a [ is not closed"
    try:
        (compiled,) = _compiled((pattern,)).patterns
    except (ValueError, re.error):
        return "is no valid gitignore pattern"
    return "" if compiled.include is not None else "never matches anything"


def _shortened(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:59]}…"


@lru_cache(maxsize=8)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # takes as long as a small scan, and most have no patterns

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of sets of characters that look like others
        return GitIgnoreSpec.from_lines(patterns)


@lru_cache(maxsize=100_000)
def _matches(patterns: tuple[str, ...], path: str) -> bool:
    return _compiled(patterns).match_file(path)


def _from_the_top(path: str) -> Iterator[str]:
    """The folders on the way to a path, each with a slash, and the path itself."""
    end = path.find("/")
    while 0 <= end < len(path) - 1:
        yield path[: end + 1]
        end = path.find("/", end + 1)
    yield path


def _moved(root: tuple[str, str], old: str, new: str) -> tuple[str, str]:
    folder, prefix = root
    if folder == old or folder.startswith(os.path.join(old, "")):
        return new + folder[len(old) :], prefix
    below = os.path.join(folder, "")
    if old.startswith(below):
        return new, "/".join(filter(None, (prefix, old[len(below) :].replace(os.sep, "/"))))
    return root
