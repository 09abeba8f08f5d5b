"""Mentions of managed policies other than as a permissions boundary.

A policy counts as a boundary only if it has no other use. Uses of its ARN may be impossible to evaluate (a missing
module, a function, another provider), so any mention counts: a direct one, or one through locals, variables and outputs
that are mentioned themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from passrole_checks.sources.model.terraform_policy_attributes import (
    IDENTITY_POLICIES,
    MANAGED_POLICIES,
    NESTED_POLICIES,
    ORGANIZATION_POLICIES,
    RESOURCE_POLICIES,
    TRUST_POLICIES,
)
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body

_MENTION = re.compile(
    rf"(?<!data\.)\b(?P<type>{'|'.join(MANAGED_POLICIES)})\s*\.\s*(?P<label>[\w-]+)"
    r'|:policy/(?:[^"\s:]*/)?(?P<name>[\w+=,.@-]+)'
    r"|\b(?P<kind>local|var)\s*\.\s*(?P<value>[\w-]+)"
    r"|\bmodule\s*\.\s*(?P<module>[\w-]+)(?:\s*\[[^\]]*\])?(?:\s*\.\s*(?P<output>[\w-]+))?"
)
_IGNORED_BLOCKS = frozenset({"moved", "removed", "import"})  # blocks that do not use the resources they name
_ORDERING = frozenset({"depends_on", "replace_triggered_by"})
_BOUNDARY = "permissions_boundary"

_Node = tuple[Path, str, str]  # folder, kind (local, var, output, argument), name


@dataclass(frozen=True)
class Mentions:
    """``addresses`` of managed policy blocks that are mentioned, and policy ``names`` in literal ARNs."""

    addresses: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, root: Module) -> Mentions:
        """Return the mentions in a root module and its modules; empty if no file mentions a permissions boundary."""
        modules = list(root.walk())
        folders = {module.folder.path: module for module in modules}
        if not any(
            _BOUNDARY.encode() in parsed.source.data or b"PermissionsBoundary" in parsed.source.data
            for module in folders.values()
            for parsed in module.folder.files
        ):
            return cls()
        graph = _MentionGraph(folders)
        labels, names = graph.reachable_mentions()
        addresses = {
            module.full_address(f"{type_}.{label}") for module in modules for type_, label in labels[module.folder.path]
        }
        return cls(frozenset(addresses), frozenset(names))


class _MentionGraph:
    """Attributes of all folders: ``uses`` use what they mention, ``forwarders`` only pass it on."""

    def __init__(self, folders: dict[Path, Module]) -> None:
        self.folders = folders
        self.uses: list[tuple[Path, Attribute]] = []
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
        if kind in _IGNORED_BLOCKS or (kind == "data" and name == "aws_iam_policy_document"):
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
            elif _BOUNDARY not in attribute.name:
                self.uses.append((path, attribute))

    def reachable_mentions(self) -> tuple[dict[Path, set[tuple[str, str]]], set[str]]:
        """Return the (type, label) pairs per folder, and the policy names, that uses mention directly or indirectly."""
        labels: dict[Path, set[tuple[str, str]]] = {path: set() for path in self.folders}
        names: set[str] = set()
        pending, seen = list(self.uses), set[_Node]()
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
        return labels, names

    def _targets(self, path: Path, match: re.Match[str]) -> Iterator[_Node]:
        """Yield the local, variable, output or argument that a mention refers to."""
        if match["module"]:
            callee = self.callees.get((path, match["module"]))
            if callee is not None:
                outputs = [match["output"]] if match["output"] else self.folders[callee].folder.outputs
                yield from ((callee, "output", name) for name in outputs)
            return
        yield path, match["kind"], match["value"]
        if match["kind"] == "var":
            yield from ((caller, "argument", f"{name}.{match['value']}") for caller, name in self.callers.get(path, ()))


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
