"""Policies of modules that are not available, by the uses of the modules' outputs.

A published module that makes one managed policy of its argument makes a permissions boundary if its outputs are used as
nothing else. A use as anything else may attach the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import AttachedPolicy, HandedTo, PolicyKind
from passrole_checks.sources.model.unknown_consumers import is_policy_module
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.boundary_uses import may_use_boundaries, uses_of_missing_modules
from passrole_checks.sources.terraform.resources import references


def judged_by_module_uses(root: Module, policies: Iterable[AttachedPolicy]) -> list[AttachedPolicy]:
    """Return policies, those that a missing module gets with the kind that the uses of the module show."""
    policies = list(policies)
    passed = [one for one in policies if one.handed_to is HandedTo.MODULE and one.kind is PolicyKind.IDENTITY]
    is_presumed = any(policy.presumed is PolicyKind.BOUNDARY for policy in passed)
    if not passed or not (is_presumed or may_use_boundaries(root)):
        return policies
    as_boundary, otherwise = uses_of_missing_modules(root)
    makers = {
        module.full_address(f"module.{name}")
        for module in root.walk()
        for name, block in module.folder.modules.items()
        if is_policy_module(str(references.value_of(block, "source", module.scope(block.source)) or ""))
    }
    return [_judged(policy, as_boundary, otherwise, makers) for policy in policies]


def _judged(policy: AttachedPolicy, as_boundary: Set[str], otherwise: Set[str], makers: Set[str]) -> AttachedPolicy:
    module = without_key(policy.resource.address)
    if policy.handed_to is not HandedTo.MODULE or policy.kind is not PolicyKind.IDENTITY:
        return policy
    if module in otherwise:
        return replace(policy, presumed=None) if policy.presumed is PolicyKind.BOUNDARY else policy
    if module not in as_boundary:
        return policy
    if module in makers:
        return replace(policy, kind=PolicyKind.BOUNDARY)
    return replace(policy, presumed=PolicyKind.BOUNDARY)
