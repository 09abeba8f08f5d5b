"""PASSROLE_010."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import roles_in_words
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import StringNode
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.sources.model.configuration import HandedTo

_PLACEHOLDER = lazy_regex(r"<[^<>]+>")  # "arn:aws:iam::<ACCOUNT>:role/app", in a document that people fill in


class NotARole(Check):
    """iam:PassRole is scoped to a non-role ARN, so the statement does nothing.

    PassRole is about roles only: an instance profile, an assumed role, a user, a function or a bucket never matches.
    The grant does not work (or the Deny does not protect), and the usual repair is `Resource: *`. Low for placeholders
    (`<ACCOUNT>`) in a policy document that no scanned code attaches, since people fill it in, and if each principal may
    pass every role by another statement.

    Name the role itself: `arn:aws:iam::ACCOUNT:role/PATH/NAME`; for an instance profile, the role inside it. Source:
    Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
    """

    id = "PASSROLE_010"
    name = "not-a-role"
    title = "Ensure that the Resource of iam:PassRole can match a role"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.DENY, Special.NEVER_MATCHES, Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example(
            "an instance profile", (allow("iam:PassRole", "arn:aws:iam::111122223333:instance-profile/app"),)
        ),
        Example("a function", (allow(["lambda:CreateFunction", "iam:PassRole"], "arn:aws:lambda:*:*:function:app"),)),
    )  # fmt: skip
    clean = (
        Example(
            "a role beside an instance profile",
            (
                allow(
                    "iam:PassRole",
                    ["arn:aws:iam::111122223333:instance-profile/app", "arn:aws:iam::111122223333:role/app"],
                    {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
                ),
            ),
        ),
        Example("all actions, on a bucket", (allow("*", "arn:aws:s3:::app"),)),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        if not grant.explicit or grant.complement or grant.scope is not Scope.NOT_A_ROLE:
            return
        if not grant.roles:
            return  # AWS refuses an empty Resource, which is reported as an error of the document
        effect = "grants" if grant.effect == "Allow" else "denies"
        is_form = context.policy.handed_to is HandedTo.POLICY_DOCUMENT and any(map(_has_placeholder, grant.roles))
        is_needless = (
            grant.effect == "Allow"
            and bool(context.holders)
            and all(
                holder.permissions.allows_on_all("iam:passrole", grant.statement.when) for holder in context.holders
            )
        )
        yield Verdict(
            Severity.LOW if is_form or is_needless else Severity.MEDIUM,
            f"{roles_in_words(grant)} is not a role ARN{' until its placeholders are replaced' if is_form else ''}, so "
            f"this statement {effect} no iam:PassRole.{_hint(grant)}"
            f"{' Another statement grants it for every role.' if is_needless else ''}",
            "Name the role: `arn:aws:iam::ACCOUNT:role/PATH/NAME` (for an instance profile, the role inside it).",
        )


def _has_placeholder(role: RoleScope) -> bool:
    return any(_PLACEHOLDER.search(part) for part in _literals(role.pattern))


def _hint(grant: PassRoleGrant) -> str:
    if grant.statement.variables or not any("${" in part for role in grant.roles for part in _literals(role.pattern)):
        return ""
    return ' Without `"Version": "2012-10-17"`, `${…}` is literal text, not a policy variable.'


def _literals(text: StringNode) -> Iterator[str]:
    return (part for part in text.parts if isinstance(part, str))
