"""Static test: can this expression contain a policy document? Nothing is evaluated, except what functions create.

A document is an object with certain keys, or JSON, which contains quotes. An expression contains no document if no such
key and no quote is written in anything that it uses, and nothing there creates them. Functions that read files or
encode JSON may create them: the value of a local that calls one is evaluated. Where the answer is undecidable, it is
true.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from passrole_checks.iam.partial_values import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    nodes_in,
    strings_in,
)
from passrole_checks.sources.model.terraform_policy_attributes import ENTITIES
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, Reference, UnknownTail
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.expression_search import (
    KEYS,
    NAMED,
    NOTHING,
    POLICY_KEYS,
    UNKNOWN,
    ExpressionContents,
    ExpressionSearch,
    NamedReference,
    SourceTexts,
    Step,
    ValuePath,
    path_of,
    whole,
)
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Unparsed
from passrole_checks.sources.terraform.resources.data_sources import is_special

_NAMING_ATTRIBUTES = (
    "name",
    "name_prefix",
    "path",
    "bucket",
    "function_name",
    "input",
    "aws_service_name",
    "custom_suffix",
)
_MAX_DEPTH = 60  # followed references
_NO_VARIABLES: Mapping[str, Node] = {}


class PolicyDetector:
    """The test for one configuration, with a cache of the names that were followed.

    ``texts``: the source texts of the configuration.
    """

    _search: type[ExpressionSearch] = ExpressionSearch

    def __init__(self, texts: SourceTexts) -> None:
        self._texts = texts
        self._known: dict[tuple[str, NamedReference], bool] = {}

    def _is_in_value(self, node: Node) -> bool:
        """True if an evaluated value may contain a document."""
        return _value_may_contain(node)

    def _may_read(self, data_source: str) -> bool:
        """True if a data source of this type may contain a document that no argument contains."""
        return is_special(data_source)

    def candidate_arguments(self, module: Module, block: Block, left_out: frozenset[str]) -> list[Attribute]:
        """Return the arguments of a block that may contain a document, except those in ``left_out``."""
        each = block.body.get("for_each")
        return [
            attribute
            for attribute in block.body.attributes
            if attribute.name not in left_out
            and (not skips_irrelevant() or self.may_contain(module, attribute, each=each))
        ]

    def may_contain(
        self,
        module: Module,
        attribute: Attribute | None,
        path: ValuePath = (),
        depth: int = 0,
        *,
        each: Attribute | None = None,
        variables: Mapping[str, Node] = _NO_VARIABLES,
    ) -> bool:
        """True if the value of an attribute may contain a document.

        ``each``: the ``for_each`` of its block. ``variables``: values of the loop variables of an instance.
        """
        if attribute is None:
            return False
        contents = self._search.of_attribute(attribute, path, self._texts)
        return self._may_contain(module, contents, depth, each=each, variables=variables)

    def _may_contain(
        self,
        module: Module,
        contents: ExpressionContents,
        depth: int,
        *,
        each: Attribute | None = None,
        variables: Mapping[str, Node] = _NO_VARIABLES,
    ) -> bool:
        """True if an expression with these contents may contain a document."""
        if contents.is_found or contents.is_computed:
            return True
        for reference in contents.references:
            name = reference.name
            if name == "each" and each is not None:
                path = _path_in_each(path_of(reference.steps, reference.path))
                if self.may_contain(module, each, path, depth + 1):
                    return True
            elif name in variables:
                if self._test_value(variables[name], path_of(reference.steps, reference.path)):
                    return True
            elif self._test_reference(module, reference, depth + 1):
                return True
        return False

    def _test_value(self, value: Node, path: ValuePath) -> bool:
        """Test what an evaluated value contains at a path."""
        test = _may_be_policy_key if path[-1:] == NAMED else self._is_in_value
        return path == UNKNOWN or any(map(test, _values_at(value, path)))

    def _test_reference(self, module: Module, reference: NamedReference, depth: int) -> bool:
        key = module.address, reference
        known = self._known.get(key)
        if known is None:
            if depth > _MAX_DEPTH:
                return True
            self._known[key] = True  # ends the recursion of a value that refers to itself
            known = self._known[key] = self._follow(module, *reference, depth)
        return known

    def _follow(self, module: Module, name: str, steps: tuple[Step, ...], path: ValuePath, depth: int) -> bool:
        first = steps[0] if steps else None
        if not isinstance(first, str):
            return True
        if name == "var":
            return self._test_variable(module, first, depth, path)
        if name in ("local", "output"):
            return self._test_local_or_output(module, name, first, depth, path)
        if name == "module":
            return self._test_module(module, first, steps, depth, path)
        if path[-1:] == NAMED:
            return True
        if name == "data":
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, str) or self._may_read(first):
                return True
            return self._test_block(module, module.folder.data_source(first, second), first, steps[2:], depth, path)
        return self._test_block(module, module.folder.resource(name, first), name, steps[1:], depth, path)

    def _test_module(self, module: Module, name: str, steps: tuple[Step, ...], depth: int, path: ValuePath) -> bool:
        """Test an output of a child module; each output if the module is used as an object."""
        block = module.folder.modules.get(name)
        children = module.children(block) if block is not None else None
        if block is None or children is None:
            return False  # the module is missing: its outputs are unresolved
        place = next((place for place, step in enumerate(steps) if place and isinstance(step, str)), None)
        if place is None and len(steps) == 1 and path and not _is_counted(block):
            steps, path, place = (*steps, path[0] or ""), path[1:], 1
        output = steps[place] if place is not None else None
        if place is None or not isinstance(output, str) or not output or output.startswith("\0"):
            return True
        inner = path_of(steps[place + 1 :], path) if None not in steps[:place] else whole(path)
        reference = NamedReference("output", (output,), inner)
        return any(self._test_reference(child, reference, depth) for child in children.values())

    def _test_variable(self, module: Module, name: str, depth: int, path: ValuePath) -> bool:
        block = module.folder.variables.get(name)
        if not module.address:
            module.run.variables_read.add(name)
        if name in module.arguments:
            attribute, scope = module.arguments[name]
            if self.may_contain(cast("Module", scope.module), attribute, path, depth, variables=scope.variables):
                return True
        elif not module.address and name in module.run.evaluated:
            return True
        elif not module.address and name in module.run.values:
            given = module.run.values[name].value
            contents = self._search().contents_of(given, path) if not isinstance(given, Unparsed) else NOTHING
            if contents.is_found or contents.is_computed:  # no names are visible in a file of values
                return True
        if block is None:
            return False
        return self._may_contain(module, self._search.of_variable(block, path, self._texts), depth)

    def _test_local_or_output(self, module: Module, kind: str, name: str, depth: int, path: ValuePath) -> bool:
        if kind == "local":
            attribute = module.folder.locals.get(name)
        else:
            block = module.folder.outputs.get(name)
            attribute = block.body.get("value") if block is not None else None
        if attribute is None:
            return False
        contents = self._search.of_attribute(attribute, path, self._texts)
        if not contents.is_computed:
            return self._may_contain(module, contents, depth)
        at = module.scope(attribute.source).position(attribute.span)
        value = module.local(name, at) if kind == "local" else module.output(name, f"{module.address}.{name}", at)
        return self._test_value(value, path)

    def _test_block(
        self, module: Module, block: Block | None, type_: str, steps: tuple[Step, ...], depth: int, path: ValuePath
    ) -> bool:
        """Test the attribute of a resource or data source, and the attributes that form its ARN."""
        if block is None:
            return False
        name = next((step for step in steps if isinstance(step, str)), None)
        indexes = int(_is_counted(block))
        if name is None and None not in steps and len(steps) <= indexes:  # an expression around it takes the attribute
            name = next(iter(path[indexes - len(steps) :]), None)
        elif name is not steps[0] and not indexes:
            return True
        if name is None or name.startswith("\0"):
            return True
        each = block.body.get("for_each")
        names = {name, *_NAMING_ATTRIBUTES, *((ENTITIES[type_].name,) if type_ in ENTITIES else ())}
        return any(self.may_contain(module, block.body.get(own), (), depth, each=each) for own in names)


def _path_in_each(path: ValuePath) -> ValuePath:
    """Return the path in the value of ``for_each`` that a path in ``each`` leads to."""
    if path[:1] == ("key",):
        return (*KEYS, *path[1:])
    return (None, *path[1:]) if path[:1] == ("value",) else whole(path)


def _is_counted(block: Block) -> bool:
    return block.body.get("count") is not None or block.body.get("for_each") is not None


def _may_be_policy_key(node: Node) -> bool:
    """True if an evaluated value may be a key of policies."""
    return any(text.literal in POLICY_KEYS or '"' in str(text) for text in strings_in(node))


def _values_at(node: Node, path: ValuePath) -> Iterator[Node]:
    """Yield the parts of an evaluated value that a path leads to, or values that contain them."""
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _values_at(option, path)
    elif not path or path == NAMED:
        yield node
    elif isinstance(node, ObjectNode):
        for entry in node.entries:
            if path[:1] == KEYS:
                yield entry.key
            elif path[0] is None or entry.key.literal in (path[0], None):
                yield from _values_at(entry.value, path[1:])
    elif isinstance(node, ListNode) and path[0] is None:
        for item in node.items:
            yield from _values_at(item, path[1:])
    else:
        yield node


def _value_may_contain(node: Node) -> bool:
    """True if an evaluated value may contain a document."""
    for current in nodes_in(node):
        if isinstance(current, ObjectNode):
            # other keys that may exist are never those of a document that is found
            keys = [entry.key.literal for entry in current.entries if not isinstance(entry.key, UnknownTail)]
            if any(key is None or key in POLICY_KEYS or '"' in key for key in keys):
                return True
        elif isinstance(current, StringNode) and not isinstance(current, (Encoded, Reference)):
            if isinstance(current, UnknownTail) and current.of is not None:
                return True
            if any('"' in part for part in current.parts if isinstance(part, str)):
                return True
        elif not isinstance(current, (ListNode, Choice, Const)):
            return True
    return False
