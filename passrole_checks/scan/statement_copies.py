"""Copies of a statement in sibling folders or files, such as those of several environments, accounts or versions.

Copies of a role differ in actions that have nothing to do with passing roles. Who passes which roles to which services
is one decision, made once and copied.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from pathlib import Path

from passrole_checks.findings import Finding
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import strings_in
from passrole_checks.scan.included_access import ACCESS_CHECKS
from passrole_checks.sources.model.configuration import Framework

_TEMPLATES = (Framework.CLOUDFORMATION, Framework.SAM)
_ELEMENT = lazy_regex(r"(?:^|/)Resources/([^/]+)/Properties/(.+)")  # of a template in a resource
_ANY_ROLE = "PASSROLE_001"
_ACCOUNT = lazy_regex(r"\b\d{12}\b")
_SHORTEST_NAME = 3  # of a folder whose name is replaced in role names: "v1" is too common a part of other words


def keys_of_copies(finding: Finding) -> Iterator[Hashable]:
    """Yield keys of which two findings share one if they are about copies of a statement.

    These are findings of one check and severity on resources of one name, in files whose paths differ in one folder or
    in the name of the file. The statements allow passing the same roles under the same condition, and in the same way:
    by name, or by the same wildcard, to principals that the same people or services can use. Account ids, and names of
    roles that contain the name of the folder, may differ. In copies of a CloudFormation template, which stacks of
    Terraform may contain, what differs is parameters: the elements of one name at one position are copies, wherever the
    files are and whatever their severity.
    """
    grant = finding.grant
    if finding.suppressed is not None or finding.check_id not in ACCESS_CHECKS or grant is None:
        return
    verdict = (finding.check_id, finding.severity, finding.framework, finding.details.managed, grant.granted_by.lower())
    *folders, name = Path(finding.at.file).parts
    for place, folder in enumerate(folders):
        environment = _word(folder)
        address, users = _without(finding.resource.address, environment), _without(_users(finding), environment)
        path = (*folders[:place], None, *folders[place + 1 :], name)
        yield (*verdict, address, users, path, *_texts(grant.statement, environment))
    element = _ELEMENT.search(finding.statement_path)
    logical_id, path_of_element = element.groups() if element is not None else (finding.resource.address, "")
    if element is not None or finding.framework in _TEMPLATES:
        at = (name, finding.at.line, finding.at.column, finding.at.end_line)
        own = re.compile(rf"(?<![\w.]){re.escape(finding.resource.address)}\.") if element is not None else None
        texts = _texts(grant.statement, own, "")
        yield (
            "template",
            finding.check_id,
            finding.details.managed,
            grant.granted_by.lower(),
            _users(finding),
            at,
            logical_id,
            path_of_element or finding.statement_path,
            *texts,
        )
    stem, _, suffix = name.rpartition(".")
    address, path = finding.resource.address, (*folders, None, suffix)
    yield (*verdict, address, _users(finding), path, *_texts(grant.statement, _word(stem)))


def _users(finding: Finding) -> str:
    """Return the cause of a finding if it names those who can use the principals; else ""."""
    return finding.details.cause if finding.details.managed or finding.check_id == _ANY_ROLE else ""


def _word(name: str) -> re.Pattern[str] | None:
    """Return a pattern of a name as a word of a longer one; None if it is too short."""
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])") if len(name) >= _SHORTEST_NAME else None


def _texts(statement: Statement, name: re.Pattern[str] | None, by: str = "*") -> Iterator[Hashable]:
    """Yield the roles and the condition of a statement, without account ids, and with ``by`` instead of a name."""
    for patterns in (statement.resources, statement.not_resources):
        yield frozenset(_without(str(pattern), name, by) for pattern in patterns) if patterns is not None else None
    condition = strings_in(statement.condition) if statement.condition is not None else ()
    yield tuple(_without(str(value), name, by) for value in condition)


def _without(text: str, name: re.Pattern[str] | None, by: str = "*") -> str:
    text = _ACCOUNT.sub("*", text)
    return name.sub(by, text) if name is not None else text
