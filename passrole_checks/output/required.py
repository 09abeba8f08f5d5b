"""The ``required`` report as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from passrole_checks.access.role_consumers import ASSUMED, LATER, PASSED, RoleUse
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.findings import Confidence
from passrole_checks.iam.grouped import grouped
from passrole_checks.output.counts import count_noun
from passrole_checks.output.findings_text import (
    Line,
    StyledText,
    after_error,
    excluded_spans,
    file_and_line,
    not_evaluated_notes,
    note_line,
)
from passrole_checks.output.json_output import unread_entries
from passrole_checks.output.required_policy import (
    describe_placeholder,
    placeholder_name,
    policies_json,
    statements_json,
)
from passrole_checks.required.already_allowed import AlreadyAllowed
from passrole_checks.required.policy_statements import ACCOUNT, PARTITION
from passrole_checks.required.required_grants import Required, confidence_of
from passrole_checks.scan.condition_words import condition_in_words
from passrole_checks.sources.model.configuration import Framework, Unreadable

_NOT_PASSED_HEADINGS = {
    ASSUMED: "assumed, not passed",
    LATER: "passed later, by users of the resource or by a service",
    "unchanged": "already deployed and unchanged",
}


def required_json(
    required: Required,
    unreadable: Sequence[Unreadable],
    not_evaluated: Sequence[Unreadable],
    excluded: Sequence[str] = (),
    already_allowed: Sequence[AlreadyAllowed] | None = None,
) -> str:
    """Return the resources that receive roles, and the statements needed to deploy them, as one JSON document.

    ``already_allowed``: None if the account is not known.
    """
    document = {
        "version": 1,
        "required": [_entry(use) for use in required.received],
        "statements": statements_json(required),
        "policies": policies_json(required),
        "notes": _notes(required),
        **unread_entries(unreadable, not_evaluated, excluded),
    }
    if already_allowed is not None:
        document["already_allowed"] = [
            {"principal": one.principal, "statements": list(one.statements), "origin": one.origin}
            for one in already_allowed
        ]
    return json_text(document)


def _entry(use: RoleUse) -> dict[str, Any]:
    received = use.received
    return {
        "file": display_path(received.at.file),
        "line": received.at.line,
        "framework": received.resource.framework.value,
        "resource": received.resource.address,
        "type": received.resource.type,
        "attribute": received.attribute,
        "role": use.label,
        "arn": str(use.arn) if use.arn is not None else None,
        "instance_profile": use.profile or None,
        "services": list(use.services),
        "passed": use.how == PASSED,
        "how": use.how,
        "when": condition_in_words(use.when) or None,
        "confidence": confidence_of(use).value,
    }


def _notes(required: Required, *, terraform: bool = False) -> list[str]:
    """Return notes on placeholders in the statements, which are named as in Terraform or as in CloudFormation."""
    used = {part for item in required.statements for pattern in item.resources for part in pattern}
    notes = list(required.notes)
    notes += (f"{placeholder_name(one, terraform=terraform)}: {describe_placeholder(one)}" for one in required.blanks)
    if ACCOUNT in used:
        name = placeholder_name(ACCOUNT, terraform=terraform)
        notes.append(f"${{{name}}}: account ID that is deployed to (fill in with --account ID)")
    if PARTITION in used:
        notes.append("arn:aws: partition assumed, since no ARN in the code shows it")
    return notes


def required_lines(
    required: Required,
    files: int,
    error: str,
    not_evaluated: Sequence[Unreadable],
    excluded: Sequence[str] = (),
    already_allowed: Sequence[AlreadyAllowed] | None = None,
    *,
    quiet: bool = False,
    verbose: bool = False,
) -> Iterator[Line]:
    """Return each role with its services and the resources that receive it; then the statements.

    ``error``: the start of the summary if not everything was read. ``verbose``: name each item that was not evaluated.
    """
    passed = [use for use in required.received if use.how == PASSED]
    yield from _table(passed)
    others = [use for use in required.received if use.how != PASSED]
    for how, group in groupby(sorted(others, key=lambda use: use.how), key=lambda use: use.how):
        yield (StyledText(f"{_NOT_PASSED_HEADINGS[how][0].upper()}{_NOT_PASSED_HEADINGS[how][1:]}:", "place"),)
        yield from (_row("  ", use) for use in group)
        yield ()
    frameworks = {use.received.resource.framework for use in required.received}
    terraform = bool(frameworks) and frameworks <= {Framework.TERRAFORM, Framework.TERRAFORM_PLAN}  # else its syntax
    for number, policy in enumerate(policies_json(required, terraform=terraform)):
        yield (StyledText("Additional policy:" if number else "Permissions needed to deploy:", "place"),)
        yield from ((StyledText(line, "code"),) for line in json_text(policy).splitlines())
        yield ()
    if already_allowed is not None and required.statements:
        yield from _already_allowed(already_allowed)
    if quiet:
        return
    notes = _notes(required, terraform=terraform)
    yield from map(note_line, notes)
    yield from not_evaluated_notes(not_evaluated, verbose=verbose)
    if notes or not_evaluated:
        yield ()
    roles = len({use.label for use in passed})
    counted = f"no roles are passed in {count_noun(files, 'file')}"
    if passed or error:
        places = count_noun(len(passed), "place")
        counted = f"{count_noun(roles, 'role')} passed in {places}; {count_noun(files, 'file')}"
    yield (*after_error(error, (StyledText(counted, "place"),)), *excluded_spans(excluded))


def _already_allowed(found: Sequence[AlreadyAllowed]) -> Iterator[Line]:
    """Yield the principals that may pass the roles of some statements, those that may pass all first."""
    origins = ", ".join(dict.fromkeys(one.origin for one in found))
    nothing = "No principal of the account may pass these roles yet."
    yield (StyledText(f"Already allowed, according to {origins}:" if found else nothing, "place"),)
    for one in found[:_MOST_PRINCIPALS]:
        what = "all" if one.is_all else ", ".join(one.statements)
        yield (StyledText(f"  {sanitize(one.principal)}"), StyledText(f"  {what}", "quiet"))
    if len(found) > _MOST_PRINCIPALS:
        yield (StyledText(f"  and {len(found) - _MOST_PRINCIPALS} more"),)
    yield ()


_MOST_PRINCIPALS = 20  # that text names; JSON has all


def _table(passed: Sequence[RoleUse]) -> Iterator[Line]:
    """Yield each role once, and below it the services with the resources."""
    for label, group in grouped((use.label, use) for use in passed).items():
        yield (StyledText(sanitize(label), "place"),)
        for services in dict.fromkeys(use.services for use in group):
            names = ", ".join(services) or "unknown service"
            yield (StyledText("  -> "), StyledText(sanitize(names), "code"))
            yield from (_row("     ", use, role=False) for use in group if use.services == services)
        yield ()


def _row(indent: str, use: RoleUse, role: bool = True) -> Line:
    received = use.received
    spans = [
        StyledText(f"{indent}{sanitize(use.label)} <- " if role else f"{indent}<- "),
        StyledText(sanitize(received.resource.address)),
        StyledText(f" {sanitize(received.attribute)}", "quiet"),
        StyledText(f"  {file_and_line(received.at.file, received.at.line)}"),
    ]
    remarks = [f"in {use.profile}" if use.profile and not use.label.endswith(use.profile) else ""]
    remarks.append(f"if {condition_in_words(use.when)}" if use.when else "")
    remarks.append("uncertain" if confidence_of(use) is Confidence.LOW and use.services else "")
    words = "; ".join(word for word in remarks if word)
    return [*spans, StyledText(f"  ({sanitize(words)})", "quiet")] if words else spans
