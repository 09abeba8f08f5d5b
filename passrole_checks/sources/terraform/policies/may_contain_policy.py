"""Static test: can this expression contain a policy document? Nothing is evaluated.

A document is an object with certain keys, or JSON, which contains quotes. An expression contains no document if no such
key and no quote is written in anything that it uses, and nothing there creates them. Functions that read files or
encode JSON may create them. Where the answer is undecidable, it is true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
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
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, Reference
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Binary,
    Block,
    Call,
    Conditional,
    Expression,
    For,
    Fragment,
    GetAttribute,
    Index,
    Interpolation,
    Literal,
    Name,
    Object,
    Splat,
    TemplateExpression,
    TemplatePart,
    Tuple,
    Unary,
    Unparsed,
)
from passrole_checks.sources.terraform.resources.data_sources import is_special

# every document has the first key, every statement object one of the others
_POLICY_KEYS = frozenset({"Statement", "Action", "NotAction", "actions", "not_actions"})
# functions whose result contains no quote and no object key that their arguments do not contain
_TRANSPARENT_FUNCTIONS = frozenset({
    "abs", "alltrue", "anytrue", "basename", "can", "ceil", "chunklist", "cidrhost", "cidrnetmask", "cidrsubnet",
    "cidrsubnets", "coalesce", "coalescelist", "compact", "concat", "contains", "dirname", "distinct", "element",
    "endswith", "flatten", "floor", "index", "join", "keys", "length", "log", "lookup", "lower", "max", "md5", "merge",
    "min", "nonsensitive", "one", "parseint", "pow", "range", "replace", "reverse", "sensitive", "setintersection",
    "setsubtract", "setunion", "sha1", "sha256", "sha512", "signum", "slice", "sort", "split", "startswith", "substr",
    "sum", "timeadd", "timestamp", "title", "tobool", "tolist", "tomap", "tonumber", "toset", "tostring", "trim",
    "trimprefix", "trimspace", "trimsuffix", "try", "upper", "uuid", "values",
})  # fmt: skip
_PLAIN_FORMAT = lazy_regex(r'(?:[^%"]|%[-+0-9.]*[sd]|%%)*')  # other verbs create JSON or quotes
# source text without any of these has no reference, call, quote or key of policies
_SUSPICIOUS = lazy_regex(
    rb"Statement|Action|actions|<<|=>|\\|\$\{|%\{|\)\s*[=:]|[\w\])\x80-\xff]\s*\.\s*[^\d\s]"
    rb"|(?<!list)(?<!set)(?<!map)(?<!object)(?<!tuple)(?<!optional)\("
)
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
_HARMLESS_NAMES = frozenset({"path", "terraform", "count", "self"})  # names of values without documents
_MAX_DEPTH = 60  # nested expressions and followed references
_MAX_PATH = 12  # steps
# functions whose result has the elements of their arguments under the same keys, or with other indexes
_LIST_FUNCTIONS = frozenset({
    "compact", "concat", "distinct", "reverse", "setintersection", "setsubtract", "setunion", "slice", "sort", "tolist",
    "toset", "values",
})  # fmt: skip
_PASSING_FUNCTIONS = _LIST_FUNCTIONS | {
    "coalesce", "coalescelist", "element", "lookup", "merge", "nonsensitive", "one", "sensitive", "tomap", "try",
}  # fmt: skip
_Path = tuple[str | None, ...]
_KEYS: _Path = ("\0keys",)  # the step from an object to its keys
_NAMED: _Path = ("\0named",)  # the last step of a path to a string that is tested for being a key of policies
_UNKNOWN: _Path = ("\0unknown",)  # a path that was not followed
_VERB = lazy_regex(r"%[-+0-9.]*[sd]")


@dataclass(frozen=True)
class _Binding:
    """Origin of a loop variable: an element of ``collection``, a key (``is_key``), an object of both (``is_each``)."""

    collection: Expression
    scope: EvaluationScope
    bound: Mapping[str, _Binding]
    is_key: bool = False
    is_each: bool = False


_NOT_BOUND: Mapping[str, _Binding] = {}


class PolicyDetector:
    """The test for one configuration, with a cache of its variables, locals and outputs.

    A ``path`` leads to the part of a value that is tested: names of attributes, None for any element.
    """

    _key: _Path = ("\0named",)  # what is tested of the keys of objects

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, _Path], bool] = {}

    def _is_in_text(self, text: str) -> bool:
        """True if a string that contains this literal text may contain a document."""
        return '"' in text

    def _is_in_source(self, source_text: bytes) -> bool:
        """True if an expression may contain a document, or refers to anything, by its source text."""
        return _SUSPICIOUS.search(source_text) is not None

    def _is_in_value(self, node: Node) -> bool:
        """True if an evaluated value may contain a document."""
        return _value_may_contain(node)

    def _may_create(self, function: Call) -> bool:
        """True if the result of a function may contain a document that no argument contains."""
        is_plain = function.name == "format" and _is_plain_format(function.arguments[:1])
        return not is_plain and function.name not in _TRANSPARENT_FUNCTIONS

    def _may_read(self, data_source: str) -> bool:
        """True if a data source of this type may contain a document that no argument contains."""
        return is_special(data_source)

    def may_contain(
        self,
        expression: Expression,
        scope: EvaluationScope,
        bound: Mapping[str, _Binding] = _NOT_BOUND,
        depth: int = 0,
        path: _Path = (),
    ) -> bool:
        """True if the value of an expression may contain a document. ``bound``: variables of loops around it."""
        if depth > _MAX_DEPTH or path == _UNKNOWN:
            return True
        if path == _NAMED and isinstance(expression, (Tuple, Object, For)):
            return False

        def inside(parts: Iterable[Expression], path: _Path = ()) -> bool:
            return any(self.may_contain(part, scope, bound, depth + 1, path) for part in parts)

        match expression:
            case Literal(value):
                return path == _NAMED and value in _POLICY_KEYS
            case Unparsed() | Unary() | Binary():
                return False
            case TemplateExpression(parts):
                if path == _NAMED and not _may_match_policy_key(parts):
                    path = ()
                return any(self._test_part(part, scope, bound, depth, path) for part in parts)
            case Tuple(items):
                return inside(items, path[1:])  # the keys of a set are its elements
            case Object(items):
                return self._test_object(items, scope, bound, depth, path)
            case Conditional(_, then, otherwise):
                return inside((then, otherwise), path)
            case For():
                return self._test_loop(expression, scope, bound, depth, path)
            case Call():
                return self._test_call(expression, scope, bound, depth, path)
            case Name() | GetAttribute() | Index() | Splat():
                return self._test_reference(expression, scope, bound, depth, path)
            case _:
                return True

    def candidate_arguments(self, module: Module, block: Block, left_out: frozenset[str]) -> list[Attribute]:
        """Return the arguments of a block that may contain a document, except those in ``left_out``."""
        each = block.body.get("for_each")
        return [
            attribute
            for attribute in block.body.attributes
            if attribute.name not in left_out
            and (not skips_irrelevant() or self.may_contain_in_block(module, attribute, each))
        ]

    def _test_part(
        self, part: TemplatePart, scope: EvaluationScope, bound: Mapping[str, _Binding], depth: int, path: _Path
    ) -> bool:
        if isinstance(part, Fragment):
            return self._is_in_text(part.value) or (path == _NAMED and part.value in _POLICY_KEYS)
        return not isinstance(part, Interpolation) or self.may_contain(part.expression, scope, bound, depth + 1, path)

    def _test_object(
        self,
        items: tuple[tuple[Expression, Expression], ...],
        scope: EvaluationScope,
        bound: Mapping[str, _Binding],
        depth: int,
        path: _Path,
    ) -> bool:
        if path[:1] == _KEYS:
            return any(self.may_contain(key, scope, bound, depth + 1, path[1:]) for key, _ in items)
        if not path and any(self.may_contain(key, scope, bound, depth + 1, self._key) for key, _ in items):
            return True
        name = path[0] if path else None
        return any(
            self.may_contain(value, scope, bound, depth + 1, path[1:])
            for key, value in items
            if name is None or _literal_key(key) in (name, None)
        )

    def _test_loop(
        self, loop: For, scope: EvaluationScope, bound: Mapping[str, _Binding], depth: int, path: _Path
    ) -> bool:
        inner = dict(bound)
        binding = _Binding(loop.collection, scope, bound)
        inner[loop.value] = binding
        if loop.key is not None:
            inner[loop.key] = replace(binding, is_key=True)
        if loop.result_key is not None and (not path or path[:1] == _KEYS):
            if self.may_contain(loop.result_key, scope, inner, depth + 1, path[1:] or (() if path else self._key)):
                return True
            if path:
                return False
        inside = path[1:]
        if loop.grouping:
            inside = inside[1:]
        return self.may_contain(loop.result, scope, inner, depth + 1, inside)

    def _test_call(
        self, call: Call, scope: EvaluationScope, bound: Mapping[str, _Binding], depth: int, path: _Path
    ) -> bool:
        name, arguments = call.name, call.arguments
        if self._may_create(call):
            return True
        if name == "format":
            path = () if path != _NAMED or not _may_format_policy_key(arguments[0]) else _UNKNOWN
        if name == "keys":
            path = (*_KEYS, *path[1:])
        elif call.expand or name not in _PASSING_FUNCTIONS:
            path = _whole(path)
            return any(self.may_contain(argument, scope, bound, depth + 1, path) for argument in arguments)
        tests = [(argument, path) for argument in arguments]
        if name in _LIST_FUNCTIONS and path:
            tests = [(argument, (None, *path[1:])) for argument in arguments]
        elif name in ("element", "one"):
            tests = [(arguments[0], (None, *path))] if arguments else []
        elif name == "lookup" and len(arguments) > 1:
            tests = [(arguments[0], (_literal_key(arguments[1]), *path)), *((one, path) for one in arguments[2:])]
        return any(self.may_contain(argument, scope, bound, depth + 1, inner) for argument, inner in tests)

    def _test_reference(
        self, expression: Expression, scope: EvaluationScope, bound: Mapping[str, _Binding], depth: int, path: _Path
    ) -> bool:
        steps: list[str | Expression] = []
        while isinstance(expression, (GetAttribute, Index, Splat)):
            if isinstance(expression, GetAttribute):
                steps.append(expression.name)
            elif isinstance(expression, Index):
                steps.append(expression.key)
            else:
                steps.extend(reversed(expression.each))
                steps.append(expression)  # what follows is not an attribute of the target
            expression = expression.target
        steps.reverse()
        if not isinstance(expression, Name):
            return self.may_contain(expression, scope, bound, depth + 1, _path_of(steps, path))
        name = expression.name
        if name in bound:
            return self._test_bound(bound[name], depth + 1, _path_of(steps, path))
        if name in _HARMLESS_NAMES:
            return False
        if name in scope.variables:
            path = _path_of(steps, path)
            test = _may_be_policy_key if path[-1:] == _NAMED else self._is_in_value
            return path == _UNKNOWN or any(map(test, _values_at(scope.variables[name], path)))
        if scope.only_variables:
            return False
        return self._test_name(cast("Module", scope.module), name, steps, depth + 1, path)

    def _test_bound(self, binding: _Binding, depth: int, path: _Path) -> bool:
        """Test a variable of a loop: an element of its collection, or a key."""
        if binding.is_each:
            if path[:1] not in (("key",), ("value",)):
                path = _whole(path)
            elif path[0] == "key":
                path = (*_KEYS, *path[1:])
            else:
                path = (None, *path[1:])
        else:
            path = (*(_KEYS if binding.is_key else (None,)), *path)
        return self.may_contain(binding.collection, binding.scope, binding.bound, depth, path)

    def _test_name(self, module: Module, name: str, steps: list[str | Expression], depth: int, path: _Path) -> bool:
        first = steps[0] if steps else None
        if not isinstance(first, str):
            return True
        if name in ("var", "local"):
            return self._cached(module, name, first, depth, _path_of(steps[1:], path))
        if name == "module":
            place = next((place for place, step in enumerate(steps) if place and isinstance(step, str)), None)
            block = module.folder.modules.get(first)
            children = module.children(block) if block is not None else None
            if children is None:
                return False  # the module is missing: its outputs are unresolved
            if place is None and len(steps) == 1 and path and block is not None and not _is_counted(block):
                steps, path, place = [*steps, path[0] or ""], path[1:], 1  # the module as an object
            if place is None or not steps[place] or str(steps[place]).startswith("\0"):
                return True
            splat = any(isinstance(step, Splat) for step in steps[:place])
            inner = _path_of(steps[place + 1 :], path) if not splat else _whole(path)
            output = str(steps[place])
            return any(self._cached(child, "output", output, depth, inner) for child in children.values())
        if path[-1:] == _NAMED:
            return True
        if name == "data":
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, str) or self._may_read(first):
                return True
            return self._test_block(module, module.folder.data_source(first, second), first, steps[2:], depth)
        return self._test_block(module, module.folder.resource(name, first), name, steps[1:], depth)

    def _cached(self, module: Module, kind: str, name: str, depth: int, path: _Path) -> bool:
        key = (module.address, kind, name, path)
        known = self._known.get(key)
        if known is None:
            self._known[key] = True  # ends the recursion of a value that refers to itself
            find = {"var": self._test_variable, "local": self._test_local, "output": self._test_output}[kind]
            known = self._known[key] = find(module, name, depth, path)
        return known

    def _test_variable(self, module: Module, name: str, depth: int, path: _Path) -> bool:
        block = module.folder.variables.get(name)
        if not module.address:
            module.run.variables_read.add(name)
        if name in module.arguments:
            attribute, scope = module.arguments[name]
            if self._test_attribute(attribute, scope.in_source(attribute.source), depth, path):
                return True
        elif not module.address and name in module.run.evaluated:
            return True
        elif not module.address and name in module.run.values:
            given = module.run.values[name]
            scope = replace(module.scope(given.source), only_variables=True)
            if not isinstance(given.value, Unparsed) and self.may_contain(given.value, scope, depth=depth, path=path):
                return True
        if block is None:
            return False
        type_ = block.body.get("type")
        if (
            type_ is not None
            and self._is_in_source(type_.source_bytes)
            and self._test_type(type_.value, module.scope(type_.source), depth, path)
        ):
            return True
        return self._test_value(module, block.body.get("default"), depth, path)

    def _test_type(self, constraint: Expression, scope: EvaluationScope, depth: int, path: _Path) -> bool:
        """True if a type constraint has attributes that are keys of policies, which optional ones may create, or a
        default that may contain a document."""
        if depth > _MAX_DEPTH:
            return True
        match constraint:
            case Call("optional", (inner, *defaults)):
                return any(self.may_contain(default, scope, depth=depth + 1, path=path) for default in defaults) or (
                    self._test_type(inner, scope, depth + 1, path)
                )
            case Call("object", (Object(items),)):
                if not path or path[:1] == _KEYS:
                    if path != _KEYS and any(_is_policy_key(key) for key, _ in items):
                        return self._key == _NAMED
                    if path:
                        return False
                name = path[0] if path else None
                types: Iterable[Expression] = (
                    type_ for key, type_ in items if name is None or _literal_key(key) in (name, None)
                )
            case Call("tuple", (Tuple(items),)):
                types = items
            case Call(_, (inner,)) if path[:1] != _KEYS:
                types = (inner,)
            case _:
                return False
        return any(self._test_type(type_, scope, depth + 1, path[1:]) for type_ in types)

    def _test_local(self, module: Module, name: str, depth: int, path: _Path) -> bool:
        return self._test_value(module, module.folder.locals.get(name), depth, path)

    def _test_output(self, module: Module, name: str, depth: int, path: _Path) -> bool:
        block = module.folder.outputs.get(name)
        return block is not None and self._test_value(module, block.body.get("value"), depth, path)

    def _test_value(self, module: Module, attribute: Attribute | None, depth: int, path: _Path = ()) -> bool:
        return attribute is not None and self._test_attribute(attribute, module.scope(attribute.source), depth, path)

    def _test_block(
        self, module: Module, block: Block | None, type_: str, steps: list[str | Expression], depth: int
    ) -> bool:
        """Test the attribute of a resource or data source, and the attributes that form its ARN."""
        if block is None:
            return False
        name = next((step for step in steps if isinstance(step, str)), None)
        each = block.body.get("for_each")
        if name is None or (steps[0] is not name and each is None and block.body.get("count") is None):
            return True
        for attribute in {name, *_NAMING_ATTRIBUTES, *((ENTITIES[type_].name,) if type_ in ENTITIES else ())}:
            if self.may_contain_in_block(module, block.body.get(attribute), each, depth):
                return True
        return False

    def _test_attribute(
        self,
        attribute: Attribute,
        scope: EvaluationScope,
        depth: int,
        path: _Path = (),
        bound: Mapping[str, _Binding] = _NOT_BOUND,
    ) -> bool:
        """Test an attribute, first by its source text alone."""
        if not self._is_in_source(attribute.source_bytes):
            return False
        return self.may_contain(attribute.value, scope, bound, depth, path)

    def may_contain_in_block(
        self, module: Module, attribute: Attribute | None, each: Attribute | None, depth: int = 0
    ) -> bool:
        """Test an attribute in a block, in which ``each`` is an element of ``for_each``."""
        if attribute is None:
            return False
        bound = _NOT_BOUND
        if each is not None:
            bound = {"each": _Binding(each.value, module.scope(each.source), _NOT_BOUND, is_each=True)}
        return self._test_attribute(attribute, module.scope(attribute.source), depth, (), bound)


def _is_counted(block: Block) -> bool:
    return block.body.get("count") is not None or block.body.get("for_each") is not None


def _path_of(steps: Sequence[str | Expression], path: _Path) -> _Path:
    """Return the path through the steps of a reference, as far as it is known, and on through ``path``."""
    before: list[str | None] = []
    for step in steps:
        if isinstance(step, Splat):
            return (*before[:_MAX_PATH],) if path[-1:] != _NAMED else _UNKNOWN
        before.append(step if isinstance(step, str) else _literal_key(step))
    whole = (*before, *path)
    return (
        whole if len(whole) <= _MAX_PATH or path == _UNKNOWN else _UNKNOWN if path[-1:] == _NAMED else whole[:_MAX_PATH]
    )


def _whole(path: _Path) -> _Path:
    """Return the path to a value of which ``path`` cannot be followed."""
    return _UNKNOWN if path[-1:] in (_NAMED, _UNKNOWN) else ()


def _may_match_policy_key(parts: tuple[TemplatePart, ...]) -> bool:
    """True if a template may be a key of policies, by its literal text."""
    pattern = "".join(re.escape(part.value) if isinstance(part, Fragment) else ".*" for part in parts)
    return any(re.fullmatch(pattern, key, re.DOTALL) for key in _POLICY_KEYS)


def _may_format_policy_key(written: Expression) -> bool:
    """True if a format string may result in a key of policies."""
    text = _literal_key(written) or "%s"
    pattern = ".*".join(re.escape(part) for part in _VERB.split(text))
    return any(re.fullmatch(pattern, key, re.DOTALL) for key in _POLICY_KEYS)


def _may_be_policy_key(node: Node) -> bool:
    """True if an evaluated value may be a key of policies."""
    return any(text.literal in _POLICY_KEYS or '"' in str(text) for text in strings_in(node))


def _literal_key(key: Expression) -> str | None:
    """Return the text of a key or index, None if it is computed or a number."""
    if isinstance(key, Literal):
        return key.value if isinstance(key.value, str) else None
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Fragment):
        return key.parts[0].value
    return None


def _values_at(node: Node, path: _Path) -> Iterator[Node]:
    """Yield the parts of an evaluated value that a path leads to, or values that contain them."""
    if isinstance(node, Choice):
        for _, option in node.options:
            yield from _values_at(option, path)
    elif not path or path == _NAMED:
        yield node
    elif isinstance(node, ObjectNode):
        for entry in node.entries:
            if path[:1] == _KEYS:
                yield entry.key
            elif path[0] is None or entry.key.literal in (path[0], None):
                yield from _values_at(entry.value, path[1:])
    elif isinstance(node, ListNode) and path[0] is None:
        for item in node.items:
            yield from _values_at(item, path[1:])
    else:
        yield node


def _is_plain_format(arguments: tuple[Expression, ...]) -> bool:
    """True if a format string creates no quotes."""
    match arguments:
        case (TemplateExpression((Fragment(value),)),):
            return _PLAIN_FORMAT.fullmatch(value) is not None
    return False


def _is_policy_key(key: Expression) -> bool:
    """True if the key of an object is a key of policies, or may be one."""
    if isinstance(key, Literal):
        return key.value in _POLICY_KEYS
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Fragment):
        return key.parts[0].value in _POLICY_KEYS or '"' in key.parts[0].value
    return True


def _value_may_contain(node: Node) -> bool:
    """True if an evaluated value may contain a document."""
    for current in nodes_in(node):
        if isinstance(current, ObjectNode):
            keys = [entry.key.literal for entry in current.entries]
            if any(key is None or key in _POLICY_KEYS or '"' in key for key in keys):
                return True
        elif isinstance(current, StringNode) and not isinstance(current, (Encoded, Reference)):
            if any('"' in part for part in current.parts if isinstance(part, str)):
                return True
        elif not isinstance(current, (ListNode, Choice, Const)):
            return True
    return False
