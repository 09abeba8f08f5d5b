"""The AWS provider's functions for ARNs; other providers' functions are not evaluated.

Source: AWS provider documentation, "Functions": arn_build, arn_parse, trim_iam_role_path; the form of an ARN: AWS
General Reference, "Amazon Resource Names (ARNs)" (six fields, of which the last takes the rest).
"""

from __future__ import annotations

from passrole_checks.iam.values.nodes import (
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    text,
)
from passrole_checks.iam.values.variants import defaults_of
from passrole_checks.sources.terraform.evaluation.symbolic_values import join_values, known_string
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, expand_known, may_contain

_FIELDS = ("partition", "service", "region", "account_id", "resource")


def arn_build(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``provider::aws::arn_build``: five fields after ``arn``."""
    pieces: list[Node] = [text("arn", call.at)]
    for argument in arguments:
        pieces.extend((text(":", call.at), argument))
    return join_values(pieces, call.at)


def arn_parse(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``provider::aws::arn_parse``: an object of the five fields.

    None if an unresolved part of an earlier field than the last may contain a colon.
    """
    fields = _arn_fields(arguments[0])
    if isinstance(fields, str):
        return call.fail(fields)
    if fields is None:
        return None
    entries = [
        ObjectEntry(text(name, call.at), StringNode(join(parts), call.at, defaults=defaults_of(arguments)))
        for name, parts in zip(_FIELDS, fields, strict=True)
    ]
    return ObjectNode(tuple(entries), call.at)


def trim_role_path(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``provider::aws::trim_iam_role_path``: a role ARN without its path.

    None if an unresolved part may contain a slash.
    """
    fields = _arn_fields(arguments[0])
    if isinstance(fields, str):
        return call.fail(fields)
    if fields is None:
        return None
    partition, service, region, account, resource = fields
    if join(service) != ("iam",) or join(region) != ("",):
        known = all(isinstance(part, str) for part in (*service, *region))
        return call.fail("not a role ARN") if known else None
    first = resource[0]
    if not (isinstance(first, str) and first.startswith("role/")):
        return call.fail("not a role ARN") if isinstance(first, str) and len(first) > 4 else None
    name: list[Part] = []
    for part in reversed(resource):
        if isinstance(part, Unresolved):
            if part.kind is not UnresolvedKind.NAME and may_contain(part, "/"):
                return None
            name.insert(0, part)
            continue
        _, slash, last = part.rpartition("/")
        name.insert(0, last)
        if slash:
            break
    parts: list[Part] = ["arn:", *partition, ":iam::", *account, ":role/", *name]
    return StringNode(join(parts), call.at, defaults=defaults_of(arguments))


def _arn_fields(value: Node) -> list[list[Part]] | str | None:
    """Return the fields of an ARN after ``arn:``.

    Returns a string with the reason if the value is not an ARN, None if that is undecidable.
    """
    if not isinstance(value, StringNode):
        return "not an ARN" if known_string(value) is not None else None
    whole = expand_known(value)
    groups: list[list[Part]] = [[]]
    for part in whole.parts:
        if isinstance(part, Unresolved):
            if len(groups) < 6 and may_contain(part, ":"):
                return None
            groups[-1].append(part)
            continue
        first, *others = part.split(":", 6 - len(groups))
        groups[-1].append(first)
        groups.extend([other] for other in others)
    if groups[0] != ["arn"] or len(groups) < 6:
        return "not an ARN"
    return [[part for part in group if part != ""] or [""] for group in groups[1:]]


AWS = declare({"arn_build": (arn_build, "sssss"), "arn_parse": (arn_parse, "s"),
               "trim_iam_role_path": (trim_role_path, "s")})  # fmt: skip
