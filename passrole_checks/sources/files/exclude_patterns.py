"""Paths that are left out of a scan, by patterns in the syntax of gitignore.

Source: gitignore(5), "PATTERN FORMAT". The library pathspec reads one pattern; the last one that matches counts, and
nothing below an excluded folder is included again.
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
    from pathspec import Pattern

_MOST_PATTERNS = 1_000
_LONGEST = 4_096  # characters of a pattern
_MOST_WILDCARDS = 3  # in one part of a pattern: the time to match a name grows with the power of their number
_MOST_PARTS = 16
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

    def excludes_entry(self, path: str, *, folder: bool = False) -> bool:
        """The same for a file or folder whose parent folders are known not to be excluded."""
        relative = self._relative(path) if self.patterns else ""
        return bool(relative) and _matches(self.patterns, f"{relative}/" if folder else relative)

    def excluded_names(self, folder: Path, names: Collection[str]) -> frozenset[str]:
        """Files of a folder that are left out of the Terraform module in it.

        Empty if the folder, or every file in it, is excluded: such a module is read whole if it is called.
        """
        if not self.patterns or self.excludes(folder, folder=True):
            return frozenset()
        found = frozenset(name for name in names if self.excludes_entry(str(folder / name)))
        return found if len(found) < len(names) else frozenset()

    def moved(self, old: str, new: str) -> Exclusions:
        """Return the same exclusions for a copy of the folder ``old`` at ``new``."""
        return Exclusions(self.patterns, tuple(_moved(root, old, new) for root in self.roots))

    def _relative(self, path: str) -> str:
        """Return the path to match; empty if it is outside of the roots."""
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
    """Return exclusions relative to the working directory, and outside of it to each of ``paths``: a folder that was
    given, or the folder of a file.

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
    """Return the reason why patterns cannot be used, None if they can. A pattern that never matches is a mistake."""
    if len(patterns) > _MOST_PATTERNS:
        return f"more than {_MOST_PATTERNS:,} patterns"
    return next((f"{_shortened(one)!r} {reason}" for one in patterns if (reason := _problem(one))), None)


def _problem(pattern: str) -> str:
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST:,} characters"
    if "\n" in pattern or "\0" in pattern:
        return "contains a line feed or a null character"
    if not pattern.strip() or pattern.startswith("#"):
        return r"is no pattern (a name that begins with # is written \#)"
    parts = _without_marks(pattern)[2].split("/")
    if "." in parts or ".." in parts:
        return "never matches: patterns are relative to the working directory, without . and .. (/vendor, not ./vendor)"
    if not parts[-1] or "" in parts[1:]:
        return "never matches: a part between two slashes is empty"
    if any(part.count("*") > _MOST_WILDCARDS for part in parts) or "***" in parts or len(parts) > _MOST_PARTS:
        return f"has more than {_MOST_WILDCARDS} wildcards in one part, or more than {_MOST_PARTS} parts"
    if "[" in _SET.sub("", pattern) or any("/" in one for one in _SET.findall(pattern)):
        return "never matches: a [ is not closed, or a / is between [ and ]"
    try:
        compiled = [_compiled_part(part) for part in parts if part not in ("", "**")]
    except (ValueError, re.error):
        return "is no valid gitignore pattern"
    return "" if all(one.include is not None for one in compiled) else "never matches anything"


def _shortened(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:59]}…"


def _without_marks(pattern: str) -> tuple[bool, bool, str]:
    """Return whether a pattern includes again (``!``), whether it is for folders only (``/`` at the end), and its rest,
    without these marks and the spaces that git ignores."""
    rest = pattern.removeprefix("!")
    while rest.endswith(" ") and not rest.endswith("\\ "):
        rest = rest[:-1]
    return pattern.startswith("!"), rest.endswith("/"), rest.removesuffix("/")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern, matched as git does: without a slash with the name of a file or folder, else with its path.

    ``parts``: what is between slashes; None for ``**``. Each part is matched with one name, so that the time does not
    grow with the product of their wildcards.
    """

    includes: bool
    folders_only: bool
    by_name: bool
    parts: tuple[str | None, ...]

    @classmethod
    def of(cls, pattern: str) -> _Pattern:
        includes, folders_only, rest = _without_marks(pattern)
        by_name = "/" not in rest
        parts = [None if part == "**" and not by_name else part for part in rest.removeprefix("/").split("/")]
        if parts[-1] is None:
            parts.append("*")  # at the end, ** is all that is in a folder, and not the folder
        return cls(includes, folders_only, by_name, tuple(parts))

    def matches(self, names: Sequence[str], is_folder: bool) -> bool:
        """True if the pattern matches the path of a file or folder, given as the names in it."""
        if self.folders_only and not is_folder:
            return False
        names = names[-1:] if self.by_name else names
        if None not in self.parts and len(self.parts) != len(names):
            return False
        part = name = resumed = 0
        any_depth = -1  # the last ** before here: if the rest does not match, it stands for one folder more
        while name < len(names):
            wanted = self.parts[part] if part < len(self.parts) else ""
            if wanted is None:
                any_depth, resumed, part = part, name, part + 1
            elif wanted and _part_matches(wanted, names[name]):
                part, name = part + 1, name + 1
            elif any_depth >= 0:
                resumed += 1
                part, name = any_depth + 1, resumed
            else:
                return False
        return part == len(self.parts)


@lru_cache(maxsize=_MOST_PATTERNS)
def _compiled_part(part: str) -> Pattern:
    """Compile a pattern for one name. Raises ValueError or re.error."""
    from pathspec import GitIgnoreSpec  # takes as long as a small scan, and most have no patterns

    if part.endswith(" ") and not part.endswith("\\ "):  # the library drops spaces at both ends
        part = f"{part[:-1]}\\ "
    if part.startswith((" ", "!", "#")):
        part = f"\\{part}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of sets of characters that look like others
        (compiled,) = GitIgnoreSpec.from_lines([part]).patterns
    return compiled


@lru_cache(maxsize=10_000)
def _part_matches(part: str, name: str) -> bool:
    # regular expressions take a line feed for an end; no name contains the character in its place
    return _compiled_part(part).match_file(name.replace("\n", "\0")) is not None


@lru_cache(maxsize=8)
def _compiled(patterns: tuple[str, ...]) -> tuple[_Pattern, ...]:
    return tuple(map(_Pattern.of, patterns))


@lru_cache(maxsize=10_000)
def _matches(patterns: tuple[str, ...], path: str) -> bool:
    """True if the last pattern that matches a path, of a folder if it ends in ``/``, excludes it."""
    names, is_folder = path.removesuffix("/").split("/"), path.endswith("/")
    for pattern in reversed(_compiled(patterns)):
        if pattern.matches(names, is_folder):
            return not pattern.includes
    return False


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
