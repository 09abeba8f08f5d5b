"""Account of a configuration: the one that its ``aws`` provider is limited to.

Source: AWS provider documentation, "Provider Configuration", ``allowed_account_ids``; Terraform's page "Providers
Within Modules": a module uses the default providers of its caller unless the call passes others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import ListNode, Position, strings_in
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
from passrole_checks.sources.terraform.modules.folder import provider_alias
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Expression, GetAttribute, Name, Object
from passrole_checks.sources.terraform.resources.references import value_of

_ACCOUNT = lazy_regex(r"\d{12}")
_IDENTITY = ("aws_iam_", "awscc_iam_")  # prefixes of types whose resources name roles of their own account


def account_of(root: Module) -> str | None:
    """Return the account of all roles and identity-based policies, None if unknown.

    None as well if another provider creates, or may create, any of them: a simple rule without false results.
    """
    own = [block for block in root.folder.providers if block.labels[0] == "aws"]
    account = _provider_account(root, own, None)
    if account is None:
        return None
    aliases = frozenset(alias for alias in map(provider_alias, own) if _provider_account(root, own, alias) == account)
    return account if all(_uses_account(module, module is root, aliases) for module in root.walk()) else None


def credentials_of(root: Module) -> tuple[tuple[str, Position], ...]:
    """Return what decides on the account of the ``aws`` providers of a root module, each with its position: the
    profiles, the roles that they assume, the allowed accounts, as written where they are unknown. Empty if it states
    none of them. Of the providers with an alias, only those of identity resources and calls of modules count."""
    return _credentials(root, {None, *(alias for _, aliases in _users_of_aliases(root) for alias in aliases)})


def own_credentials_of(root: Module) -> Iterator[tuple[str, str, Position]]:
    """Yield the identity resources and the calls of a root module that name an ``aws`` provider with an alias, each
    with the credentials of that provider, or its name if it states none."""
    known: dict[str, str] = {}
    for block, aliases in _users_of_aliases(root):
        for alias in aliases:
            if alias not in known:
                known[alias] = ", ".join(text for text, _ in _credentials(root, {alias})) or f"provider = aws.{alias}"
        yield block.address, ", ".join(known[alias] for alias in aliases), block.source.position(block.span)


def _credentials(root: Module, aliases: Collection[str | None]) -> tuple[tuple[str, Position], ...]:
    found = []
    for block in root.folder.providers:
        if block.labels[0] != "aws" or provider_alias(block) not in aliases:
            continue
        roles = [each for each in block.body.blocks if each.type == "assume_role"]
        for each, name in ((block, "profile"), (block, "allowed_account_ids"), *((each, "role_arn") for each in roles)):
            value = value_of(each, name, root.scope(block.source))
            if value is not None:
                found.append((f"{name} = {', '.join(map(str, strings_in(value)))}", value.at))
    return tuple(sorted(found, key=lambda entry: entry[0]))


def _users_of_aliases(root: Module) -> Iterator[tuple[Block, list[str]]]:
    """Yield the identity resources and the calls of a root module, with the aliases of providers that they name."""
    for block in (*root.folder.resources, *root.folder.modules.values()):
        is_call = block.type == "module"
        if not (is_call or block.labels[0].startswith(_IDENTITY)):
            continue
        named = block.body.get("providers" if is_call else "provider")
        values: list[Expression] = [named.value] if named is not None else []
        if is_call:
            values = [value for each in values if isinstance(each, Object) for _, value in each.items]
        aliases = [alias for value in values for alias in _aliases_in(value) if alias is not None]
        if aliases:
            yield block, aliases


def _provider_account(root: Module, own: list[Block], alias: str | None) -> str | None:
    """Return the account of one provider configuration of the root module, None if unknown."""
    matching = [block for block in own if provider_alias(block) == alias]
    if len(matching) != 1:
        return None
    value = value_of(matching[0], "allowed_account_ids", root.scope(matching[0].source))
    if not isinstance(value, ListNode) or len(value.items) != 1:
        return None
    account = known_string(value.items[0])
    return account if account is not None and _ACCOUNT.fullmatch(account) else None


def _uses_account(module: Module, is_root: bool, root_aliases: frozenset[str | None]) -> bool:
    """True if all identity resources and calls of a module use providers of the account.

    ``root_aliases``: provider aliases of the root module for that account; None is the default provider. Aliases of
    child modules are not followed.
    """
    aliases = root_aliases if is_root else frozenset({None})
    if not is_root and any(
        block.labels[0] == "aws" and provider_alias(block) is None for block in module.folder.providers
    ):
        return False
    for block in module.folder.resources:
        if block.labels[0].startswith(_IDENTITY):
            provider = block.body.get("provider")
            if provider is not None and aliases.isdisjoint(_aliases_in(provider.value)):
                return False
    return all(_passes_default(block.body.get("providers"), aliases) for block in module.folder.modules.values())


def _passes_default(providers: Attribute | None, aliases: frozenset[str | None]) -> bool:
    """True if a call passes a provider of the account as the default provider of the module."""
    if providers is None:
        return True
    if not isinstance(providers.value, Object):
        return False
    for key, value in providers.value.items:
        name = getattr(key, "name", None) or getattr(key, "value", None)
        if name == "aws" and aliases.isdisjoint(_aliases_in(value)):
            return False
    return True


def _aliases_in(provider: Expression) -> tuple[str | None, ...]:
    """Return the alias of the ``aws`` provider that an expression refers to, None for the default one; nothing if it
    refers to no such provider."""
    name, alias = (provider.target, provider.name) if isinstance(provider, GetAttribute) else (provider, None)
    return (alias,) if isinstance(name, Name) and name.name == "aws" else ()
