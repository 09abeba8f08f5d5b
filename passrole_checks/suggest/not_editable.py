"""Statements that cannot be edited, whatever the change."""

from __future__ import annotations

from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.conditions.passed_to_service import without_positions
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.generated_files import NOT_SOURCE_CODE


def why_not_editable(
    analyzed: AnalyzedConfiguration, located: LocatedGrant, *, complement: bool = False, keeps_roles: bool = False
) -> str:
    """Return what a person must find out before a statement can be changed, a phrase; "" if it can be edited.

    ``complement``: the roles to name are known, so that NotResource can be replaced. ``keeps_roles``: the roles stay as
    they are, also unresolved ones.
    """
    grant = located.grant
    if analyzed.configuration.framework in NOT_SOURCE_CODE:
        return NOT_SOURCE_CODE[analyzed.configuration.framework]
    if grant.effect != "Allow":
        return "the role ARNs, or a path, that the Deny covers"
    is_unresolved = grant.scope is Scope.UNRESOLVED and not keeps_roles
    if not grant.statement.whole or grant.certain is not Ternary.YES or is_unresolved:
        expressions = ", ".join(
            dict.fromkeys(shortened(unresolved.expression) for unresolved in grant.statement.unresolved_parts)
        )
        return f"values unknown before deployment ({expressions})" if expressions else "the content of the statement"
    if grant.statement.when and _differs_by_condition(analyzed, located, keeps_roles=keeps_roles):
        return "the statement differs under other conditions: change the intended one"
    if grant.complement and not (complement or keeps_roles):
        return "role ARNs in Resource instead of NotResource"
    if not grant.only_pass_role:
        return "the actions needed: list them, and grant iam:PassRole in a separate statement"
    return ""


def _differs_by_condition(analyzed: AnalyzedConfiguration, located: LocatedGrant, *, keeps_roles: bool) -> bool:
    """True if the statement differs under other conditions, rather than only being present or absent, and if
    ``keeps_roles`` not only in its roles."""
    own = located.grant.statement

    def content(statement: Statement) -> object:
        return _without_roles(statement) if keeps_roles else statement.identity

    return any(
        content(statement) != content(own)
        for policy in analyzed.configuration.policies
        if policy.resource.address == located.resource.address
        for statement in parse_document(policy.document).statements
        if statement.at == own.at
    )


def _without_roles(statement: Statement) -> object:
    actions = tuple(str(one) for one in statement.actions or ())
    return statement.sid, statement.effect, actions, without_positions(statement.condition)
