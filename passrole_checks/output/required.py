"""What a deployment passes, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from passrole_checks.access.role_consumers import ASSUMED, LATER, PASSED, RoleUse
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import harmless, shown
from passrole_checks.findings import Confidence
from passrole_checks.output.excluded_files import shown_excluded
from passrole_checks.output.findings_text import Line, StyledText, excluded_spans, located
from passrole_checks.output.required_policy import in_words, policies_json, statements_json
from passrole_checks.required.policy_statements import ACCOUNT, PARTITION, cloudformation_name
from passrole_checks.required.required_grants import Required, confidence_of
from passrole_checks.sources.model.configuration import Unreadable, faults_in, without_faults

_NOT_PASSED = {
    ASSUMED: "assumed, not passed",
    LATER: "passed by whoever uses it later, or by a service",
    "unchanged": "stands already, and stays as it is",
}


def required_json(
    required: Required,
    unreadable: Sequence[Unreadable],
    not_evaluated: Sequence[Unreadable],
    excluded: Sequence[str] = (),
) -> str:
    """The places that receive roles, and the statements that they need, as one JSON document."""
    document = {
        "version": 1,
        "required": [_entry(one) for one in required.received],
        "statements": statements_json(required),
        "policies": policies_json(required),
        "notes": _notes(required),
        "unreadable": [_problem(one) for one in without_faults(unreadable)],
        "faults": [_problem(one) for one in faults_in(unreadable)],
        "not_evaluated": [_problem(one) for one in not_evaluated],
        "excluded": shown_excluded(excluded),
    }
    return json_text(document)


def _entry(one: RoleUse) -> dict[str, Any]:
    received = one.received
    return {
        "file": shown(received.at.file),
        "line": received.at.line,
        "framework": received.resource.framework.value,
        "resource": received.resource.address,
        "type": received.resource.type,
        "attribute": received.attribute,
        "role": one.label,
        "arn": str(one.arn) if one.arn is not None else None,
        "instance_profile": one.profile or None,
        "services": list(one.services),
        "passed": one.how == PASSED,
        "how": one.how,
        "when": one.condition or None,
        "confidence": confidence_of(one).value,
    }


def _notes(required: Required) -> list[str]:
    """What has to be known to use the statements; JSON has no place for the account and the partition."""
    used = {part for one in required.statements for pattern in one.resources for part in pattern}
    notes = [*required.notes, *(f"{cloudformation_name(blank)}: {in_words(blank)}" for blank in required.blanks)]
    if ACCOUNT in used:
        notes.append("${AWS::AccountId}: the account that is deployed to (--account ID fills it in)")
    if PARTITION in used:
        notes.append("arn:aws: no ARN says which partition is deployed to")
    return notes


def _problem(one: Unreadable) -> dict[str, Any]:
    return {"file": shown(one.file), "line": one.line, "reason": one.reason}


def required_lines(
    required: Required,
    files: int,
    error: str,
    not_evaluated: Sequence[Unreadable],
    excluded: Sequence[str] = (),
    *,
    quiet: bool = False,
) -> Iterator[Line]:
    """Each role with the services that it is passed to and the resources that receive it; then the statements.

    ``error``: how the summary begins where not everything was read.
    """
    passed = [one for one in required.received if one.how == PASSED]
    yield from _table(passed)
    others = [one for one in required.received if one.how != PASSED]
    for how, group in groupby(sorted(others, key=lambda one: one.how), key=lambda one: one.how):
        yield (StyledText(f"{_NOT_PASSED[how][0].upper()}{_NOT_PASSED[how][1:]}:", "place"),)
        yield from (_row("  ", one) for one in group)
        yield ()
    for number, policy in enumerate(policies_json(required)):
        yield (StyledText("And also:" if number else "Whoever deploys this needs:", "place"),)
        yield from ((StyledText(line, "code"),) for line in json_text(policy).splitlines())
        yield ()
    if quiet:
        return
    notes = _notes(required)
    for note in notes:
        yield (StyledText("note: ", "quiet"), StyledText(harmless(note)))
    for problem in not_evaluated[:10]:
        yield (
            StyledText(f"{located(problem.file, problem.line)}: note: ", "quiet"),
            StyledText(harmless(f"not evaluated: {problem.reason}")),
        )
    if len(not_evaluated) > 10:
        more = len(not_evaluated) - 10
        yield (StyledText(f"note: {more} more like these are not evaluated (--format json names them all)", "quiet"),)
    if notes or not_evaluated:
        yield ()
    roles, places = len({one.label for one in passed}), len(passed)
    counted = "no role is passed"
    if passed or error:
        counted = f"{_count(roles, 'role')} passed in {_count(places, 'place')}"
    words_of_error = [StyledText(f"{error}; ", "high")] if error else []
    counted += f"; {_count(files, 'file')}"
    yield (*words_of_error, StyledText(counted, "place"), *excluded_spans(excluded))


def _table(passed: Sequence[RoleUse]) -> Iterator[Line]:
    """The roles, each once, and below each the services with the resources."""
    groups: dict[str, list[RoleUse]] = {}
    for one in passed:
        groups.setdefault(one.label, []).append(one)
    for label, group in groups.items():
        yield (StyledText(harmless(label), "place"),)
        for services in dict.fromkeys(one.services for one in group):
            names = ", ".join(services) or "a service that is not known"
            yield (StyledText("  -> "), StyledText(harmless(names), "code"))
            yield from (_row("     ", one, role=False) for one in group if one.services == services)
        yield ()


def _row(indent: str, one: RoleUse, role: bool = True) -> Line:
    received = one.received
    spans = [StyledText(f"{indent}<- ")]
    if role:
        spans = [StyledText(f"{indent}{harmless(one.label)} <- ")]
    spans += [
        StyledText(harmless(received.resource.address)),
        StyledText(f" {harmless(received.attribute)}", "quiet"),
        StyledText(f"  {located(received.at.file, received.at.line)}"),
    ]
    remarks = [f"in {one.profile}" if one.profile and not one.label.endswith(one.profile) else ""]
    remarks.append(f"if {one.condition}" if one.condition else "")
    remarks.append("not certain" if confidence_of(one) is Confidence.LOW and one.services else "")
    words = "; ".join(word for word in remarks if word)
    return [*spans, StyledText(f"  ({harmless(words)})", "quiet")] if words else spans


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
