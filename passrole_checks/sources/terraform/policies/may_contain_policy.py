"""Whether a value may hold a policy document, told by what its expression and all that it refers to say: nothing is
evaluated.

A document is an object with certain keys, or a text of JSON, which holds quotes. Where neither such a key nor a quote
is written in anything that goes into a value, and nothing does that makes them (a file that is read, JSON that is
encoded), there is no document in it. What cannot be told may hold one.
"""

from __future__ import annotations

import re
from typing import cast

from passrole_checks.iam.partial_values import Choice, Const, ListNode, Node, ObjectNode, StringNode
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

# every document has the first one, every statement that is written as an object one of the others
_KEYS = frozenset({"Statement", "Action", "NotAction", "actions", "not_actions"})
# functions whose value holds no quote and no key that their arguments do not hold
_PLAIN = frozenset({
    "abs", "alltrue", "anytrue", "basename", "can", "ceil", "chunklist", "cidrhost", "cidrnetmask", "cidrsubnet",
    "cidrsubnets", "coalesce", "coalescelist", "compact", "concat", "contains", "dirname", "distinct", "element",
    "endswith", "flatten", "floor", "index", "join", "keys", "length", "log", "lookup", "lower", "max", "md5", "merge",
    "min", "nonsensitive", "one", "parseint", "pow", "range", "replace", "reverse", "sensitive", "setintersection",
    "setsubtract", "setunion", "sha1", "sha256", "sha512", "signum", "slice", "sort", "split", "startswith", "substr",
    "sum", "timeadd", "timestamp", "title", "tobool", "tolist", "tomap", "tonumber", "toset", "tostring", "trim",
    "trimprefix", "trimspace", "trimsuffix", "try", "upper", "uuid", "values",
})  # fmt: skip
_FORMAT = re.compile(r'(?:[^%"]|%[-+0-9.]*[sd]|%%)*')  # other verbs write JSON, or quotes
# a value without any of these refers to nothing, calls nothing, and holds no quote and no key that matters
_SUSPICIOUS = re.compile(
    rb"Statement|Action|actions|<<|=>|\\|\$\{|%\{|\)\s*[=:]|[\w\])\x80-\xff]\s*\.\s*[^\d\s]"
    rb"|(?<!list)(?<!set)(?<!map)(?<!object)(?<!tuple)(?<!optional)\("
)
_NAMING = ("name", "name_prefix", "path", "bucket", "function_name", "input", "aws_service_name", "custom_suffix")
_WITHOUT = frozenset({"path", "terraform", "count", "self"})  # names of values that hold neither
_DEPTH = 60  # expressions inside expressions, references followed


