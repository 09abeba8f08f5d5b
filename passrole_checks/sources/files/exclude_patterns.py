"""Exclude paths from a scan by patterns in gitignore syntax.

Source: gitignore(5), "PATTERN FORMAT". The library pathspec compiles single patterns; the last matching pattern
decides, and nothing below an excluded folder can be included again.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.errors import ConfigurationError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

if TYPE_CHECKING:
    from pathspec import Pattern

_MOST_PATTERNS = 1_000
_LONGEST = 4_096  # characters of a pattern
_MOST_WILDCARDS = 3  # in one part of a pattern: the time to match a name grows exponentially with their number
_MOST_PARTS = 16
_SET = lazy_regex(r"\\.|\[[!^]?\]?[^\]]*\]")  # a character set, or an escaped character


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Patterns, and the folders that they are relative to.

    ``roots`` are pairs of a folder and a prefix: a path below the folder is matched as the prefix followed by its
    relative path. The first folder that contains a path applies; a path outside of all folders is not excluded.
    """

    patterns: tuple[str, ...] = ()
    roots: tuple[tuple[str, str], ...] = ()

    def excludes(self, path: str | Path, *, folder: bool = False) -> bool:
        """True if a file, or a whole ``folder``, or one of its parent folders, is excluded."""
        if not self.patterns:
            return False
        relative = self._relative(str(path))
        if not relative:
            return False
        name = f"{relative}/" if folder else relative
        return any(_matches(self.patterns, part) for part in _with_parent_folders(name))

    def excludes_entry(self, path: str, *, folder: bool = False) -> bool:
        """True if an entry is excluded whose parent folders are not."""
        relative = self._relative(path) if self.patterns else ""
        return bool(relative) and _matches(self.patterns, f"{relative}/" if folder else relative)

    def excluded_names(self, folder: Path, names: Collection[str]) -> frozenset[str]:
        """Return the file names of a folder that are excluded from the Terraform module in it.

        Empty if the folder, or every file in it, is excluded: such a module is read completely if it is called.
        """
        if not self.patterns or self.excludes(folder, folder=True):
            return frozenset()
        excluded = frozenset(name for name in names if self.excludes_entry(str(folder / name)))
        return excluded if len(excluded) < len(names) else frozenset()

    def relocated(self, old: str, new: str) -> Exclusions:
        """Return the same exclusions for a copy of the folder ``old`` at ``new``."""
        return Exclusions(self.patterns, tuple(_relocate_root(root, old, new) for root in self.roots))

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


def make_exclusions(patterns: Sequence[str], paths: Sequence[str | Path] = ()) -> Exclusions:
    """Return exclusions relative to the working directory, and outside of it relative to each of ``paths``: a given
    folder, or the folder of a given file.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` for invalid patterns.
    """
    if not patterns:
        return NO_EXCLUSIONS
    if problem := find_pattern_problem(patterns):
        raise ConfigurationError(f"exclude: {problem}")
    roots = [os.path.realpath(os.getcwd())]
    for path in map(os.path.realpath, paths):
        root = path if os.path.isdir(path) else os.path.dirname(path)
        if root not in roots and not root.startswith(os.path.join(roots[0], "")):
            roots.append(root)
    return Exclusions(tuple(patterns), tuple((root, "") for root in roots))


def find_pattern_problem(patterns: Sequence[str]) -> str | None:
    """Return why the patterns are invalid, None if they are valid. A pattern that can never match is invalid."""
    if len(patterns) > _MOST_PATTERNS:
        return f"more than {_MOST_PATTERNS:,} patterns"
    return next((f"{_truncate(pattern)!r} {reason}" for pattern in patterns if (reason := _problem(pattern))), None)


def _problem(pattern: str) -> str:
    """Return why a pattern is invalid; empty if it is valid."""
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST:,} characters"
    if "\n" in pattern or "\0" in pattern:
        return "contains a line feed or a null character"
    if not pattern.strip() or pattern.startswith("#"):
        return r"is not a pattern (write \#name for a name that begins with #)"
    parts = _split_pattern(pattern)[2].split("/")
    if "." in parts or ".." in parts:
        return "never matches: patterns are relative to the working directory, without . and .. (/vendor, not ./vendor)"
    if not parts[-1] or "" in parts[1:]:
        return "never matches: empty path component"
    if any(part.count("*") > _MOST_WILDCARDS for part in parts) or "***" in parts or len(parts) > _MOST_PARTS:
        return f"has more than {_MOST_WILDCARDS} wildcards in one path component, or more than {_MOST_PARTS} components"
    if "[" in _SET.sub("", pattern) or any("/" in piece for piece in _SET.findall(pattern)):
        return "never matches: unclosed [, or a / between [ and ]"
    try:
        compiled = [_compile_part(part) for part in parts if part not in ("", "**")]
    except (ValueError, re.error):
        return "is not a valid gitignore pattern"
    return "" if all(piece.include is not None for piece in compiled) else "never matches anything"


