"""What ``diff`` compares: two paths, or two versions of a git repository.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks import configuration
from passrole_checks.cli_options import scan_options

if TYPE_CHECKING:
    from passrole_checks.difference import Difference
    from passrole_checks.review.compare import Find, InputsOf
    from passrole_checks.scan import ScanOptions
    from passrole_checks.snapshots import Comparison
    from passrole_checks.sources.resource import Inputs


def asked_for(names: Sequence[str], staged: bool) -> Comparison | None:
    """The versions that the arguments name; None where they are two paths."""
    from passrole_checks import snapshots

    return snapshots.asked_for(names, staged=staged, folder=Path.cwd())


def table_of(asked: Comparison | None) -> dict[str, Any]:
    """The configuration to go by: the working directory's, or, where versions are compared, that of BASE alone.

    Whoever proposes a change must not be able to change what it is judged by. Raises a
    :class:`~passrole_checks.errors.ConfigurationError` where it cannot be read.
    """
    if asked is None:
        return configuration.load(Path.cwd())
    content = asked.file_of_base(configuration.FILE)
    return {} if content is None else configuration.table_in(content)


def difference(asked: Comparison | None, names: Sequence[str], options: dict[str, Any]) -> Difference:
    """The difference between two paths or two versions; files of versions are named from the top of the repository."""
    from passrole_checks.difference import difference_of

    if asked is None:
        return difference_of(Path(names[0]), Path(names[1]), scan_options(options))
    from passrole_checks.review import compare

    with asked.snapshots() as snapshots:
        sides = compare.sides_of(asked, snapshots, inputs_of(options))
        found = compare.compared(sides, snapshots, judging(options))
        notes = compare.about_configuration(asked, snapshots)
        return compare.named(replace(found, not_evaluated=(*notes, *found.not_evaluated)), snapshots)


def judging(options: dict[str, Any], **how: Any) -> ScanOptions:
    """What the shared options ask of the comparison of two versions, without the values of either."""
    return scan_options({**options, "var_file": (), "parameters": (), "source": None}, **how)


def inputs_of(options: dict[str, Any]) -> InputsOf:
    """How the values of the shared options are made for one version."""

    def made(find: Find) -> Inputs:
        given = {
            **options,
            "var_file": tuple(path for name in options["var_file"] if (path := find(name)) is not None),
            "parameters": tuple(path for name in options["parameters"] if (path := find(name)) is not None),
            "source": find(options["source"], folder=True) if options["source"] is not None else None,
        }
        return scan_options(given).inputs

    return made
