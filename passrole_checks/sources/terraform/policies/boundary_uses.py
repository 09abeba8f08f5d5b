"""Mentions of managed policies other than as a permissions boundary.

A policy counts as a boundary only if it has no other use. Uses of its ARN may be impossible to evaluate (a missing
module, a function, another provider), so any mention counts: a direct one, or one through locals, variables and outputs
that are mentioned themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.model.terraform_policy_attributes import (
    IDENTITY_POLICIES,
    MANAGED_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body, ParsedFile

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


@dataclass(frozen=True)
class Mentions:
    """``addresses`` of managed policy blocks that are mentioned, and policy ``names`` in literal ARNs."""

    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Module) -> Mentions:
        """Return the mentions in a root module and its modules."""
        modules = list(root.walk())
        folders = {module.folder.path: module for module in modules}
        graph = _MentionGraph(folders)
        labels, names, _ = graph.reachable_mentions(graph.uses)
        addresses = {
            module.full_address(f"{type_}.{label}") for module in modules for type_, label in labels[module.folder.path]
        }
        return cls(frozenset(addresses), frozenset(names))


class _MentionGraph:
    """Attributes of all folders: ``boundary_uses`` use what they mention as a permissions boundary, ``uses`` in another
    way, ``forwarders`` only pass it on."""

    def __init__(self, folders: dict[Path, Module]) -> None:
        self.folders = folders
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
    ) -> tuple[dict[Path, set[tuple[str, str]]], set[str], set[tuple[Path, str]]]:
        """Return the (type, label) pairs per folder, the policy names, and the modules that are not available, which
        attributes mention directly or indirectly."""
        labels: dict[Path, set[tuple[str, str]]] = {path: set() for path in self.folders}
        names: set[str] = set()
        pending, seen = list(start), set[_Node]()
        while pending:
            path, attribute = pending.pop()
            for match in _MENTION.finditer(attribute.source_bytes.decode("utf-8", "replace")):
                if match["type"]:
                    labels[path].add((match["type"], match["label"]))
                elif match["name"]:
                    names.add(match["name"])
                else:
                    for node in self._targets(path, match):
                        if node not in seen:
                            seen.add(node)
                            pending.extend((node[0], forwarder) for forwarder in self.forwarders.get(node, ()))
        missing = {(path, name) for path, kind, name in seen if kind == _MISSING}
        return labels, names, missing

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


def may_use_boundaries(root: Module) -> bool:
    """True if the text of a configuration names permissions boundaries; also if names in JSON may be escaped."""
    folders = {module.folder.path: module.folder for module in root.walk()}
    return any(_names_boundary(parsed) for folder in folders.values() for parsed in folder.files)


def _names_boundary(parsed: ParsedFile) -> bool:
    data = parsed.source.data
    is_escaped = parsed.source.file.endswith(".json") and b"\\u" in data
    return is_escaped or _BOUNDARY.encode() in data or _CONDITION_KEY in data.lower()


def uses_of_missing_modules(root: Module) -> tuple[frozenset[str], frozenset[str]]:
    """Return the addresses of the modules that are not available and whose outputs are used as a permissions boundary,
    and of those whose outputs are used in another way."""
    modules = list(root.walk())
    graph = _MentionGraph({module.folder.path: module for module in modules})

    def addresses(start: Iterable[tuple[Path, Attribute]]) -> frozenset[str]:
        missing = graph.reachable_mentions(start)[2]
        return frozenset(
            module.full_address(f"module.{name}")
            for module in modules
            for folder, name in missing
            if module.folder.path == folder
        )

    return addresses(graph.boundary_uses), addresses(graph.uses)


def _required_boundaries(block: Block) -> Iterator[Attribute]:
    """Yield the values that conditions of a policy document on ``iam:PermissionsBoundary`` require."""
    pending = list(block.body.blocks)
    while pending:
        current = pending.pop()
        pending.extend(current.body.blocks)
        key, values = current.body.get("variable"), current.body.get("values")
        if key is not None and values is not None and _CONDITION_KEY in key.source_bytes.lower():
            yield values


def mentioned_policies(block: Block) -> Iterator[tuple[str, str]]:
    """Yield type and label of each managed policy that a block mentions."""
    for attribute in _attributes(block.body, frozenset()):
        for match in _MENTION.finditer(attribute.source_bytes.decode("utf-8", "replace")):
            if match["type"]:
                yield match["type"], match["label"]


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
