"""Static test: can this argument mention an AWS managed policy? Nothing is evaluated.

The test searches the source text of the argument and of everything that it may refer to. Each name that looks like a
reference is followed, so that no mention in the configuration is missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import cast

from passrole_checks.iam.partial_values import Node, strings_in
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block

AWS_MANAGED = ":iam::aws:policy/"
_MARK = AWS_MANAGED.encode()
_NAME = re.compile(
    rb"(?<![\w.-])(?P<data>data\s*\.\s*)?(?P<first>[A-Za-z_][\w-]*)\s*\.\s*(?P<second>[A-Za-z_][\w-]*)"
    rb"(?:\s*(?:\[[^\]]*\]\s*)?\.\s*(?P<third>[A-Za-z_][\w-]*))?"
)
# module address, true for a data source, and the three names of a reference (``module.name.output``)
_Name = tuple[str, bool, str, str, str]


class ManagedPolicyDetector:
    """The test for one configuration, with a cache of names that lead to no mention."""

    def __init__(self) -> None:
        self._without_mention: set[_Name] = set()
        self._mentioned_anywhere: bool | None = None

    def may_mention(self, module: Module, block: Block, attribute: Attribute) -> bool:
        """True if the value of an argument of a ``module`` block may name an AWS managed policy."""
        if not skips_irrelevant():
            return True
        if self._mentioned_anywhere is None:
            self._mentioned_anywhere = _is_mentioned_anywhere(module)
        each = block.body.get("for_each")
        return self._mentioned_anywhere and any(
            self._text_mentions(module, source.source_bytes) for source in (attribute, each) if source is not None
        )

    def _text_mentions(self, module: Module, source_text: bytes) -> bool:
        pending, seen, read = [(module, source_text)], set[_Name](), set[tuple[str, bytes]]()
        while pending:
            owner, text = pending.pop()
            if _MARK in text:
                return True
            if (owner.address, text) in read:
                continue  # a whole folder that was already searched
            read.add((owner.address, text))
            for data, first, second, third in reference_names(text):
                name = owner.address, data, first, second, third
                if name not in self._without_mention and name not in seen:
                    seen.add(name)
                    if first == "var" and not data and not owner.address:
                        owner.run.variables_read.add(second)  # its value may mention a policy
                    pending += sources_of(owner, first, second, third, data=data)
        self._without_mention |= seen
        return False


@lru_cache(maxsize=4096)
def reference_names(source_text: bytes) -> tuple[tuple[bool, str, str, str], ...]:
    """Return the possible references in an expression: true for a data source, and the names."""
    references: dict[tuple[bool, str, str, str], None] = {}
    for match in _NAME.finditer(source_text):
        first, second, third = ((match[part] or b"").decode() for part in ("first", "second", "third"))
        references[match["data"] is not None, first, second, third] = None
    return tuple(references)


def _is_mentioned_anywhere(module: Module) -> bool:
    """True if any file of a configuration mentions an AWS managed policy."""
    run = module.run
    texts = (parsed.source.data for folder in run.folders.values() for parsed in folder.files)
    return any(_MARK in text for text in (*texts, *(value.source.data for value in run.values.values())))


def sources_of(module: Module, first: str, second: str, third: str, *, data: bool) -> Iterator[tuple[Module, bytes]]:
    """Yield the source texts that a name refers to, each with its module.

    This does not count as reading an input variable: the text decides only what is evaluated.
    """
    folder = module.folder
    if data:
        yield from _attribute_bytes(module, folder.data_source(first, second), third)
    elif first == "local":
        if second in folder.locals:
            yield module, folder.locals[second].source_bytes
    elif first == "var":
        if second in module.arguments:
            attribute, scope = module.arguments[second]
            yield cast("Module", scope.module), attribute.source_bytes
            yield from ((cast("Module", scope.module), text) for text in _known_texts(scope.variables.values()))
        elif not module.address and second in module.run.values:
            yield module, module.run.values[second].source_bytes
        yield from _block_bytes(module, folder.variables.get(second))
    elif first == "module":
        block = folder.modules.get(second)
        for child in ((module.children(block) or {}) if block is not None else {}).values():
            outputs = [child.folder.outputs[third]] if third in child.folder.outputs else child.folder.outputs.values()
            for output in outputs:
                yield from _block_bytes(child, output)
    else:
        yield from _attribute_bytes(module, folder.resource(first, second), third)


def _attribute_bytes(module: Module, block: Block | None, name: str) -> Iterator[tuple[Module, bytes]]:
    """Yield the source text of one attribute of a resource or data source, of the whole block if none is named."""
    if not name:
        yield from _block_bytes(module, block)
    elif block is not None:
        for attribute in (block.body.get(name), block.body.get("for_each")):
            if attribute is not None:
                yield module, attribute.source_bytes


def _block_bytes(module: Module, block: Block | None) -> Iterator[tuple[Module, bytes]]:
    """Yield the source text of a block; if it is merged from several blocks, of its whole folder."""
    if block is not None and block.source_bytes is not None:
        yield module, block.source_bytes
    elif block is not None:
        yield from ((module, parsed.source.data) for parsed in module.folder.files)


def _known_texts(values: Iterable[Node]) -> Iterator[bytes]:
    """Yield the strings in values, without their unresolved parts."""
    for value in values:
        for string in strings_in(value):
            yield str(string).encode()
