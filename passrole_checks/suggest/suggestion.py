"""Suggestions as data: edits of the original text and their purpose.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": name the roles in ``Resource`` and
the service in ``iam:PassedToService``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from passrole_checks.findings import Finding
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.suggest.grade import Grade


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``file[start:end]`` by ``text``; offsets count characters of the file decoded as UTF-8, including a BOM
    and carriage returns, so that nothing else changes.
    """

    file: str
    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text of a file with edits. Raises ValueError if two overlap or one is out of range."""
    done, pieces = 0, list[str]()
    last = -1
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < done or edit.start == last or not edit.start <= edit.end <= len(text):
            raise ValueError(f"an edit at {edit.start} overlaps another or is out of range")
        pieces += [text[done : edit.start], edit.text]
        done, last = edit.end, edit.start
    return "".join([*pieces, text[done:]])


def edited_files(edits: Iterable[Edit], read: Callable[[str], str]) -> dict[str, str]:
    """Return the text of each edited file; ``read`` returns the text before. Raises ValueError if two edits overlap."""
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.file, []).append(edit)
    return {file: apply_edits(read(file), own) for file, own in found.items()}


@dataclass(frozen=True, slots=True)
class TargetRole:
    """A role that a statement should name.

    ``address``: a role of the same module or template, written as a reference in the language of the file; "" to write
    the ``arn`` (literal parts, wildcards, and unresolved account and partition, written as in the language). ``value``:
    the default of the ARN if it is that of a variable or parameter.
    """

    address: str
    arn: StringNode
    value: StringNode | None = None


@dataclass(frozen=True, slots=True)
class StatementChange:
    """The target state of a statement; None keeps the current value.

    ``roles``: its Resource. ``services``: the values of ``iam:PassedToService``, under StringEquals, replacing any
    other condition on that key. ``drop``: condition keys to remove (role tags). ``get_role``: add iam:GetRole beside
    iam:PassRole. ``separate``: iam:PassRole moves to a separate statement after this one, and ``roles``, ``services``
    and ``drop`` apply to that one; this one keeps its other actions unchanged (a condition on ``iam:PassedToService``
    would disable those, and other actions have other resources). ``also``: the roles with the values of files.
    ``only_roles``: Resource keeps only what can match a role. ``name_action``: a wildcard that matches only
    iam:PassRole becomes its name. ``free_others``: with ``separate``, this statement loses the conditions on keys that
    only requests passing roles carry, so that its other actions are allowed.
    """

    roles: tuple[TargetRole, ...] | None = None
    services: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    get_role: bool = False
    separate: bool = False
    also: tuple[TargetRole, ...] = ()
    only_roles: bool = False
    name_action: bool = False
    free_others: bool = False


@dataclass(frozen=True, slots=True)
class ObservedUse:
    """Observed use of one statement. ``since`` and ``until``: first and last event of the logs, and ``last`` the last
    pass, as CloudTrail writes times ("" for none). ``passes``: number of passes that it certainly allowed, ``perhaps``:
    further possible ones; ``roles``: number of roles.
    """

    since: str
    until: str
    passes: int
    perhaps: int
    roles: int
    last: str


@dataclass(frozen=True, slots=True)
class SharedFileUsers:
    """Users of an edited file. ``units``: paths of the scanned roots or templates, for all of which the edit is
    verified. ``callers``: other folders that call the module and were not scanned; ``is_complete``: True if these are
    all.
    """

    units: tuple[str, ...]
    callers: tuple[str, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A suggestion for one statement.

    ``findings``: the findings that it resolves, or without edits, is about; ``less_severe``: those that become less
    severe; ``at``: the statement. ``edits`` are verified: with them every file can be read, the findings are resolved,
    and there are no new or more severe ones; empty if it needs manual review. ``says``: one sentence that describes the
    edits. ``missing``: what a person must find out or fill in. ``statement``: the proposed statement, or its Condition
    alone, in the language of its file, with placeholders in angle brackets; "" if unknown. ``evidence``: its observed
    use, None without logs; only with logs there may be no findings, and ``resource`` and ``sid`` identify the
    statement. ``shared``: other users of the edited files. ``grade``: of the edits; None without edits. ``on_request``:
    the edits are shown, and written only if they are asked for individually. ``added``: each permission that they add.
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
    shared: SharedFileUsers | None = None
    grade: Grade | None = None
    less_severe: tuple[Finding, ...] = ()
    on_request: bool = False
    added: tuple[str, ...] = ()

    @property
    def is_unused(self) -> bool:
        """True if the logs show no use of the statement."""
        return self.evidence is not None and not self.evidence.passes + self.evidence.perhaps
