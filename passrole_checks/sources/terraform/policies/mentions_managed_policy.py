"""Whether what goes into a value speaks of AWS managed policies, told by the words of it and of all that it refers to:
nothing is evaluated.

Each name that may be a reference is followed, also one that only looks like it, so that nothing is missed that is
written in a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from passrole_checks.iam.partial_values import Node, texts_in
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.may_contain_policy import bytes_of
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block

AWS_MANAGED = ":iam::aws:policy/"
_MARK = AWS_MANAGED.encode()
_NAME = re.compile(
    rb"(?<![\w.-])(?P<data>data\s*\.\s*)?(?P<first>[A-Za-z_][\w-]*)\s*\.\s*(?P<second>[A-Za-z_][\w-]*)"
    rb"(?:\s*(?:\[[^\]]*\]\s*)?\.\s*(?P<third>[A-Za-z_][\w-]*))?"
)
# the address of a module; what stands before a dot, the name behind it, and what is asked of that
_Name = tuple[str, bool, str, str, str]


class Speaking:
    """What is known of one configuration: the names behind which nothing speaks of them."""

    def __init__(self) -> None:
        self._silent: set[_Name] = set()
        self._anywhere: bool | None = None

    def may(self, module: Module, block: Block, attribute: Attribute) -> bool:
        """Whether the value of an argument of a ``module`` block may name an AWS managed policy."""
        if not skips_irrelevant():
            return True
        if self._anywhere is None:
            self._anywhere = _is_anywhere(module)
        each = block.body.get("for_each")
        return self._anywhere and any(
            self._words(module, bytes_of(one)) for one in (attribute, each) if one is not None
        )

    def _words(self, module: Module, words: bytes) -> bool:
        pending, seen, read = [(module, words)], set[_Name](), set[tuple[str, bytes]]()
        while pending:
            inside, said = pending.pop()
            if _MARK in said:
                return True
            if (inside.address, said) in read:
                continue  # a folder that is looked at as a whole, again
            read.add((inside.address, said))
            for data, first, second, third in _names_in(said):
                name = inside.address, data, first, second, third
                if name not in self._silent and name not in seen:
                    seen.add(name)
                    pending += _behind(inside, first, second, third, data=data)
        self._silent |= seen
        return False


@lru_cache(maxsize=4096)
def _names_in(words: bytes) -> tuple[tuple[bool, str, str, str], ...]:
    """What may be references in an expression: whether to a data source, and the names."""
    found: dict[tuple[bool, str, str, str], None] = {}
    for one in _NAME.finditer(words):
        first, second, third = ((one[part] or b"").decode() for part in ("first", "second", "third"))
        found[one["data"] is not None, first, second, third] = None
    return tuple(found)


def _is_anywhere(module: Module) -> bool:
    """Whether anything in a configuration speaks of them."""
    run = module.run
    texts = (parsed.source.data for folder in run.folders.values() for parsed in folder.files)
    return any(_MARK in text for text in (*texts, *(given.source.data for given in run.values.values())))


def _behind(module: Module, first: str, second: str, third: str, *, data: bool) -> Iterator[tuple[Module, bytes]]:
    """What is written behind a name, each with the module in which it stands."""
    folder = module.folder
    if data:
        yield from _attribute(module, folder.data_source(first, second), third)
    elif first == "local":
        if second in folder.locals:
            yield module, bytes_of(folder.locals[second])
    elif first == "var":
        if second in module.arguments:
            attribute, scope = module.arguments[second]
            yield cast("Module", scope.module), bytes_of(attribute)
            yield from ((cast("Module", scope.module), one) for one in _texts(scope.variables.values()))
        elif not module.address and second in module.run.values:
            yield module, bytes_of(module.run.values[second])
        yield from _whole(module, folder.variables.get(second))
    elif first == "module":
        block = folder.modules.get(second)
        for child in ((module.children(block) or {}) if block is not None else {}).values():
            outputs = [child.folder.outputs[third]] if third in child.folder.outputs else child.folder.outputs.values()
            for output in outputs:
                yield from _whole(child, output)
    else:
        yield from _attribute(module, folder.resource(first, second), third)


def _attribute(module: Module, block: Block | None, name: str) -> Iterator[tuple[Module, bytes]]:
    """What a resource or a data source says of one of its attributes, or all of it where none is named."""
    if not name:
        yield from _whole(module, block)
    elif block is not None:
        for one in (block.body.get(name), block.body.get("for_each")):
            if one is not None:
                yield module, bytes_of(one)


def _whole(module: Module, block: Block | None) -> Iterator[tuple[Module, bytes]]:
    """A block; of one that is put together of several, all that is written in its folder."""
    if block is not None and block.source_bytes is not None:
        yield module, block.source_bytes
    elif block is not None:
        yield from ((module, parsed.source.data) for parsed in module.folder.files)


def _texts(values: Iterable[Node]) -> Iterator[bytes]:
    """The texts in values, without what is not known of them."""
    for value in values:
        for one in texts_in(value):
            yield str(one).encode()
