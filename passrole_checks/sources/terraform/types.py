"""Type constraints of variables, as far as they change a value: optional attributes and their defaults.

Source: Terraform language documentation, "Type Constraints", "Optional Object Type Attributes".
"""

from __future__ import annotations

from passrole_checks.iam.values import Choice, Const, Entry, Items, Mapping, Node, Text
from passrole_checks.sources.terraform.scope import Scope, evaluate
from passrole_checks.sources.terraform.symbols import distribute
from passrole_checks.sources.terraform.syntax import Call, Expression, Literal, Object, Template, Tuple

_DEPTH = 20


def with_optional(value: Node, constraint: Expression, scope: Scope, depth: int = 0) -> Node:
    """The value as its type makes it; what the type does not speak of stays as it is."""
    if not isinstance(constraint, Call) or not constraint.arguments or depth > _DEPTH:
        return value
    if isinstance(value, Choice):
        return distribute(lambda known: with_optional(known, constraint, scope, depth + 1), value)
    inner = constraint.arguments[0]
    if constraint.name == "optional":
        return with_optional(value, inner, scope, depth + 1)
    if constraint.name == "object" and isinstance(inner, Object):
        return _object(value, inner, scope, depth) if isinstance(value, Mapping) else value
    if constraint.name in ("list", "set") and isinstance(value, Items):
        return Items(tuple([with_optional(item, inner, scope, depth + 1) for item in value.items]), value.at)
    if constraint.name == "map" and isinstance(value, Mapping):
        entries = [Entry(entry.key, with_optional(entry.value, inner, scope, depth + 1)) for entry in value.entries]
        return Mapping(tuple(entries), value.at)
    if constraint.name == "tuple" and isinstance(inner, Tuple) and isinstance(value, Items):
        pairs = zip(value.items, inner.items, strict=False)
        return Items(tuple([with_optional(item, type_, scope, depth + 1) for item, type_ in pairs]), value.at)
    return value


def _object(value: Mapping, constraint: Object, scope: Scope, depth: int) -> Node:
    """The attributes that the type names; one that is left out has its default, or null."""
    unknown = [entry for entry in value.entries if entry.key.literal is None]
    entries: list[Entry] = list(unknown)
    for key, type_ in constraint.items:
        name = _name(key)
        given = value.get(name) if name is not None else None
        if name is None or (given is None and unknown):
            continue
        at = given.at if given is not None else value.at
        default = type_.arguments[1] if isinstance(type_, Call) and len(type_.arguments) > 1 else None
        optional = isinstance(type_, Call) and type_.name == "optional"
        if given is None and not optional:
            continue
        if given is None or (isinstance(given, Const) and given.value is None and default is not None):
            given = evaluate(default, scope) if optional and default is not None else Const(None, at)
        entries.append(Entry(Text((name,), at), with_optional(given, type_, scope, depth + 1)))
    return Mapping(tuple(entries), value.at)


def _name(key: Expression) -> str | None:
    if isinstance(key, Literal):
        return str(key.value)
    if isinstance(key, Template) and len(key.parts) == 1:
        return getattr(key.parts[0], "value", None)
    return None
