"""Static test: can this expression contain a policy document? Nothing is evaluated.

A document is an object with certain keys, or JSON, which contains quotes. An expression contains no document if no such
key and no quote is written in anything that it uses, and nothing there creates them. Functions that read files or
encode JSON may create them. Where the answer is undecidable, it is true.
"""

from __future__ import annotations

import re
from typing import cast

from passrole_checks.iam.partial_values import Choice, Const, ListNode, Node, ObjectNode, StringNode, nodes_in
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
_PLAIN_FORMAT = re.compile(r'(?:[^%"]|%[-+0-9.]*[sd]|%%)*')  # other verbs create JSON or quotes
# source text without any of these has no reference, call, quote or key of policies
_SUSPICIOUS = re.compile(
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


class PolicyDetector:
    """The test for one configuration, with a cache of its variables, locals and outputs."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], bool] = {}

    def may_contain(
        self, expression: Expression, scope: EvaluationScope, bound: frozenset[str] = frozenset(), depth: int = 0
    ) -> bool:
        """True if the value of an expression may contain a document.

        ``bound`` are the variables of enclosing ``for`` expressions, which contain only what their collections do.
        """
        if depth > _MAX_DEPTH:
            return True

        def inside(*parts: Expression) -> bool:
            return any(self.may_contain(part, scope, bound, depth + 1) for part in parts)

        match expression:
            case Literal() | Unparsed() | Unary() | Binary():
                return False
            case TemplateExpression(parts):
                return any(self._test_part(part, scope, bound, depth) for part in parts)
            case Tuple(items):
                return inside(*items)
            case Object(items):
                return any(_is_policy_key(key) for key, _ in items) or inside(*(value for _, value in items))
            case Conditional(_, then, otherwise):
                return inside(then, otherwise)
            case For(key, value, collection, None, result):
                if self.may_contain(collection, scope, bound, depth + 1):
                    return True
                names = frozenset({value} if key is None else {key, value})
                return self.may_contain(result, scope, bound | names, depth + 1)
            case Call(name, arguments):
                return not (
                    name in _TRANSPARENT_FUNCTIONS or (name == "format" and _is_plain_format(arguments[:1]))
                ) or inside(*arguments)
            case Name() | GetAttribute() | Index() | Splat():
                return self._test_reference(expression, scope, bound, depth)
            case _:
                return True

    def candidate_arguments(self, module: Module, block: Block, left_out: frozenset[str]) -> list[Attribute]:
        """Return the arguments of a block that may contain a document, except those in ``left_out``."""
        each = block.body.get("for_each")
        return [
            attribute
            for attribute in block.body.attributes
            if attribute.name not in left_out
            and (not skips_irrelevant() or self._test_in_block(module, attribute, each, 0))
        ]

    def _test_part(self, part: TemplatePart, scope: EvaluationScope, bound: frozenset[str], depth: int) -> bool:
        if isinstance(part, Fragment):
            return '"' in part.value
        return not isinstance(part, Interpolation) or self.may_contain(part.expression, scope, bound, depth + 1)

    def _test_reference(
        self, expression: Expression, scope: EvaluationScope, bound: frozenset[str], depth: int
    ) -> bool:
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
            return self.may_contain(expression, scope, bound, depth + 1)
        name = expression.name
        if name in bound or name in _HARMLESS_NAMES:
            return False
        if name in scope.variables:
            return _value_may_contain(scope.variables[name])
        if scope.only_variables:
            return False
        return self._test_name(cast("Module", scope.module), name, steps[::-1], depth + 1)

    def _test_name(self, module: Module, name: str, steps: list[str | Expression], depth: int) -> bool:
        first = steps[0] if steps else None
        if not isinstance(first, str):
            return True
        if name in ("var", "local"):
            return self._cached(module, name, first, depth)
        if name == "module":
            output = next((step for step in steps[1:] if isinstance(step, str)), None)
            block = module.folder.modules.get(first)
            children = module.children(block) if block is not None else None
            if children is None:
                return False  # the module is missing: its outputs are unresolved
            return output is None or any(self._cached(child, "output", output, depth) for child in children.values())
        if name == "data":
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, str) or is_special(first):
                return True
            return self._test_block(module, module.folder.data_source(first, second), first, steps[2:], depth)
        return self._test_block(module, module.folder.resource(name, first), name, steps[1:], depth)

    def _cached(self, module: Module, kind: str, name: str, depth: int) -> bool:
        key = (module.address, kind, name)
        known = self._known.get(key)
        if known is None:
            self._known[key] = True  # ends the recursion of a value that refers to itself
            find = {"var": self._test_variable, "local": self._test_local, "output": self._test_output}[kind]
            known = self._known[key] = find(module, name, depth)
        return known

    def _test_variable(self, module: Module, name: str, depth: int) -> bool:
        block = module.folder.variables.get(name)
        if not module.address:
            module.run.variables_read.add(name)
        if name in module.arguments:
            attribute, scope = module.arguments[name]
            if self._test_attribute(attribute, scope.in_source(attribute.source), depth):
                return True
        elif not module.address and name in module.run.values:
            return True
        if block is None:
            return False
        type_ = block.body.get("type")
        if type_ is not None and _SUSPICIOUS.search(type_.source_bytes) and _has_policy_keys(type_.value):
            return True
        return self._test_value(module, block.body.get("default"), depth)

    def _test_local(self, module: Module, name: str, depth: int) -> bool:
        return self._test_value(module, module.folder.locals.get(name), depth)

    def _test_output(self, module: Module, name: str, depth: int) -> bool:
        block = module.folder.outputs.get(name)
        return block is not None and self._test_value(module, block.body.get("value"), depth)

    def _test_value(self, module: Module, attribute: Attribute | None, depth: int) -> bool:
        return attribute is not None and self._test_attribute(attribute, module.scope(attribute.source), depth)

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
            if self._test_in_block(module, block.body.get(attribute), each, depth):
                return True
        return False

    def _test_attribute(
        self, attribute: Attribute, scope: EvaluationScope, depth: int, bound: frozenset[str] = frozenset()
    ) -> bool:
        """Test an attribute, first by its source text alone."""
        if not _SUSPICIOUS.search(attribute.source_bytes):
            return False
        return self.may_contain(attribute.value, scope, bound, depth)

    def _test_in_block(self, module: Module, attribute: Attribute | None, each: Attribute | None, depth: int) -> bool:
        """Test an attribute in a block, in which ``each`` contains only what ``for_each`` does."""
        if attribute is None:
            return False
        if each is not None and self._test_value(module, each, depth):
            return True
        return self._test_attribute(attribute, module.scope(attribute.source), depth, frozenset({"each"}))


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


def _has_policy_keys(constraint: Expression) -> bool:
    """True if a type constraint has attributes that are keys of policies: optional defaults may create them."""
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
                if any(_is_policy_key(key) for key, _ in items):
                    return True
                pending.extend(value for _, value in items)
    return False


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