class Bearing:
    """What is known of the variables, locals and outputs of one configuration."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], bool] = {}

    def may(
        self, expression: Expression, scope: EvaluationScope, bound: frozenset[str] = frozenset(), depth: int = 0
    ) -> bool:
        """Whether the value of an expression may hold a document. ``bound`` are the variables of a ``for`` around it,
        which hold what its collection does."""
        if depth > _DEPTH:
            return True

        def inside(*parts: Expression) -> bool:
            return any(self.may(part, scope, bound, depth + 1) for part in parts)

        match expression:
            case Literal() | Unparsed() | Unary() | Binary():
                return False
            case TemplateExpression(parts):
                return any(self._part(part, scope, bound, depth) for part in parts)
            case Tuple(items):
                return inside(*items)
            case Object(items):
                return any(_is_key(key) for key, _ in items) or inside(*(value for _, value in items))
            case Conditional(_, then, otherwise):
                return inside(then, otherwise)
            case For(key, value, collection, None, result):
                if self.may(collection, scope, bound, depth + 1):
                    return True
                names = frozenset({value} if key is None else {key, value})
                return self.may(result, scope, bound | names, depth + 1)
            case Call(name, arguments):
                return not (name in _PLAIN or (name == "format" and _is_plain(arguments[:1]))) or inside(*arguments)
            case Name() | GetAttribute() | Index() | Splat():
                return self._reference(expression, scope, bound, depth)
            case _:
                return True

    def arguments(self, module: Module, block: Block, left_out: frozenset[str]) -> list[Attribute]:
        """The arguments of a ``module`` block that may hold a document, but for those that are ``left_out``."""
        each = block.body.get("for_each")
        return [
            attribute
            for attribute in block.body.attributes
            if attribute.name not in left_out
            and (not skips_irrelevant() or self._value_of_instances(module, attribute, each, 0))
        ]

    def _part(self, part: TemplatePart, scope: EvaluationScope, bound: frozenset[str], depth: int) -> bool:
        if isinstance(part, Fragment):
            return '"' in part.value
        return not isinstance(part, Interpolation) or self.may(part.expression, scope, bound, depth + 1)

    def _reference(self, expression: Expression, scope: EvaluationScope, bound: frozenset[str], depth: int) -> bool:
        steps: list[str | Expression] = []
        while isinstance(expression, (GetAttribute, Index, Splat)):
            if isinstance(expression, GetAttribute):
                steps.append(expression.name)
            elif isinstance(expression, Index):
                steps.append(expression.key)
            else:
                steps.extend(reversed(expression.each))
            expression = expression.target
        if not isinstance(expression, Name):
            return self.may(expression, scope, bound, depth + 1)
        name = expression.name
        if name in bound or name in _WITHOUT:
            return False
        if name in scope.variables:
            return _holds(scope.variables[name])
        if scope.only_variables:
            return False
        return self._named(cast("Module", scope.module), name, steps[::-1], depth + 1)

    def _named(self, module: Module, name: str, steps: list[str | Expression], depth: int) -> bool:
        first = steps[0] if steps else None
        if not isinstance(first, str):
            return True
        if name in ("var", "local"):
            return self._remembered(module, name, first, depth)
        if name == "module":
            output = next((step for step in steps[1:] if isinstance(step, str)), None)
            block = module.folder.modules.get(first)
            children = module.children(block) if block is not None else None
            if children is None:
                return False  # it is not here: a hole
            return output is None or any(
                self._remembered(child, "output", output, depth) for child in children.values()
            )
        if name == "data":
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, str) or is_special(first):
                return True
            return self._attribute(module, module.folder.data_source(first, second), first, steps[2:], depth)
        return self._attribute(module, module.folder.resource(name, first), name, steps[1:], depth)

    def _remembered(self, module: Module, kind: str, name: str, depth: int) -> bool:
        key = (module.address, kind, name)
        known = self._known.get(key)
        if known is None:
            self._known[key] = True  # while it is looked at: what refers to itself
            find = {"var": self._variable, "local": self._local, "output": self._output}[kind]
            known = self._known[key] = find(module, name, depth)
        return known

    def _variable(self, module: Module, name: str, depth: int) -> bool:
        block = module.folder.variables.get(name)
        if name in module.arguments:
            attribute, scope = module.arguments[name]
            if self._written(attribute, scope.in_source(attribute.source), depth):
                return True
        elif not module.address and name in module.run.values:
            return True
        if block is None:
            return False
        type_ = block.body.get("type")
        if type_ is not None and _SUSPICIOUS.search(bytes_of(type_)) and _has_keys(type_.value):
            return True
        return self._value(module, block.body.get("default"), depth)

    def _local(self, module: Module, name: str, depth: int) -> bool:
        return self._value(module, module.folder.locals.get(name), depth)

    def _output(self, module: Module, name: str, depth: int) -> bool:
        block = module.folder.outputs.get(name)
        return block is not None and self._value(module, block.body.get("value"), depth)

    def _value(self, module: Module, attribute: Attribute | None, depth: int) -> bool:
        return attribute is not None and self._written(attribute, module.scope(attribute.source), depth)

    def _attribute(
        self, module: Module, block: Block | None, type_: str, steps: list[str | Expression], depth: int
    ) -> bool:
        """Of a resource or a data source: what is written there, and what a name that goes into an ARN is made of."""
        if block is None:
            return False
        name = next((step for step in steps if isinstance(step, str)), None)
        each = block.body.get("for_each")
        if name is None or (steps[0] is not name and each is None and block.body.get("count") is None):
            return True
        for one in {name, *_NAMING, *((ENTITIES[type_].name,) if type_ in ENTITIES else ())}:
            if self._value_of_instances(module, block.body.get(one), each, depth):
                return True
        return False

    def _written(
        self, attribute: Attribute, scope: EvaluationScope, depth: int, bound: frozenset[str] = frozenset()
    ) -> bool:
        """What is said of the value of an attribute; its words alone may say that there is nothing to see."""
        if not _SUSPICIOUS.search(bytes_of(attribute)):
            return False
        return self.may(attribute.value, scope, bound, depth)

    def _value_of_instances(
        self, module: Module, attribute: Attribute | None, each: Attribute | None, depth: int
    ) -> bool:
        """Within its block ``each`` holds what is in ``for_each``."""
        if attribute is None:
            return False
        if each is not None and self._value(module, each, depth):
            return True
        return self._written(attribute, module.scope(attribute.source), depth, frozenset({"each"}))


def bytes_of(attribute: Attribute) -> bytes:
    """An attribute as it is written."""
    source, span = attribute.source, attribute.span
    return source.data[source.offset(span.line, span.column) : source.offset(span.end_line, span.end_column)]


def _is_plain(arguments: tuple[Expression, ...]) -> bool:
    """Whether a format is a text that makes no quotes."""
    match arguments:
        case (TemplateExpression((Fragment(value),)),):
            return _FORMAT.fullmatch(value) is not None
    return False


def _is_key(key: Expression) -> bool:
    """Whether the key of an object is one that matters, or may be."""
    if isinstance(key, Literal):
        return key.value in _KEYS
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Fragment):
        return key.parts[0].value in _KEYS or '"' in key.parts[0].value
    return True


def _has_keys(constraint: Expression) -> bool:
    """Whether a type names attributes that matter: their defaults make them be there."""
    pending = [constraint]
    while pending:
        match pending.pop():
            case Call(name, arguments):
                if name == "optional" and len(arguments) > 1 and not isinstance(arguments[1], (Literal, Unary)):
                    return True
                pending.extend(arguments[:1])
            case Tuple(items):
                pending.extend(items)
            case Object(items):
                if any(_is_key(key) for key, _ in items):
                    return True
                pending.extend(value for _, value in items)
    return False


def _holds(node: Node) -> bool:
    """The same of a value."""
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, ObjectNode):
            for entry in current.entries:
                if entry.key.literal is None or entry.key.literal in _KEYS or '"' in entry.key.literal:
                    return True
                pending.append(entry.value)
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, Choice):
            pending.extend(option for _, option in current.options)
        elif isinstance(current, StringNode) and not isinstance(current, (Encoded, Reference)):
            if any('"' in part for part in current.parts if isinstance(part, str)):
                return True
        elif not isinstance(current, Const):
            return True
    return False
