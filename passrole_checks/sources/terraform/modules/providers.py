"""The account that a configuration states: what its ``aws`` provider is limited to.

Source: AWS provider documentation, "Provider Configuration", ``allowed_account_ids``; Terraform's page "Providers
Within Modules": a module has the default providers of its caller unless the call says otherwise.
"""

from __future__ import annotations

import re

from passrole_checks.iam.partial_values import ListNode
from passrole_checks.sources.terraform.evaluation.symbolic_values import as_string
from passrole_checks.sources.terraform.modules.folder import provider_alias
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Expression, GetAttribute, Name, Object
from passrole_checks.sources.terraform.resources.references import written

_ACCOUNT = re.compile(r"\d{12}")
_IDENTITY = ("aws_iam_", "awscc_iam_")  # types whose resources name roles of the account that they are made in


def account_of(root: Module) -> str | None:
    """The one account that all roles and identity-based policies are made in, None where that cannot be told.

    One that another provider makes, or may make, leaves it open for all of them: the rule is simple, and never wrong.
    """
    own = [block for block in root.folder.providers if block.labels[0] == "aws"]
    account = _provider_account(root, own, None)
    if account is None:
        return None
    same = frozenset(alias for alias in map(provider_alias, own) if _provider_account(root, own, alias) == account)
    return account if all(_uses_account(module, module is root, same) for module in root.walk()) else None


def _provider_account(root: Module, own: list[Block], alias: str | None) -> str | None:
    """The account of one provider configuration of the root module."""
    found = [block for block in own if provider_alias(block) == alias]
    if len(found) != 1:
        return None
    value = written(found[0], "allowed_account_ids", root.scope(found[0].source))
    if not isinstance(value, ListNode) or len(value.items) != 1:
        return None
    account = as_string(value.items[0])
    return account if account is not None and _ACCOUNT.fullmatch(account) else None


def _uses_account(module: Module, is_root: bool, same: frozenset[str | None]) -> bool:
    """Whether a module makes everything that matters by providers of the same account.

    ``same``: the aliases of the root module that state it, None among them. What an alias of another module stands for
    is not followed.
    """
    aliases = same if is_root else frozenset({None})
    if not is_root and any(
        block.labels[0] == "aws" and provider_alias(block) is None for block in module.folder.providers
    ):
        return False
    for block in module.folder.resources:
        if block.labels[0].startswith(_IDENTITY):
            chosen = block.body.get("provider")
            if chosen is not None and not _refers_to_any(chosen.value, aliases):
                return False
    return all(_passes_default(block.body.get("providers"), aliases) for block in module.folder.modules.values())


def _passes_default(providers: Attribute | None, aliases: frozenset[str | None]) -> bool:
    """Whether the module that is called has, as its default, a provider of the same account."""
    if providers is None:
        return True
    if not isinstance(providers.value, Object):
        return False
    for key, value in providers.value.items:
        name = getattr(key, "name", None) or getattr(key, "value", None)
        if name == "aws" and not _refers_to_any(value, aliases):
            return False
    return True


def _refers_to_any(chosen: Expression, aliases: frozenset[str | None]) -> bool:
    if isinstance(chosen, Name):
        return chosen.name == "aws" and None in aliases
    if isinstance(chosen, GetAttribute) and isinstance(chosen.target, Name):
        return chosen.target.name == "aws" and chosen.name in aliases
    return False
