"""What would be written instead: edits of the original text, with what they are for.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": name the roles in ``Resource`` and
the service in ``iam:PassedToService``.
"""

from __future__ import annotations

from dataclasses import dataclass

from passrole_checks.findings import Finding
from passrole_checks.iam.partial_values import Position, StringNode


@dataclass(frozen=True, slots=True)
class Edit:
    """``file[start:end]`` becomes ``text``; offsets count characters of the file as it is read in UTF-8, a BOM and
    carriage returns included, so that nothing else of the file changes."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class TargetRole:
    """A role that a statement should name. ``address``: of a role of the same module or template, which is written as
    a reference, as its language has it; "" where it is written as the ``arn`` (literal parts, wildcards, and holes for
    the account and the partition, which are written as the language has them). ``value``: what the ARN is by default,
    where it is a variable's or a parameter's."""

    address: str
    arn: StringNode
    value: StringNode | None = None


@dataclass(frozen=True, slots=True)
class StatementChange:
    """What a statement should say. None leaves what stands there.

    ``roles``: its Resource. ``services``: the values of ``iam:PassedToService``, under StringEquals, in the place of
    any other condition on that key. ``drop``: condition keys that go (role tags). ``get_role``: iam:GetRole beside
    iam:PassRole. ``apart``: iam:PassRole goes into a statement of its own behind this one, and ``roles``, ``services``
    and ``drop`` are about that one; this one keeps its other actions, and all else, as they stand (a condition on
    ``iam:PassedToService`` would switch those off, and other actions have other resources).
    """

    roles: tuple[TargetRole, ...] | None = None
    services: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    get_role: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ObservedUse:
    """What logs show of one statement. ``since`` and ``until``: their first and last event, and ``last`` the last pass,
    as CloudTrail writes times ("" for none). ``passes``: how many it surely let through, ``perhaps`` how many more it
    may have; ``roles``: how many roles that were."""

    since: str
    until: str
    passes: int
    perhaps: int
    roles: int
    last: str


@dataclass(frozen=True, slots=True)
class Shared:
    """Who uses a file that is edited. ``units``: the paths of the scanned roots or templates, for all of which the edit
    is proved. ``callers``: other folders that call the module and were not scanned; ``is_complete``: there are no more
    of them."""

    units: tuple[str, ...]
    callers: tuple[str, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is suggested for one statement.

    ``findings``: those of the statement that it is about, ``at`` the statement. ``edits`` are proved: with them every
    file can be read, the findings are not there any more, and no new one has come; empty where a person has to decide.
    ``says``: one sentence, what the edits do. ``missing``: what a person has to find out or fill in. ``statement``: how
    the statement would read, in the language of its file, with names in angle brackets for what is missing; "" where
    nobody can say. ``evidence``: what logs show of it, None where they were not asked; only with them there may be no
    findings, and ``resource`` and ``sid`` say then whose statement it is. ``shared``: who else uses the edited files.
    """

    findings: tuple[Finding, ...]
    at: Position
    edits: tuple[Edit, ...]
    says: str
    missing: tuple[str, ...]
    statement: str
    evidence: ObservedUse | None = None
    resource: str = ""
    sid: str | None = None
    shared: Shared | None = None
