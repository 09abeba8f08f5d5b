"""Data sources that read what another root passes: its state, an export, an SSM parameter.

Sources: Terraform documentation, "The terraform_remote_state Data Source" and the pages of the backends ``s3``
(``bucket``, ``key``), ``gcs`` (``bucket``, ``prefix``), ``azurerm`` (``storage_account_name``, ``container_name``,
``key``), ``http`` (``address``), ``local`` (``path``) and ``remote`` (``organization``, ``workspaces``); provider pages
``tfe_outputs``, ``aws_ssm_parameter``, ``aws_cloudformation_export``.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from passrole_checks.iam.values.nodes import (
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    join,
    text,
    unresolved,
)
from passrole_checks.iam.values.variants import map_variants
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.model.links import LinkKind, follows_links, linked_outputs, linked_value
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    PartlyKnownObject,
    Reference,
    fill_known_parts,
    known_string,
)
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources.entities import text_of, value_of

_PLACES = {
    "s3": ("bucket", "key"),
    "gcs": ("bucket", "prefix"),
    "azurerm": ("storage_account_name", "container_name", "key"),
    "http": ("address",),
    "oss": ("bucket", "prefix", "key"),
}
_OUTPUTS = {"terraform_remote_state": "outputs", "tfe_outputs": "values"}
_OTHER_ATTRIBUTES = frozenset({"backend", "config", "defaults", "id", "workspace", "organization"})
_STORED = {
    "aws_ssm_parameter": (LinkKind.PARAMETER, "name", frozenset({"value", "insecure_value"})),
    "aws_cloudformation_export": (LinkKind.EXPORT, "name", frozenset({"value"})),
}
LINKED_TYPES = frozenset({*_OUTPUTS, *_STORED})

_Get = Callable[[str], Node | None]


def is_linked(type_: str) -> bool:
    """True if a data source of this type may have values of another root, in this context."""
    return type_ in LINKED_TYPES and follows_links()


def attribute(value: Reference, block: Block, name: str, scope: EvaluationScope, at: Position) -> Node | None:
    """Return an attribute of a data source that other scanned roots determine; None if none does."""
    type_ = value.type.removeprefix("data.")
    if type_ in _STORED:
        kind, by, attributes = _STORED[type_]
        own = value_of(block, by, scope) if name in attributes else None
        return _linked(kind, own, f"{text_of(value)}.{name}", at) if own is not None else None
    location = _location_read(block, type_, scope)
    if location is None or name in _OTHER_ATTRIBUTES:
        return None
    expression = f"{text_of(value)}.{name}"
    outputs = linked_outputs(location, lambda output: unresolved(f"{expression}.{output}", at, STATE_OF_ANOTHER))
    if not outputs:
        return None
    if name not in (_OUTPUTS[type_], "nonsensitive_values"):  # until Terraform 0.11, the outputs are attributes
        return outputs.get(name)
    entries = tuple(ObjectEntry(text(key, at), output) for key, output in outputs.items())
    return PartlyKnownObject(entries, at, rest=unresolved(expression, at, STATE_OF_ANOTHER))


STATE_OF_ANOTHER = "state of another configuration"


def _linked(kind: LinkKind, name: Node, expression: str, at: Position) -> Node | None:
    """Return the value under a name; unresolved for the variants of the name that no root passes."""
    found = False

    def find(variant: Node) -> Node:
        nonlocal found
        own = unresolved(expression, at, "read at deployment")
        linked = linked_value(kind, fill_known_parts(variant), own) if isinstance(variant, StringNode) else own
        found = found or linked is not own
        return linked

    value = map_variants(find, name)
    return value if found else None


def _location_read(block: Block, type_: str, scope: EvaluationScope) -> StringNode | None:
    """Return the location of the state that a data source reads; None if it is unknown."""
    if type_ == "tfe_outputs":
        names = {"organization": value_of(block, "organization", scope), "name": value_of(block, "workspace", scope)}
        return location_of("cloud", names.get, scope)
    backend, config = value_of(block, "backend", scope), value_of(block, "config", scope)
    kind = known_string(backend) if backend is not None else None
    if kind is None or not isinstance(config, ObjectNode):
        return None
    return location_of(kind, _with_workspaces(config.get, _object(config.get("workspaces"))), scope)


def backend_location(block: Block, scope: EvaluationScope) -> StringNode | None:
    """Return the location of the state of a ``backend`` or ``cloud`` block; None if the code does not tell it."""
    kind = block.labels[0] if block.labels else "cloud"
    inner = next(iter(block.body.all("workspaces")), None)
    workspaces = (lambda name: value_of(inner, name, scope)) if inner is not None else _none
    if inner is None:
        workspaces = _object(value_of(block, "workspaces", scope))
    return location_of(kind, _with_workspaces(lambda name: value_of(block, name, scope), workspaces), scope)


def _with_workspaces(config: _Get, workspaces: _Get) -> _Get:
    return lambda name: workspaces(name) if name in ("name", "prefix") and workspaces(name) else config(name)


def _object(node: Node | None) -> _Get:
    return node.get if isinstance(node, ObjectNode) else _none


def _none(name: str) -> None:
    return None


def location_of(kind: str, config: _Get, scope: EvaluationScope) -> StringNode | None:
    """Return the location of a state as text, with unresolved parts; None if it is unknown.

    A backend may be configured in parts, the rest with ``-backend-config``. If the last part is unknown, so is all.
    """
    if kind == "local":
        path = config("path")
        literal = known_string(path) if isinstance(path, StringNode) else None if path else "terraform.tfstate"
        if literal is None:
            return None
        # relative to the boundary, which all versions of a tree share
        full, folders = os.path.normpath(os.path.join(scope.module.root_folder, literal)), current_boundary().folders
        return text(f"local:{os.path.relpath(full, folders[0]) if folders else full}", _NOWHERE)
    if kind in ("remote", "cloud"):
        name, prefix = config("name"), config("prefix")
        last = name if isinstance(name, StringNode) else prefix
        if not isinstance(last, StringNode):
            return None
        end = () if last is name else unresolved("workspace", _NOWHERE).parts
        return _joined("cloud", [_part(config("organization"), "organization"), (*last.parts, *end)])
    names = _PLACES.get(kind)
    if names is None:
        return None
    last = config(names[-1])
    if not isinstance(last, StringNode) or not any(isinstance(part, str) for part in fill_known_parts(last).parts):
        return None
    end = fill_known_parts(last).parts
    return _joined(kind, [*(_part(config(name), name) for name in names[:-1]), _without_workspace(end)])


_NOWHERE = Position("", 0)


def _without_workspace(key: tuple[Part, ...]) -> tuple[Part, ...]:
    """Return the key of a state in S3 as its root module writes it, without the prefix of another workspace.

    Source: Terraform documentation, "S3" backend, ``workspace_key_prefix``: the default is ``env:``.
    """
    if not isinstance(key[0], str) or not key[0].startswith("env:/"):
        return key
    rest: list[Part] = [key[0].removeprefix("env:/"), *key[1:]]
    for number, part in enumerate(rest):
        if isinstance(part, str) and "/" in part:
            return join([part.partition("/")[2], *rest[number + 1 :]])
    return key


def _part(node: Node | None, name: str) -> tuple[Part, ...]:
    return fill_known_parts(node).parts if isinstance(node, StringNode) else unresolved(name, _NOWHERE).parts


def _joined(kind: str, places: list[tuple[Part, ...]]) -> StringNode:
    after = [part for place in places for part in ("/", *place)]
    return StringNode(join([f"{kind}:", *after[1:]]), _NOWHERE)
