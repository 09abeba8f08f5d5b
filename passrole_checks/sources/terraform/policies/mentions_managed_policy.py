"""Static test: can this argument mention an AWS managed policy? Nothing is evaluated.

References are followed, so that no mention in the configuration is missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import Node, strings_in
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.expression_search import ExpressionSearch, SourceTexts
from passrole_checks.sources.terraform.policies.may_contain_policy import PolicyDetector
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Call

AWS_MANAGED = ":iam::aws:policy/"
_MARK = AWS_MANAGED.encode()
_LOOP_VARIABLE = lazy_regex(rb"\b(?:each|count)\b")
_NAME = lazy_regex(
    rb"(?<![\w.-])(?P<data>data\s*\.\s*)?(?P<first>[A-Za-z_][\w-]*)\s*\.\s*(?P<second>[A-Za-z_][\w-]*)"
    rb"(?:\s*(?:\[[^\]]*\]\s*)?\.\s*(?P<third>[A-Za-z_][\w-]*))?"
)


class _ManagedPolicySearch(ExpressionSearch):
    """The search of one expression for AWS managed policies."""

    _key = ()
    _word = _MARK
    _known = by_identity(BoundedCache(10_000))

    def _is_in_text(self, text: str) -> bool:
        return AWS_MANAGED in text

    def _may_create(self, function: Call) -> bool:
        return False


class ManagedPolicyDetector(PolicyDetector):
    """The test for one configuration: that of documents, applied to the ARNs of AWS managed policies.

    Such an ARN is found where its constant part is written as a whole.
    """

    _search = _ManagedPolicySearch

    def __init__(self, texts: SourceTexts) -> None:
        super().__init__(texts)
        self._mentioned_anywhere: bool | None = None

    def may_mention(self, module: Module, block: Block, attribute: Attribute) -> bool:
        """True if the value of an argument of a ``module`` block may name an AWS managed policy."""
        if not skips_irrelevant():
            return True
        if self._mentioned_anywhere is None:
            self._mentioned_anywhere = _is_mentioned_anywhere(module)
        return self._mentioned_anywhere and self.may_contain(module, attribute, each=block.body.get("for_each"))

    def _is_in_value(self, node: Node) -> bool:
        return any(AWS_MANAGED in str(string) for string in strings_in(node))

    def _may_read(self, data_source: str) -> bool:
        return False


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
            if _LOOP_VARIABLE.search(attribute.source_bytes):
                yield cast("Module", scope.module), module.memoize_text(lambda: _known_text(scope.variables.values()))
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


def _known_text(values: Iterable[Node]) -> bytes:
    """Return the strings in values, without their unresolved parts."""
    return b"\0".join(str(string).encode() for value in values for string in strings_in(value))
