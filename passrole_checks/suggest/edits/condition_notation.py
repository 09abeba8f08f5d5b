"""Find out how a module takes the conditions of a statement that is passed to it as an object.

Sources: iam.tf of ``terraform-aws-modules/lambda/aws``, ``…/step-functions/aws`` and ``…/eventbridge/aws``
(``for_each = lookup(statement.value, "condition", [])``), main.tf of ``cloudposse/iam-policy/aws`` (``"conditions"``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.terraform.reading.syntax import Block, Body, Expression, Object, Tuple
from passrole_checks.suggest.edits.hcl_nodes import HclFile, walk_expressions
from passrole_checks.suggest.edits.references import ModuleContext
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.published_modules import published_module

CONDITION_KEYS = ("condition", "conditions")
_WITH_STATEMENTS = frozenset({"lambda", "step-functions", "eventbridge"})  # of terraform-aws-modules
_CLOUDPOSSE = lazy_regex(r"\bcloudposse/(?:terraform-aws-)?iam-policy\b")
_KEY = lazy_regex(r"\bconditions?\b")
_MODULE = lazy_regex(r"module\.([\w-]+)")


@dataclass(frozen=True, slots=True)
class ConditionNotation:
    """``key``: the attribute that contains the conditions; ``by_name``: it is an object of conditions, else a list.
    ``block``: the statement is a block in JSON syntax, so that one condition and a list of it mean the same.
    """

    key: str
    by_name: bool = False
    block: bool = False


def condition_notation(
    file: HclFile, located: LocatedGrant, files: Sequence[str], read: Callable[[str], str]
) -> ConditionNotation | None:
    """Return the notation of conditions for a statement object: that of another statement beside it, that of a
    published module, or the only one that the modules of the configuration read; None if it is unknown.
    """
    at = located.grant.at
    value = file.attribute_value(at.line, at.column)
    found = dict.fromkeys(_notations(file, value)) if value is not None else {}
    if found:
        return next(iter(found)) if len({one.key for one in found}) == 1 else None
    if located.handed_to is not None:
        return _published(located, ModuleContext(at.file, files, read))
    keys = {key for name in files for key in _keys_read(name, read)}
    return ConditionNotation(keys.pop()) if len(keys) == 1 else None


def _notations(file: HclFile, value: Expression) -> Iterator[ConditionNotation]:
    for node in walk_expressions(value):
        for key, conditions in node.items if isinstance(node, Object) else ():
            name = file.key(key)
            if name not in CONDITION_KEYS:
                continue
            if isinstance(conditions, Tuple) and any(_is_test(file, item) for item in conditions.items):
                yield ConditionNotation(name)
            elif isinstance(conditions, Object) and any(_is_test(file, item) for _, item in conditions.items):
                yield ConditionNotation(name, by_name=True)


def _is_test(file: HclFile, value: Expression) -> bool:
    return isinstance(value, Object) and any(file.key(key) == "test" for key, _ in value.items)


def _published(located: LocatedGrant, module: ModuleContext) -> ConditionNotation | None:
    names = _MODULE.findall(located.resource.address)
    argument = located.statement_path.partition("/")[0]
    for one in module.files():
        for block in one.body.all("module"):
            source = block.body.get("source") if block.labels[:1] == tuple(names[-1:]) else None
            written = one.written(source.value).text if source is not None else None
            if written is None:
                continue
            published = published_module(written)
            if argument == "policy_statements" and published is not None and published[0] in _WITH_STATEMENTS:
                return ConditionNotation("condition")
            if argument in ("iam_policy_statements", "iam_policy") and _CLOUDPOSSE.search(written):
                return ConditionNotation("conditions")
    return None


def _keys_read(name: str, read: Callable[[str], str]) -> Iterator[str]:
    """Yield the names of the attributes that ``dynamic "condition"`` blocks of a file read."""
    try:
        text = read(name) if os.path.splitext(name)[1] in (".tf", ".tofu") else ""
        file = HclFile.of(name, text) if 'dynamic "condition"' in text else None
    except (OSError, KeyError, UnicodeError, NotEditableError):
        return
    for block in _blocks(file.body) if file is not None else ():
        loop = block.body.get("for_each") if (block.type, block.labels) == ("dynamic", ("condition",)) else None
        if file is not None and loop is not None:
            yield from _KEY.findall(file.words(loop.value.span))


def _blocks(body: Body) -> Iterator[Block]:
    for block in body.blocks:
        yield block
        yield from _blocks(block.body)
