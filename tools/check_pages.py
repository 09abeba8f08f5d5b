"""The site's pages of the checks, made from the docstrings and examples that ``explain`` prints, and their tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks.access.severity import BY_HOLDER, BY_ROLES, Holder, PassedAccess, Roles, Services, Use, severity_of
from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check, Example, ExampleRole
from passrole_checks.findings import Severity
from passrole_checks.output.check_pages import short_description, statements_json

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "checks"

_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
_SOURCES = {
    "Identify AWS resources with ARNs": "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
    "Grant a user permissions to pass a role to an AWS service": f"{_IAM}id_roles_use_passrole.html",
    "IAM JSON policy elements: Condition operators": f"{_IAM}reference_policies_elements_condition_operators.html",
    "Single-valued vs. multivalued context keys": (
        f"{_IAM}reference_policies_condition-single-vs-multi-valued-context-keys.html"
    ),
    "Create a service-linked role": f"{_IAM}id_roles_create-service-linked-role.html",
    "AWS managed policies": f"{_IAM}access_policies_managed-vs-inline.html#aws-managed-policies",
    "Permissions boundaries for IAM entities": f"{_IAM}access_policies_boundaries.html",
    "Update permissions for a role": f"{_IAM}id_roles_update-role-permissions.html",
    "IAM and AWS STS condition context keys": f"{_IAM}reference_policies_iam-condition-keys.html",
    "Actions, resources, and condition keys for AWS Identity and Access Management": (
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagement.html"
    ),
}
"""Titles of AWS pages that docstrings cite, with their addresses."""

_ROLES = {
    Roles.ANY: "any role in the account",
    Roles.PATTERN: "a name or path pattern",
    Roles.EXACT: "roles named exactly",
}
_USES = {
    Use.PASS: "can pass them",
    Use.KEEP: "can pass itself among them",
    Use.CHANGE: "can pass and change them",
    Use.LAUNCH: "can pass them and launch a workload",
}
_HOLDERS = {
    Holder.ANYONE: "anyone else, or unknown",
    Holder.DEPLOYMENT: "only CloudFormation, Service Catalog or Fault Injection Service, or workflows of the "
    "repositories that the trust policy names",
    Holder.ACCOUNTS: "an administrator, and only IAM users or named accounts without MFA",
    Holder.PEOPLE: "an administrator, and only people: of SAML providers or IAM Identity Center, users with MFA, or "
    "members of a group",
    Holder.TASKS: "only EventBridge or Step Functions, to run ECS tasks",
    Holder.OWN_WORK: "only services that never run caller code",
}
_RATED = {
    "PASSROLE_001": [(Use.PASS, Roles.ANY)],
    "PASSROLE_002": [(Use.PASS, Roles.PATTERN), (Use.PASS, Roles.EXACT)],
    "PASSROLE_008": [(Use.LAUNCH, Roles.ANY), (Use.LAUNCH, Roles.PATTERN), (Use.LAUNCH, Roles.EXACT)],
    "PASSROLE_013": [(Use.PASS, Roles.ANY)],
    "PASSROLE_016": [
        *((Use.KEEP, Roles.PATTERN), (Use.KEEP, Roles.EXACT)),
        *((Use.CHANGE, Roles.PATTERN), (Use.CHANGE, Roles.EXACT)),
    ],
}
"""The rows of the table of roles that a check is rated by."""

_HEAD = (
    "| roles | the principal | services that do their own work | services that run caller code | any service |\n"
    "|---|---|---|---|---|\n"
)


@dataclass(frozen=True)
class Documentation:
    """The parts of a check's docstring."""

    summary: str
    risk: tuple[str, ...]
    severity: tuple[str, ...]
    fix: tuple[str, ...]
    sources: tuple[str, ...]

    @classmethod
    def of(cls, check: type[Check]) -> Documentation:
        """Divide a docstring: the summary, paragraphs on the risk, those that begin with "Severity", and the fix, which
        is the last one and may end with its sources, or be followed by them."""
        summary, *rest = (" ".join(text.split()) for text in check.documentation().split("\n\n"))
        body, _, cited = rest[-1].partition("Source: ") if "Source: " in rest[-1] else rest[-1].partition("Sources: ")
        rest[-1:] = [body.strip()] if body.strip() else []
        fix = rest.pop()
        severity = tuple(text for text in rest if text.startswith("Severity"))
        risk = tuple(text for text in rest if text not in severity)
        return cls(summary, risk, severity, (fix,), tuple(re.findall(r'"([^"]+?),?"', cited)))


def cited(check: type[Check]) -> list[str]:
    """Return links to the AWS pages that the docstring of a check cites.

    Raises:
        KeyError: a title has no address in this module.
    """
    return [f"[{title}]({_SOURCES[title]})" for title in Documentation.of(check).sources]


