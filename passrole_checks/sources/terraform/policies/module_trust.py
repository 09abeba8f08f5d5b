"""Trust policies of the roles of modules that are not available, by the arguments of published modules."""

from __future__ import annotations

import re

from passrole_checks.iam.documents.trust import is_of_one_repository, person_of
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import ListNode, Node, StringNode
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.to_plain import to_plain
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block
from passrole_checks.sources.terraform.resources import references

_PERMISSION_SETS = lazy_regex(r"\b(?:sso|identity-center|permission-sets?)\b")
_ROLE = lazy_regex(r"\biam-assumable-roles?\b")
# arguments of the module that let others assume its role
_OTHERS = frozenset(
    {"allow_self_assume_role", "create_custom_role_trust_policy", "custom_role_trust_policy", "role_sts_externalid"}
    | {"trust_policy_conditions", "trusted_role_services"}
)


def people_of_module(block: Block, scope: EvaluationScope) -> tuple[str, ...]:
    """Return the kinds of people that alone can use the principals of a ``module`` block, as
    :func:`~passrole_checks.iam.documents.trust.trusted_people` names them; empty if that is unknown.

    Known are modules for permission sets (``cloudposse/sso/aws//modules/permission-sets``), and roles with
    ``trusted_role_arns`` alone (``terraform-aws-modules/iam/aws//modules/iam-assumable-role``).
    """
    if block.type != "module":
        return ()
    names = {attribute.name for attribute in block.body.attributes}
    source = str(references.value_of(block, "source", scope) or "")
    if "permission_sets" in names and _PERMISSION_SETS.search(source):
        return ("IAM Identity Center",)
    trusted = block.body.get("trusted_role_arns")
    if trusted is None or names & _OTHERS or not _ROLE.search(source):
        return ()
    kinds = {person_of(item) if isinstance(item, StringNode) else "" for item in _items_of(trusted, scope)}
    return () if "" in kinds else tuple(sorted(kinds))


# modules for roles of GitHub Actions (`terraform-aws-modules/iam/aws//modules/iam-github-oidc-role`,
# `unfunco/oidc-github/aws`), each with the argument that names the repositories
_REPOSITORIES = (
    (re.compile(r"\biam-github-oidc-role\b"), "subjects"),
    (re.compile(r"\boidc-github/aws"), "github_repositories"),
)


def repositories_of_module(block: Block, scope: EvaluationScope) -> tuple[str, ...]:
    """Return the repositories whose workflows alone can assume the role of a ``module`` block, as
    :func:`~passrole_checks.iam.documents.trust.trusted_repositories` returns them; empty if that is unknown."""
    source = str(references.value_of(block, "source", scope) or "") if block.type == "module" else ""
    argument = next((name for module, name in _REPOSITORIES if module.search(source)), "")
    named = block.body.get(argument) if argument else None
    if named is None:
        return ()
    items = _items_of(named, scope)
    subjects = [f"repo:{str(item).removeprefix('repo:')}" for item in items if isinstance(item, StringNode)]
    is_known = len(subjects) == len(items) and all(map(is_of_one_repository, subjects))
    return tuple(sorted(subjects)) if is_known else ()


def _items_of(argument: Attribute, scope: EvaluationScope) -> tuple[Node, ...]:
    value = to_plain(evaluate(argument.value, scope.in_source(argument.source)))
    return value.items if isinstance(value, ListNode) else ()
