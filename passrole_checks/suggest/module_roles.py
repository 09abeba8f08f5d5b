"""Roles of published modules that are not available, as the holders of the policies that the modules get.

Known is the role of a function that ``terraform-aws-modules/lambda/aws`` creates (``iam.tf`` of the module): it has the
documents and the managed policies that the module gets, and policies for logs, dead letters, network interfaces,
tracing and destinations, none of which allows an action that passes a role.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence

from passrole_checks.aws.passing_actions import may_pass_role
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.addresses import module_of, without_key
from passrole_checks.sources.model.configuration import AttachedPolicy, Framework, HandedTo, PolicyKind
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.suggest.edits.hcl_nodes import HclFile
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.published_modules import published_module

_DOCUMENTS = frozenset({"policy_json", "policy_jsons", "policy_statements"})
_ARNS = ("policy", "policies")
_COUNTS = ("number_of_policies",)
_NOT_KNOWN = frozenset({"create", "create_function", "create_layer", "create_role"})
_POLICY = lazy_regex(r"\b(aws_iam_policy\.[\w-]+)")
_LIST_OF_ARNS = lazy_regex(
    r"(?:\b(?:compact|concat|distinct|flatten|tolist)\b|[()\[\],\s]|aws_iam_policy\.[\w-]+(?:\[(?:\*|\d+)\])?\.arn)+"
)
_LOCAL = lazy_regex(r"local\.([\w-]+)")
_ACTION = lazy_regex(r"\"([A-Za-z0-9-]+:[A-Za-z*?]+)\"")
_UNKNOWN_ACTIONS = lazy_regex(
    r"(?i)\bNot_?Actions?\b"
    r"|\bActions?\"?\s*[=:]\s*(?:\"\*\"|\[[^\]]*\"\*\"|(?![\s\"\[])|\[[^\]]*\b(?:var|local|data|module|each)\.)"
)
"""An attribute of actions with any action, or with a value that is not written there."""


class ModuleRoles:
    """The roles of published modules. ``read`` returns the text of a file, and may raise OSError and ValueError."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._folders: dict[str, _Folder] = {}

    def holders(self, analyzed: AnalyzedConfiguration, policy: AttachedPolicy) -> tuple[Principal, ...]:
        """Return the roles that get a policy from modules, with everything attached to them; none if that is not
        known."""
        if policy.resource.framework is not Framework.TERRAFORM:
            return ()
        is_managed = policy.resource.type == "aws_iam_policy" and not policy.principals and policy.handed_to is None
        if not is_managed and policy.handed_to is not HandedTo.MODULE:
            return ()
        folder = self._folder(analyzed, os.path.dirname(policy.resource.at.file))
        prefix = module_of(policy.resource.address)
        if is_managed:
            name = policy.resource.address.removeprefix(prefix).partition("[")[0]
            modules = folder.users(name)
        else:
            at = policy.resource.at
            modules = [one for one in folder.modules if one.place == (at.file, at.line)]
        roles = [_role(analyzed, folder, one, prefix) for one in modules]
        known = tuple(role for role in roles if role is not None)
        return known if len(known) == len(roles) else ()

    def _folder(self, analyzed: AnalyzedConfiguration, folder: str) -> _Folder:
        if folder not in self._folders:
            names = [name for name in analyzed.configuration.files if os.path.dirname(name) == folder]
            try:
                files = [HclFile.of(name, self._read(name)) for name in names if name.endswith((".tf", ".tofu"))]
            except (NotEditableError, OSError, ValueError):
                files = []
            self._folders[folder] = _Folder(files)
        return self._folders[folder]


@dataclass(frozen=True)
class _Module:
    """A call of a module in a file."""

    file: HclFile
    block: Block

    @property
    def place(self) -> tuple[str, int]:
        """The file and the line of the call."""
        return self.file.source.file, self.block.span.line

    @property
    def source(self) -> str:
        """The source as written, without quotes."""
        return self.text("source").strip('"')

    def text(self, name: str) -> str:
        """Return the text of an argument; "" if there is none."""
        attribute = self.block.body.get(name)
        return self.file.words(attribute.value.span) if attribute is not None else ""