def _truncate(pattern: str) -> str:
    return pattern if len(pattern) <= 60 else f"{pattern[:59]}…"


def _split_pattern(pattern: str) -> tuple[bool, bool, str]:
    """Return True if a pattern includes again (``!``), True if it is for folders only (trailing ``/``), and the rest
    without these marks and without the spaces that git ignores."""
    rest = pattern.removeprefix("!")
    while rest.endswith(" ") and not rest.endswith("\\ "):
        rest = rest[:-1]
    return pattern.startswith("!"), rest.endswith("/"), rest.removesuffix("/")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One pattern, matched like git: without a slash against the name of a file or folder, else against its path.

    ``parts`` are the components between slashes; None is ``**``. Each part is matched against one name, so that the
    time does not grow with the product of their wildcards.
    """

    includes: bool
    folders_only: bool
    by_name: bool
    parts: tuple[str | None, ...]

    @classmethod
    def of(cls, pattern: str) -> _Pattern:
        """Parse a pattern."""
        includes, folders_only, rest = _split_pattern(pattern)
        by_name = "/" not in rest
        parts = [None if part == "**" and not by_name else part for part in rest.removeprefix("/").split("/")]
        if parts[-1] is None:
            parts.append("*")  # a trailing ** matches everything in a folder, but not the folder
        return cls(includes, folders_only, by_name, tuple(parts))

    def matches(self, names: Sequence[str], is_folder: bool) -> bool:
        """True if the pattern matches the path of a file or folder, given as its components."""
        if self.folders_only and not is_folder:
            return False
        names = names[-1:] if self.by_name else names
        if None not in self.parts and len(self.parts) != len(names):
            return False
        part = name = resumed = 0
        any_depth = -1  # the last ** so far: if the rest does not match, it matches one folder more
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
def _compile_part(part: str) -> Pattern:
    """Compile a pattern for one name. Raises ValueError or re.error."""
    from pathspec import GitIgnoreSpec  # slow to import, and rarely needed

    if part.endswith(" ") and not part.endswith("\\ "):  # pathspec strips spaces at both ends
        part = f"{part[:-1]}\\ "
    if part.startswith((" ", "!", "#")):
        part = f"\\{part}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # for ambiguous character sets
        (compiled,) = GitIgnoreSpec.from_lines([part]).patterns
    return compiled


@lru_cache(maxsize=10_000)
def _part_matches(part: str, name: str) -> bool:
    # a line feed ends a match in regular expressions; no name contains NUL
    return _compile_part(part).match_file(name.replace("\n", "\0")) is not None


@lru_cache(maxsize=8)
def _compile(patterns: tuple[str, ...]) -> tuple[_Pattern, ...]:
    return tuple(map(_Pattern.of, patterns))


@lru_cache(maxsize=10_000)
def _matches(patterns: tuple[str, ...], path: str) -> bool:
    """True if the last pattern that matches a path (of a folder if it ends in ``/``) excludes it."""
    names, is_folder = path.removesuffix("/").split("/"), path.endswith("/")
    for pattern in reversed(_compile(patterns)):
        if pattern.matches(names, is_folder):
            return not pattern.includes
    return False


def _with_parent_folders(path: str) -> Iterator[str]:
    """Yield the parent folders of a path, outermost first, each with a slash, then the path itself."""
    end = path.find("/")
    while 0 <= end < len(path) - 1:
        yield path[: end + 1]
        end = path.find("/", end + 1)
    yield path


def _relocate_root(root: tuple[str, str], old: str, new: str) -> tuple[str, str]:
    """Return a root and its prefix for a copy of the folder ``old`` at ``new``."""
    folder, prefix = root
    if folder == old or folder.startswith(os.path.join(old, "")):
        return new + folder[len(old) :], prefix
    below = os.path.join(folder, "")
    if old.startswith(below):
        return new, "/".join(filter(None, (prefix, old[len(below) :].replace(os.sep, "/"))))
    return root
