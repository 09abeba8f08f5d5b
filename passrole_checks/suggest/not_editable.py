"""Statements that nothing can be written into, whatever they should say."""

from __future__ import annotations

from passrole_checks.checks.base.wording import shortened
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.configuration import Framework


def why_not(analyzed: AnalyzedConfiguration, located: LocatedGrant, *, complement: bool = False) -> str:
    """What a person has to find out before a statement can say something else, a phrase; "" for nothing.

    ``complement``: the roles that it should name are known, so that NotResource is in nobody's way.
    """
    grant = located.grant
    if analyzed.configuration.framework is Framework.TERRAFORM_PLAN:
        return "the statement stands in a plan: change the configuration that it is made from"
    if grant.effect != "Allow":
        return "the roles that the Deny is about, by their ARNs or a path"
    if not grant.statement.whole or grant.certain is not Ternary.YES or grant.scope is Scope.UNRESOLVED:
        holes = ", ".join(dict.fromkeys(shortened(hole.expression) for hole in grant.statement.holes))
        return f"what is known at deployment only ({holes})" if holes else "what the statement says"
    if grant.statement.when and _has_other_readings(analyzed, located):
        return "the statement reads in another way under other conditions: change the one that is meant"
    if grant.complement and not complement:
        return "the roles that are passed, in Resource instead of NotResource"
    if not grant.explicit:
        return "which actions are needed: list them, and grant iam:PassRole in a statement of its own"
    return ""


def _has_other_readings(analyzed: AnalyzedConfiguration, located: LocatedGrant) -> bool:
    """Whether the statement says something else under other conditions, and is not only there or not."""
    own = located.grant.statement
    return any(
        one.identity != own.identity
        for policy in analyzed.configuration.policies
        if policy.resource.address == located.resource.address
        for one in parse_document(policy.document).statements
        if one.at == own.at
    )
