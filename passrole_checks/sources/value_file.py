"""A file with values, and what is there only with the values of some files."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path
from typing import TypeVar

from passrole_checks.escaping.terminal import display_path
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, one_of

SUBJECT = "value file"  # of the path condition of what only some files add
MAX_NAMES = 5  # files that are named

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ValueFile:
    """Values that a file, or one ``part`` of it, sets.

    ``names`` are the variables or parameters, ``parameters`` these with their values in a file for CloudFormation.
    ``part`` is an environment of AWS SAM or a resource of a manifest. ``templates``: the values are for the first of
    them that is scanned; if none is and ``is_named`` is true, for no other. ``is_certain``: the file is one of values
    even if no template declares its names. ``attaches``: AWS managed policies are named. ``problem``: why it cannot be
    read, at ``line``.
    """

    path: str
    is_terraform: bool
    names: frozenset[str] = field(default=frozenset(), repr=False)  # in no order that a cache key could have
    parameters: tuple[tuple[str, str], ...] = ()
    part: str = ""
    templates: tuple[Path, ...] = ()
    is_named: bool = False
    is_certain: bool = True
    attaches: bool = False
    problem: str = ""
    line: int | None = None

    @property
    def label(self) -> str:
        """The path relative to the working directory, with the part."""
        return self.labelled(display_path(self.path))

    def labelled(self, name: str) -> str:
        """Return a name of the file with the part."""
        return f"{name} ({self.part})" if self.part else name

    @property
    def option(self) -> str:
        """The option that gives these values to a scan."""
        import shlex  # slow to import

        file = shlex.quote(display_path(self.path))
        if self.is_terraform:
            return f"--var-file {file}"
        is_readable = not self.part or (self.path.endswith(".toml") and self.part == "default")
        return f"--parameters {file if is_readable else 'KEY=VALUE'}"


NO_VALUES = ValueFile("", is_terraform=False)


def with_values_of(labels: Sequence[str]) -> Assumption:
    """Return the assumption that a configuration is deployed with the values of one of these files."""
    return one_of(SUBJECT, labels[:MAX_NAMES])


def with_files(alternatives: tuple[PathCondition, ...], labels: Sequence[str]) -> tuple[PathCondition, ...]:
    """Return path conditions under which something applies only with the values of one of the files."""
    return tuple((*when, with_values_of(labels)) for when in alternatives or ((),))


def added_by_files(
    known: Container[Hashable], variants: Iterable[tuple[str, Iterable[_Value]]], key: Callable[[_Value], Hashable]
) -> Iterator[tuple[list[_Value], list[str]]]:
    """Yield what is there only with the values of files, each key once: the equal values, and the labels of the files.

    ``known``: the keys of what is there without files. ``variants``: what is there with each file, by its label.
    """
    added: dict[Hashable, tuple[list[_Value], dict[str, None]]] = {}
    for label, values in variants:
        for value in values:
            if (found := key(value)) not in known:
                equal, labels = added.setdefault(found, ([], {}))
                equal.append(value)
                labels[label] = None
    for equal, labels in added.values():
        yield equal, list(labels)
