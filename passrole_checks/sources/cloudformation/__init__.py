"""CloudFormation and SAM templates, YAML and JSON."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.sources.cloudformation.policies import PolicyReader
from passrole_checks.sources.cloudformation.recognize import looks_like_template
from passrole_checks.sources.cloudformation.sam import is_sam
from passrole_checks.sources.cloudformation.suppressions import suppressions
from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.resource import Configuration, Framework

__all__ = ["load", "looks_like_template"]


def load(path: Path, content: str) -> Configuration:
    """Read a template: its resources, policies, roles and suppressions.

    ``path`` is only named, never opened. What cannot be read within a template is listed as unreadable and the rest is
    read; :class:`InputError` is raised where the file as a whole cannot be read.
    """
    file = str(path)
    try:
        template = Template(file, content)
        framework = Framework.SAM if is_sam(template) else Framework.CLOUDFORMATION
        reader = PolicyReader(template, framework)
        reader.read()
        found = suppressions(template, {resource.address: resource.at for resource in reader.resources})
    except RecursionError:
        raise InputError(file, "nested too deeply") from None
    return Configuration(
        framework=framework,
        files=(file,),
        resources=tuple(reader.resources),
        policies=tuple(reader.policies),
        roles=tuple(reader.roles),
        suppressions=tuple(found),
        unreadable=tuple(reader.unreadable),
        not_evaluated=tuple(reader.not_evaluated),
    )
