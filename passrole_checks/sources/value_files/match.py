"""Find the root module or template that values are for, by the names that it declares and by its folder."""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.value_files.model import Target, ValueFile


def targets_of(file: ValueFile, targets: Sequence[Target]) -> list[Target]:
    """Return the root modules or templates that the values of a file may be for.

    Those that declare all names come first; Terraform also accepts a file with names that are not declared. Of several,
    those in the nearest folder around the file remain.
    """
    possible = [target for target in targets if (target.framework is _TERRAFORM) == (file.framework is _TERRAFORM)]
    for template in file.templates:
        named = [target for target in possible if target.path == template]
        if named:
            return named
    if file.is_named:
        return []
    found = [target for target in possible if file.names and file.names <= target.names]
    if not found and file.framework is _TERRAFORM:
        found = [target for target in possible if file.names & target.names]
    around = [target for target in found if file.path.is_relative_to(target.folder)]
    depth = max((len(target.folder.parts) for target in around), default=0)
    return [target for target in around if len(target.folder.parts) == depth] or found


_TERRAFORM = Framework.TERRAFORM
