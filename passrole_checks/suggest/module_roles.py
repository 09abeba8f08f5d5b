"""Roles of published modules that are not available, as the holders of the policies that the modules get.

Known is the role of a function that ``terraform-aws-modules/lambda/aws`` creates (``iam.tf`` of the module): it has the
documents that the module gets, and policies for logs, dead letters, network interfaces, tracing and destinations, none
of which allows an action that passes a role. Managed policies that the module gets by their ARNs are not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.configuration import AttachedPolicy, Framework, HandedTo, PolicyKind
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import Block, Fragment, TemplateExpression

_LAMBDA = re.compile(
    r"(?:registry\.(?:terraform\.io|opentofu\.org)/)?terraform-aws-modules/lambda/aws"
    r"|(?:git::)?(?:https://)?github\.com/terraform-aws-modules/terraform-aws-lambda(?:\.git)?(?:\?.*)?"
)
_DOCUMENTS = frozenset({"policy_json", "policy_jsons", "policy_statements"})
_NOT_KNOWN = frozenset({"create", "create_function", "create_layer", "create_role", "policies", "policy"})


class ModuleRoles:
    """The roles of published modules. ``read`` returns the text of a file, and may raise OSError and ValueError."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read

    def holder(self, analyzed: AnalyzedConfiguration, policy: AttachedPolicy) -> Principal | None:
        """Return the role that gets a policy from a module, with everything attached to it; None if that is not
        known."""
        if policy.handed_to is not HandedTo.MODULE or policy.resource.framework is not Framework.TERRAFORM:
            return None
        configuration, address = analyzed.configuration, policy.resource.address
        block = self._block(policy)
        if block is None or not _LAMBDA.fullmatch(_text(block, "source")) or _is_attached_elsewhere(analyzed, address):
            return None
        own = [one for one in configuration.policies if one.resource.address == address]
        names = {attribute.name for attribute in block.body.attributes}
        if names & _NOT_KNOWN or names & _DOCUMENTS != {one.path.partition("/")[0] for one in own}:
            return None
        if any(one.kind is not PolicyKind.IDENTITY or one.handed_to is not HandedTo.MODULE for one in own):
            return None
        statements = tuple(statement for one in own for statement in analyzed.model.document(one).statements)
        complete = all(statement.whole for statement in statements)
        permissions = Permissions(statements, (), complete, analyzed.model.account)
        return Principal(address, PrincipalKind.ROLE, permissions)

    def _block(self, policy: AttachedPolicy) -> Block | None:
        """Return the ``module`` block that gets a policy."""
        at = policy.resource.at
        try:
            body = reader().read(SourceText.of(at.file, self._read(at.file).encode())).body
        except (NotText, OSError, ValueError):
            return None
        return next((one for one in body.all("module") if one.span.line == at.line), None)


def _text(block: Block, name: str) -> str:
    """Return the text of an attribute; "" if it is none."""
    attribute = block.body.get(name)
    value = attribute.value if attribute is not None else None
    parts = value.parts if isinstance(value, TemplateExpression) else ()
    return parts[0].value if len(parts) == 1 and isinstance(parts[0], Fragment) else ""


def _is_attached_elsewhere(analyzed: AnalyzedConfiguration, address: str) -> bool:
    """True if the configuration attaches policies to a principal of a module."""
    configuration = analyzed.configuration
    local = address.rpartition("module.")[2]
    inside = re.compile(rf"\bmodule\.{re.escape(local)}\.")
    holders = [name for one in configuration.policies for name in one.principals]
    holders += [one.holder for one in configuration.attached.managed_policies]
    return any(inside.search(name) for name in holders)
