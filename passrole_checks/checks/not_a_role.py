"""PASSROLE_010."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.checks.base.check import TO_LAMBDA, Check, Element, Example, allow, passed_to
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import Special
from passrole_checks.checks.base.wording import roles_in_words
from passrole_checks.findings import Confidence, Severity, Verdict
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope, resource_scope
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.sources.model.configuration import HandedTo

_PLACEHOLDER = lazy_regex(r"<[^<>]+>")  # "arn:aws:iam::<ACCOUNT>:role/app", in a document that people fill in


class NotARole(Check):
    """iam:PassRole is scoped to a non-role ARN, so the statement does nothing.

    PassRole is about roles only: an instance profile, an assumed role, a user, a function or a bucket never matches.
    The grant does not work (or the Deny does not protect), and the usual repair is `Resource: *`. Low for placeholders
    (`<ACCOUNT>`) in a policy document that no scanned code attaches, since people fill it in, if each principal may
    pass every role by another statement, and for a Deny on roles of another account than the one deployed to.

    A Deny is not relied on where AWS's pages disagree about its ARN (medium confidence): `arn:aws:iam:*:role/admin`
    lacks a field and is completed to `arn:aws:iam:*:role/admin:*`, and a policy variable before the fifth colon is not
    substituted.

    Name the role itself: `arn:aws:iam::ACCOUNT:role/PATH/NAME`; for an instance profile, the role inside it. Sources:
    Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management";
    IAM User Guide, "Identify AWS resources with ARNs".
    """

    id = "PASSROLE_010"
    name = "not-a-role"
    title = "Ensure that the Resource of iam:PassRole can match a role"
    severity = Severity.MEDIUM
    accepts = frozenset({Special.DENY, Special.NEVER_MATCHES, Special.UNCERTAIN, Special.OTHER_ACCOUNT})
    independent_of = frozenset({Element.SERVICES})
    flagged = (
        Example("an instance profile", (allow("iam:PassRole", "arn:aws:iam::111122223333:instance-profile/app"),)),
        Example(
            "a Deny on an ARN with five fields",
            (
                allow(["iam:GetRole", "iam:PassRole"], "arn:aws:iam::111122223333:role/app", TO_LAMBDA),
                {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "arn:aws:iam:*:role/admin"},
            ),
        ),
        Example("a function", (allow(["lambda:CreateFunction", "iam:PassRole"], "arn:aws:lambda:*:*:function:app"),)),
    )
    clean = (
        Example(
            "a role beside an instance profile",
            (
                allow(
                    "iam:PassRole",
                    ["arn:aws:iam::111122223333:instance-profile/app", "arn:aws:iam::111122223333:role/app"],
                    passed_to("ec2.amazonaws.com"),
                ),
            ),
        ),
        Example("all actions, on a bucket", (allow("*", "arn:aws:s3:::app"),)),
    )

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant = context.grant
        is_foreign = grant.effect == "Deny" and context.is_of_other_account
        if not grant.explicit or not (grant.scope is Scope.NOT_A_ROLE or is_foreign):
            return
        if not grant.roles:
            return  # AWS refuses an empty Resource, which is reported as an error of the document
        is_form = context.policy.handed_to is HandedTo.POLICY_DOCUMENT and any(map(_has_placeholder, grant.roles))
        is_needless = (
            grant.effect == "Allow"
            and bool(context.holders)
            and all(
                holder.certain_permissions.allows_on_all("iam:passrole", grant.statement.when)
                for holder in context.holders
            )
        )
        is_disputed = any(resource_scope(role.pattern) is not Scope.NOT_A_ROLE for role in grant.roles)
        yield Verdict(
            Severity.LOW if is_form or is_needless or is_foreign else Severity.MEDIUM,
            f"{_no_role(context)}{' until its placeholders are replaced' if is_form else ''}, so this "
            f"{'statement grants no iam:PassRole' if grant.effect == 'Allow' else 'Deny excludes no role'}."
            f"{_hint(grant)}{' Another statement grants it for every role.' if is_needless else ''}",
            _remedy(context),
            Confidence.MEDIUM if is_disputed and not grant.complement and not is_foreign else Confidence.HIGH,
        )


def _no_role(context: GrantContext) -> str:
    """Return a clause that says why the statement is about no role."""
    grant = context.grant
    if grant.complement:
        return "`NotResource` leaves out every role"
    if grant.scope is not Scope.NOT_A_ROLE:
        return f"{roles_in_words(grant)} is not in account {context.model.account}, which is deployed to"
    return f"{roles_in_words(grant)} is not a role ARN"


def _remedy(context: GrantContext) -> str:
    if context.grant.complement:
        return "Name only the roles that the statement is to leave out in `NotResource`, or remove the statement."
    if context.grant.scope is not Scope.NOT_A_ROLE:
        return (
            f"Name the role of account {context.model.account}: `arn:aws:iam::{context.model.account}:role/PATH/NAME`."
        )
    return "Name the role: `arn:aws:iam::ACCOUNT:role/PATH/NAME` (for an instance profile, the role inside it)."


def _has_placeholder(role: RoleScope) -> bool:
    return any(_PLACEHOLDER.search(part) for part in _literals(role.pattern))


def _hint(grant: PassRoleGrant) -> str:
    for role in grant.roles if not grant.complement else ():
        fields = str(role.pattern).split(":")
        if 1 < len(fields) < 6 and fields[-1].startswith("role/"):
            return (
                f" IAM completes an ARN of {len(fields)} fields to `{':'.join([*fields, *'*' * (6 - len(fields))])}`."
            )
    if grant.statement.variables or not any("${" in part for role in grant.roles for part in _literals(role.pattern)):
        return ""
    return ' Without `"Version": "2012-10-17"`, `${…}` is literal text, not a policy variable.'


def _literals(text: StringNode) -> Iterator[str]:
    return (part for part in text.parts if isinstance(part, str))
