"""A file with values, and what its values may be for."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from passrole_checks.escaping.terminal import display_path
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.path_conditions import Assumption, one_of
from passrole_checks.sources.model.configuration import Configuration, Framework

SUBJECT = "value file"  # of the path condition of what a variant adds
MAX_NAMES = 5  # files that are named


@dataclass(frozen=True, slots=True)
class ValueFile:
    """Values that a file, or one ``part`` of it, sets.

    ``names`` are the variables or parameters, ``parameters`` these with their values in a file for CloudFormation.
    ``part`` is an environment of AWS SAM or a resource of a manifest. ``templates``: the values are for the first of
    them that is scanned; if none is and ``is_named`` is true, for no other. ``is_certain``: the file is one of values
    even if no template declares its names. ``attaches``: AWS managed policies are named. ``problem``: why it cannot be
    read, at ``line``.
    """

    path: Path
    framework: Framework
    names: frozenset[str] = frozenset()
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
        file = display_path(str(self.path))
        return f"{file} ({self.part})" if self.part else file

    @property
    def option(self) -> str:
        """The option that gives these values to a scan."""
        file = shlex.quote(display_path(str(self.path)))
        if self.framework is Framework.TERRAFORM:
            return f"--var-file {file}"
        is_readable = not self.part or (self.path.suffix == ".toml" and self.part == "default")
        return f"--parameters {file if is_readable else 'KEY=VALUE'}"


@dataclass(frozen=True, slots=True)
class Target:
    """A root module or template with the variables or parameters that it declares."""

    path: Path
    framework: Framework
    names: frozenset[str]

    @property
    def folder(self) -> Path:
        """The folder of the root module or template."""
        return self.path if self.framework is Framework.TERRAFORM else self.path.parent


@dataclass(frozen=True, slots=True)
class Variant:
    """A root module or template that was read with the values of a file. ``base``: the same without them."""

    path: Path
    file: ValueFile
    base: Configuration
    configuration: Configuration


def with_values_of(labels: Sequence[str]) -> Assumption:
    """Return the assumption that a configuration is deployed with the values of one of these files."""
    return one_of(SUBJECT, labels[:MAX_NAMES])