@dataclass(frozen=True)
class _Folder:
    """The files of one module."""

    files: Sequence[HclFile]

    @property
    def modules(self) -> list[_Module]:
        """The calls of modules that create a role for a function."""
        found = (_Module(file, block) for file in self.files for block in file.body.all("module"))
        return [one for one in found if published_module(one.source) == ("lambda", "")]

    def policies(self, text: str) -> tuple[str, ...] | None:
        """Return the managed policies of the folder whose ARNs an expression lists; None if it is not such a list."""
        local = _LOCAL.fullmatch(text)
        found = self._locals.get(local[1], "") if local is not None else text
        return tuple(dict.fromkeys(_POLICY.findall(found))) if _LIST_OF_ARNS.fullmatch(found) else None

    def users(self, policy: str) -> list[_Module]:
        """Return the modules that get a managed policy; none if anything else refers to it."""
        word = re.compile(rf"\b{re.escape(policy)}(?![\w-])")
        names = [name for name, text in self._locals.items() if word.search(text)]
        known = sum(len(word.findall(self._locals[name])) for name in names)
        used = dict.fromkeys(names, 0)
        found = []
        for module in self.modules:
            texts = [module.text(name) for name in _ARNS]
            known += sum(len(word.findall(text)) for text in texts)
            if any(word.search(text) or text in {f"local.{name}" for name in names} for text in texts):
                found.append(module)
            for name in names:
                arguments = " ".join(module.text(argument) for argument in (*_ARNS, *_COUNTS))
                used[name] += len(re.findall(rf"\blocal\.{re.escape(name)}(?![\w-])", arguments))
        if known != sum(len(word.findall(file.text)) for file in self.files):
            return []
        for name, count in used.items():
            if count != sum(len(re.findall(rf"\blocal\.{re.escape(name)}(?![\w-])", file.text)) for file in self.files):
                return []
        return found

    def passes_no_role(self, policy: str) -> bool:
        """True if no action in the text of a managed policy, which has no instance, may pass a role."""
        type_, name = policy.split(".")
        for file in self.files:
            for block in file.body.all("resource"):
                if block.labels == (type_, name):
                    text = file.words(block.span)
                    actions = _ACTION.findall(text)
                    return bool(actions) and not (_UNKNOWN_ACTIONS.search(text) or any(map(may_pass_role, actions)))
        return False

    @property
    def _locals(self) -> dict[str, str]:
        return {
            one.name: file.words(one.value.span)
            for file in self.files
            for block in file.body.all("locals")
            for one in block.body.attributes
        }


def _role(analyzed: AnalyzedConfiguration, folder: _Folder, module: _Module, prefix: str) -> Principal | None:
    """Return the role that a module creates, with everything attached to it; None if that is not known."""
    configuration, address = analyzed.configuration, f"{prefix}module.{module.block.labels[0]}"
    own = [
        one
        for one in configuration.policies
        if one.handed_to is HandedTo.MODULE and without_key(one.resource.address) == without_key(address)
    ]
    names = {attribute.name for attribute in module.block.body.attributes}
    if names & _NOT_KNOWN or names & _DOCUMENTS != {one.path.partition("/")[0] for one in own}:
        return None
    if any(one.kind is not PolicyKind.IDENTITY for one in own) or _is_attached_elsewhere(analyzed, address):
        return None
    statements = [statement for one in own for statement in analyzed.model.document(one).statements]
    for text in filter(None, map(module.text, _ARNS)):
        managed = folder.policies(text)
        if managed is None:
            return None
        for name in managed:
            found = _managed(analyzed, prefix + name)
            if not found and not folder.passes_no_role(name):
                return None
            statements += found
    complete = all(statement.whole for statement in statements)
    return Principal(address, PrincipalKind.ROLE, Permissions(tuple(statements), (), complete, analyzed.model.account))


def _managed(analyzed: AnalyzedConfiguration, address: str) -> list[Statement]:
    """Return the statements of the instances of a managed policy."""
    found = (one for one in analyzed.configuration.policies if without_key(one.resource.address) == address)
    return [statement for one in found for statement in analyzed.model.document(one).statements]


def _is_attached_elsewhere(analyzed: AnalyzedConfiguration, address: str) -> bool:
    """True if the configuration attaches policies to a principal of a module."""
    configuration = analyzed.configuration
    inside = re.compile(rf"\bmodule\.{re.escape(address.rpartition('module.')[2])}\b")
    holders = [name for one in configuration.policies for name in one.principals]
    holders += [one.holder for one in configuration.attached.managed_policies if one.handed_to is None]
    return any(inside.search(name) for name in holders)
