"""Whether what goes into a value speaks of AWS managed policies, told by the words of it and of all that it refers to:
nothing is evaluated.

Each name that may be a reference is followed, also one that only looks like it, so that nothing is missed that is
written in a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import cast

from passrole_checks.iam.values import Node, texts_in
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.bearing import bytes_of
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block
from passrole_checks.sources.terraform.shortcuts import taken

AWS_MANAGED = ":iam::aws:policy/"
_MARK = AWS_MANAGED.encode()
_NAME = re.compile(
    rb"(?<![\w.-])(?P<data>data\s*\.\s*)?(?P<first>[A-Za-z_][\w-]*)\s*(?:\[[^\]]*\]\s*)?\.\s*(?P<second>[A-Za-z_][\w-]*)"
)
_Name = tuple[str, bool, str, str]  # the address of a module; whether it is a data source; both parts


class Speaking:
    """What is known of one configuration: the names behind which nothing speaks of them."""

    def __init__(self) -> None:
        self._silent: set[_Name] = set()

    def may(self, module: Module, block: Block, attribute: Attribute) -> bool:
        """Whether the value of an argument of a ``module`` block may name an AWS managed policy."""
        each = block.body.get("for_each")
        return not taken() or any(self._words(module, bytes_of(one)) for one in (attribute, each) if one is not None)

    def _words(self, module: Module, words: bytes) -> bool:
        pending, seen, read = [(module, words)], set[_Name](), set[tuple[str, bytes]]()
        while pending:
            inside, said = pending.pop()
            if _MARK in said:
                return True
            if (inside.address, said) in read:
                continue  # a folder that is looked at as a whole, again
            read.add((inside.address, said))
            for found in _NAME.finditer(said):
                first, second = found["first"].decode(), found["second"].decode()
                name = inside.address, found["data"] is not None, first, second
                if name not in self._silent and name not in seen:
                    seen.add(name)
                    pending += _behind(inside, first, second, data=name[1])
        self._silent |= seen
        return False


def _behind(module: Module, first: str, second: str, *, data: bool) -> Iterator[tuple[Module, bytes]]:
    """What is written behind a name, each with the module in which it stands."""
    folder = module.folder
    if data:
        yield from _whole(module, folder.data_source(first, second))
    elif first == "local" and second in folder.locals:
        yield module, bytes_of(folder.locals[second])
    elif first == "var":
        if second in module.arguments:
            attribute, scope = module.arguments[second]
            yield cast("Module", scope.module), bytes_of(attribute)
            yield from ((cast("Module", scope.module), one) for one in _texts(scope.variables.values()))
        elif not module.address and second in module.run.values:
            yield module, bytes_of(module.run.values[second])
        yield from _whole(module, folder.variables.get(second))
    elif first == "module" and second in folder.modules:
        for child in (module.children(folder.modules[second]) or {}).values():
            for output in child.folder.outputs.values():
                yield from _whole(child, output)
    else:
        yield from _whole(module, folder.resource(first, second))


def _whole(module: Module, block: Block | None) -> Iterator[tuple[Module, bytes]]:
    """A block; of one that is put together of several, all that is written in its folder."""
    if block is not None and block.words is not None:
        yield module, block.words
    elif block is not None:
        yield from ((module, parsed.source.data) for parsed in module.folder.files)


def _texts(values: Iterable[Node]) -> Iterator[bytes]:
    """The texts in values, without what is not known of them."""
    for value in values:
        for one in texts_in(value):
            yield str(one).encode()