def checks_table(folder: str = "") -> str:
    """Return the rows of the table of checks; ``folder`` is the path from the page to that of the checks' pages."""
    rows = (
        (f"[{check.id[-3:]}]({folder}{check.id}.md)", check.name, check.severity.value, short_description(check))
        for check in ALL
    )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def roles_table(rows: Sequence[tuple[Use, Roles]] = tuple(BY_ROLES)) -> str:
    """Return rows of the table of severities by the roles that can be passed."""
    return "".join(
        f"| {_ROLES[roles]} | {_USES[use]} | {' | '.join(severity.value for severity in BY_ROLES[use, roles])} |\n"
        for use, roles in rows
    )


def holders_table() -> str:
    """Return the rows of the table of severities by the users of the principal."""
    rows = []
    for holder in reversed(BY_HOLDER):
        high, medium, low = (
            PassedAccess(Roles.NONE, Services.ANY, gain=severity, holder=holder)
            for severity in (Severity.HIGH, Severity.MEDIUM, Severity.LOW)
        )
        cells = map(severity_of, (high, medium, replace(medium, use=Use.LAUNCH), low))
        rows.append(f"| {_HOLDERS[holder]} | {' | '.join(severity.value for severity in cells)} |\n")
    return "".join(rows)


def pages() -> Iterator[tuple[Path, str]]:
    """Yield the page of each check: its path and its text."""
    for check in ALL:
        yield FOLDER / f"{check.id}.md", "\n".join(_page(check))


def _page(check: type[Check]) -> Iterator[str]:
    parts = Documentation.of(check)
    number = check.id[-3:]
    yield f"# {check.id} {check.name}\n"
    yield f"**{parts.summary}**\n"
    yield (
        f"Highest severity: {check.severity.value}. On the command line: `--check {number}`, `explain {number}`. "
        f"In checkov: `{check.id}`.{_in_cfn_lint(check)}\n"
    )
    yield "## Why it matters\n"
    yield from (f"{text}\n" for text in parts.risk)
    yield "## Fix\n"
    yield from (f"{text}\n" for text in parts.fix)
    if parts.sources:
        yield f"AWS documentation: {', '.join(cited(check))}.\n"
    if parts.severity or check.id in _RATED:
        yield "## Severity\n"
        yield from (f"{text}\n" for text in parts.severity)
    if check.id in _RATED:
        yield f"{_HEAD}{roles_table(_RATED[check.id])}"
        yield "Who can use the principal may lower it: see [severity of access](index.md#severity-of-access).\n"
    yield from _examples("Flagged", check.flagged)
    yield from _examples("Not flagged", check.clean)
    if check.id == "PASSROLE_008":
        yield from _paths()


def _in_cfn_lint(check: type[Check]) -> str:
    if check.compares_versions:
        return ""
    level = {Severity.HIGH: "E95", Severity.INFO: "I95"}.get(check.severity, "W95")
    return f" In cfn-lint: `{level}{check.id[-2:]}`."


def _examples(heading: str, examples: Sequence[Example]) -> Iterator[str]:
    yield f"## {heading}\n"
    for example in examples:
        yield f"**{example.title[:1].upper()}{example.title[1:]}**\n"
        if example.managed:
            yield f"From the attached AWS managed policy `{example.managed}`:\n"
        yield _json(example.statements)
        if example.before is not None:
            yield "Before the change:\n"
            yield _json(example.before)
        if example.beside:
            yield "In another policy of the same principal:\n"
            yield _json(example.beside)
        for role in example.roles:
            yield _role(role)
            if role.statements:
                yield _json(role.statements)


def _role(role: ExampleRole) -> str:
    trusts = f", which trusts {', '.join(f'`{service}`' for service in role.trusts)}" if role.trusts else ""
    holder = " and has this policy attached" if role.is_holder else ""
    return f"The role `{role.name}`{trusts}{holder}{', with these permissions:' if role.statements else '.'}\n"


def _json(statements: Sequence[dict[str, object]]) -> str:
    return f"```json\n{statements_json(statements)}\n```\n"


def _paths() -> Iterator[str]:
    yield "## Published escalation paths\n"
    yield (
        "Paths of the public catalog [pathfinding.cloud](https://pathfinding.cloud) that pass a role; the finding "
        "names the one that applies. Other actions that pass a role to a service which runs caller code are inferred.\n"
    )
    yield "| path | actions besides `iam:PassRole` | passed to |\n|---|---|---|"
    for path in escalation_paths():
        actions = ", ".join(f"`{action}`" for action in path.actions)
        yield f"| [{path.id}]({path.url}) | {actions} | {', '.join(f'`{service}`' for service in path.services)} |"
    yield ""
