"""Where the files of a module speak of a managed policy other than as a permissions boundary.

A policy counts as a boundary only where nothing else is done with it. What is done with its ARN may lie beyond what can
be evaluated (a module that is not here, a function, another provider), so its mention is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.sources.terraform.folder import Folder
from passrole_checks.sources.terraform.syntax import Attribute, Body

_MENTION = re.compile(r"\baws_iam_policy\s*\.\s*([\w-]+)|:policy/(?:[^\"\s:]*/)?([\w+=,.@-]+)")


def mentioned_policies(folder: Folder) -> tuple[frozenset[str], frozenset[str]]:
    """The policies that a folder's files mention, by the label of the resource and by the name in a literal ARN.

    Outputs, ``depends_on`` and attributes that are named as a permissions boundary do not count.
    """
    labels: set[str] = set()
    names: set[str] = set()
    for parsed in folder.files:
        data = parsed.source.data
        if b"aws_iam_policy" not in data and b":policy/" not in data:
            continue
        for block in parsed.body.blocks:
            if block.type == "output":
                continue
            for attribute in _attributes(block.body):
                for label, name in _MENTION.findall(_text(attribute)):
                    (labels if label else names).add(label or name)
    return frozenset(labels), frozenset(names)


def _attributes(body: Body) -> Iterator[Attribute]:
    pending = [body]
    while pending:
        current = pending.pop()
        for attribute in current.attributes:
            if attribute.name != "depends_on" and "permissions_boundary" not in attribute.name:
                yield attribute
        pending.extend(block.body for block in current.blocks)


def _text(attribute: Attribute) -> str:
    source, span = attribute.source, attribute.span
    return source.text(source.offset(span.line, span.column), source.offset(span.end_line, span.end_column))
