"""Uses of managed policies, and of modules that make them, as a permissions boundary and as anything else.

A policy counts as a boundary only if it has no other use. Uses of its ARN may be impossible to evaluate (a missing
module, a function, another provider), so any mention counts: a direct one, or one through locals, variables and outputs
that are mentioned themselves. A published module that makes one managed policy of its argument makes a permissions
boundary if its outputs are used as nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.collect.handed_out import is_policy_module
from passrole_checks.sources.collect.terraform_tables import (
    IDENTITY_POLICIES,
    MANAGED_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import AttachedPolicy, HandedTo, PolicyKind
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body
from passrole_checks.sources.terraform.resources import references

_MENTION = lazy_regex(
    rf"(?<!data\.)\b(?P<type>{'|'.join(MANAGED_POLICIES)})\s*\.\s*(?P<label>[\w-]+)"
    r'|:policy/(?:[^"\s:]*/)?(?P<name>[\w+=,.@-]+)'
    r"|\b(?P<kind>local|var)\s*\.\s*(?P<value>[\w-]+)"
    r"|\bmodule\s*\.\s*(?P<module>[\w-]+)(?:\s*\[[^\]]*\])?(?:\s*\.\s*(?P<output>[\w-]+))?"
)
_IGNORED_BLOCKS = frozenset({"moved", "removed", "import"})  # blocks that do not use the resources they name
_PUBLISHED = "aws_ssm_parameter"  # only publishes its value
_ORDERING = frozenset({"depends_on", "replace_triggered_by"})
_BOUNDARY = "permissions_boundary"
_CONDITION_KEY = b"permissionsboundary"
_MISSING = "missing"

_Node = tuple[Path, str, str]  # folder, kind (local, var, output, argument, missing module), name


def mentions_in(root: Module) -> tuple[set[str], set[str]]:
    """Return the addresses of managed policies that a configuration mentions other than as a boundary, and the names
    of policies in literal ARNs."""
    graph = _MentionGraph(root)
    addresses, names, _ = graph.reachable_mentions(graph.uses)
    return {module.full_address(name) for module in root.walk() for name in addresses[module.folder.path]}, names


class _MentionGraph:
    """Attributes of all folders: ``boundary_uses`` use what they mention as a permissions boundary, ``uses`` in another
    way, ``forwarders`` only pass it on."""

    def __init__(self, root: Module) -> None:
        self.folders = folders = {module.folder.path: module for module in root.walk()}
        self.uses: list[tuple[Path, Attribute]] = []
        self.boundary_uses: list[tuple[Path, Attribute]] = []
        self.forwarders: dict[_Node, list[Attribute]] = {}
        self.callees: dict[tuple[Path, str], Path] = {}
        self.callers: dict[Path, set[tuple[Path, str]]] = {}
        for path, module in folders.items():
            for name, block in module.folder.modules.items():
                for child in (module.children(block) or {}).values():
                    self.callees[path, name] = child.folder.path
                    self.callers.setdefault(child.folder.path, set()).add((path, name))
        for path, module in folders.items():
            for parsed in module.folder.files:
                for block in parsed.body.blocks:
                    self._add(path, block)

    def _add(self, path: Path, block: Block) -> None:
        kind, name = block.type, block.labels[0] if block.labels else ""
        if kind in _IGNORED_BLOCKS or (kind == "resource" and name == _PUBLISHED):
            return
        if kind == "data" and name == "aws_iam_policy_document":
            self.boundary_uses.extend((path, values) for values in _required_boundaries(block))
            return
        if kind == "locals":
            for attribute in block.body.attributes:
                self.forwarders.setdefault((path, "local", attribute.name), []).append(attribute)
            return
        if kind in ("output", "variable"):
            self.forwarders.setdefault((path, "var" if kind == "variable" else kind, name), []).extend(
                _attributes(block.body, frozenset())
            )
            return
        here = (path, name) in self.callees if kind == "module" else False
        for attribute in _attributes(block.body, _document_attributes(name) if kind == "resource" else frozenset()):
            if here and attribute.name not in ("count", "for_each"):
                self.forwarders.setdefault((path, "argument", f"{name}.{attribute.name}"), []).append(attribute)
            else:
                (self.boundary_uses if _BOUNDARY in attribute.name else self.uses).append((path, attribute))

    def reachable_mentions(
        self, start: Iterable[tuple[Path, Attribute]]
    ) -> tuple[dict[Path, set[str]], set[str], set[tuple[Path, str]]]:
        """Return the addresses per folder, the policy names, and the modules that are not available, which attributes
        mention directly or indirectly."""
        addresses: dict[Path, set[str]] = {path: set() for path in self.folders}
        names: set[str] = set()
        pending, seen = list(start), set[_Node]()
        while pending:
            path, attribute = pending.pop()
            for match in _MENTION.finditer(attribute.source_bytes.decode("utf-8", "replace")):
                if match["type"]:
                    addresses[path].add(f"{match['type']}.{match['label']}")
                elif match["name"]:
                    names.add(match["name"])
                else:
                    for node in self._targets(path, match):
                        if node not in seen:
                            seen.add(node)
                            pending.extend((node[0], forwarder) for forwarder in self.forwarders.get(node, ()))
        missing = {(path, name) for path, kind, name in seen if kind == _MISSING}
        return addresses, names, missing

    def _targets(self, path: Path, match: re.Match[str]) -> Iterator[_Node]:
        """Yield the local, variable, output or argument that a mention refers to."""
        if match["module"]:
            callee = self.callees.get((path, match["module"]))
            if callee is None:
                yield path, _MISSING, match["module"]
            else:
                outputs = [match["output"]] if match["output"] else self.folders[callee].folder.outputs
                yield from ((callee, "output", name) for name in outputs)
            return
        yield path, match["kind"], match["value"]
        if match["kind"] == "var":
            yield from ((caller, "argument", f"{name}.{match['value']}") for caller, name in self.callers.get(path, ()))


def _may_use_boundaries(root: Module) -> bool:
    """True if the text of a configuration names permissions boundaries; also if names in JSON may be escaped."""
    for parsed in (parsed for folder in root.run.folders.values() for parsed in folder.files):
        data = parsed.source.data
        is_escaped = parsed.source.file.endswith(".json") and b"\\u" in data
        if is_escaped or _BOUNDARY.encode() in data or _CONDITION_KEY in data.lower():
            return True
    return False


def judged_by_module_uses(root: Module, policies: Iterable[AttachedPolicy]) -> list[AttachedPolicy]:
    """Return policies, those that a module that is not available gets with the kind that the uses of its outputs
    show. A use as anything but a permissions boundary may attach the policy."""

    def is_passed(policy: AttachedPolicy) -> bool:
        return policy.handed_to is HandedTo.MODULE and policy.kind is PolicyKind.IDENTITY

    policies = list(policies)
    passed = list(filter(is_passed, policies))
    is_presumed = any(policy.presumed is PolicyKind.BOUNDARY for policy in passed)
    if not passed or not (is_presumed or _may_use_boundaries(root)):
        return policies
    graph = _MentionGraph(root)
    as_boundary, otherwise = (
        {
            module.full_address(f"module.{name}")
            for folder, name in graph.reachable_mentions(start)[2]
            for module in root.walk()
            if module.folder.path == folder
        }
        for start in (graph.boundary_uses, graph.uses)
    )
    makers = {
        module.full_address(block.address)
        for module in root.walk()
        for block in module.folder.modules.values()
        if is_policy_module(str(references.value_of(block, "source", module.scope(block.source)) or ""))
    }

    def judged(policy: AttachedPolicy) -> AttachedPolicy:
        address = without_key(policy.resource.address)
        if not is_passed(policy):
            return policy
        if address in otherwise:
            return replace(policy, presumed=None) if policy.presumed is PolicyKind.BOUNDARY else policy
        if address not in as_boundary:
            return policy
        if address in makers:
            return replace(policy, kind=PolicyKind.BOUNDARY)
        return replace(policy, presumed=PolicyKind.BOUNDARY)

    return list(map(judged, policies))


def _required_boundaries(block: Block) -> Iterator[Attribute]:
    """Yield the values that conditions of a policy document on ``iam:PermissionsBoundary`` require."""
    for body in block.body.walk():
        key, values = body.get("variable"), body.get("values")
        if key is not None and values is not None and _CONDITION_KEY in key.source_bytes.lower():
            yield values


def mentioned_policies(block: Block) -> Iterator[str]:
    """Yield the address of each managed policy that a block mentions."""
    for attribute in _attributes(block.body, frozenset()):
        for match in _MENTION.finditer(attribute.source_bytes.decode("utf-8", "replace")):
            if match["type"]:
                yield f"{match['type']}.{match['label']}"


def _document_attributes(type_: str) -> frozenset[str]:
    """Return the attributes of a resource type that contain documents; mentioning a policy there does not attach it."""
    tables = (IDENTITY_POLICIES, RESOURCE_POLICIES, ORGANIZATION_POLICIES, TRUST_POLICIES)
    single = {table[type_] for table in tables if type_ in table}
    return frozenset({*single, *NESTED_POLICIES.get(type_, ())})


def _attributes(body: Body, left_out: frozenset[str]) -> Iterator[Attribute]:
    pending = [body]
    while pending:
        current = pending.pop()
        for attribute in current.attributes:
            if attribute.name not in _ORDERING and attribute.name not in left_out:
                yield attribute
        pending.extend(block.body for block in current.blocks if block.type not in left_out and block.type != _BOUNDARY)
