"""Static search of one expression: what it contains by itself, and the names whose values it may contain.

The source text of an attribute decides both, wherever it is written. The answer is therefore remembered by the text:
modules are called many times, and folders contain copies of the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
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

# every document has the first key, every statement object one of the others
POLICY_KEYS = frozenset({"Statement", "Action", "NotAction", "actions", "not_actions"})
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
_HARMLESS_NAMES = frozenset({"path", "terraform", "count", "self"})  # names of values without documents
_MAX_DEPTH = 60  # nested expressions
_MAX_PATH = 12  # steps
# functions whose result has the elements of their arguments under the same keys, or with other indexes
_LIST_FUNCTIONS = frozenset({
    "compact", "concat", "distinct", "reverse", "setintersection", "setsubtract", "setunion", "slice", "sort", "tolist",
    "toset", "values",
})  # fmt: skip
_PASSING_FUNCTIONS = _LIST_FUNCTIONS | {
    "coalesce", "coalescelist", "element", "lookup", "merge", "nonsensitive", "one", "sensitive", "tomap", "try",
}  # fmt: skip
# an argument whose value is a name with attributes
_SIMPLE_REFERENCE = lazy_regex(rb"[\w-]+\s*=\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+)\s*")
_VERB = lazy_regex(r"%[-+0-9.]*[sd]")

ValuePath = tuple[str | None, ...]
KEYS: ValuePath = ("\0keys",)  # the step from an object to its keys
NAMED: ValuePath = ("\0named",)  # the last step of a path to a string that is tested for being a key of policies
UNKNOWN: ValuePath = ("\0unknown",)  # a path that was not followed
# a step of a reference: the name of an attribute, an index (its key, None if it is unknown), None for a splat
Step = str | tuple[str | None] | None


class NamedReference(NamedTuple):
    """A name, the steps after it, and the path that leads on from there. After ``var`` and ``local``, steps beyond the
    name of the variable or local are part of the path."""

    name: str
    steps: tuple[Step, ...]
    path: ValuePath


class ExpressionContents(NamedTuple):
    """Content of an expression: ``is_found`` if it contains by itself what is searched for, ``is_computed`` if the
    result of a function may; else the values of ``references`` may. ``is_parsed``: false if a part has no syntax."""

    is_found: bool = False
    is_computed: bool = False
    references: tuple[NamedReference, ...] = ()
    is_parsed: bool = True


NOTHING = ExpressionContents()
_FOUND = ExpressionContents(is_found=True)
_COMPUTED = ExpressionContents(is_computed=True)


class SourceTexts(dict[bytes, bool]):
    """Source texts of one configuration: false for those that contain no document, reference or call."""

    def __missing__(self, text: bytes) -> bool:
        answer = self[text] = _SUSPICIOUS.search(text) is not None
        return answer


@dataclass(frozen=True)
class _Binding:
    """Origin of a loop variable: an element of ``collection``, or a key (``is_key``)."""

    collection: Expression
    bound: Mapping[str, _Binding]
    is_key: bool = False


_NOT_BOUND: Mapping[str, _Binding] = {}
_MAX_REMEMBERED = 4_000  # bytes of a text


class ExpressionSearch:
    """The search of one expression for policy documents.

    A ``path`` leads to the part of a value that is searched: names of attributes, None for any element.
    """

    _key: ValuePath = NAMED  # what is tested of the keys of objects
    _word = b"Statement"  # an attribute whose source text contains it is searched
    _known: dict[tuple[bytes, ValuePath, bool], ExpressionContents] = by_identity(BoundedCache(10_000))

    def __init__(self) -> None:
        self._is_computed = False
        self._is_broken = False
        self._references: dict[NamedReference, None] = {}

    @classmethod
    def of_attribute(
        cls, attribute: Attribute, path: ValuePath, texts: SourceTexts, *, is_type: bool = False
    ) -> ExpressionContents:
        """Return what the value of an attribute contains at a path. ``is_type``: it is a type constraint."""
        text = attribute.source_bytes
        key = text, path, is_type
        contents = cls._known.get(key)
        if contents is None:
            contents = NOTHING
            simple = _SIMPLE_REFERENCE.fullmatch(text)
            if simple is not None and not is_type:
                name, *steps = simple[1].decode().split(".")
                contents = ExpressionContents(references=_references_to(name, tuple(steps), path))
            elif texts[text] or cls._word in text:
                contents = cls().contents_of(attribute.value, path, is_type=is_type)
            cls._remember(key, contents, attribute.source.file)
        return contents

    @classmethod
    def of_variable(cls, block: Block, path: ValuePath, texts: SourceTexts) -> ExpressionContents:
        """Return what the default and the type of an input variable contain at a path."""
        key = block.source_bytes or b"", path, False
        contents = cls._known.get(key)
        if contents is None:
            type_, default = block.body.get("type"), block.body.get("default")
            both = (
                cls.of_attribute(type_, path, texts, is_type=True) if type_ is not None else NOTHING,
                cls.of_attribute(default, path, texts) if default is not None else NOTHING,
            )
            contents = ExpressionContents(
                any(one.is_found for one in both),
                any(one.is_computed for one in both),
                (*both[0].references, *both[1].references),
                all(one.is_parsed for one in both),
            )
            cls._remember(key, contents, block.source.file)
        return contents

    @classmethod
    def _remember(cls, key: tuple[bytes, ValuePath, bool], contents: ExpressionContents, file: str) -> None:
        # in JSON, the place of a text decides what it is; what could not be parsed may be parsed elsewhere
        if 0 < len(key[0]) <= _MAX_REMEMBERED and contents.is_parsed and not file.endswith(".json"):
            cls._known[key] = contents

    def contents_of(self, expression: Expression, path: ValuePath, *, is_type: bool = False) -> ExpressionContents:
        """Return what the value of an expression contains at a path. ``is_type``: it is a type constraint."""
        search = self._search_type if is_type else self._search
        if search(expression, _NOT_BOUND, 0, path):
            return _FOUND
        if self._is_computed:
            return _COMPUTED
        if not self._references and not self._is_broken:
            return NOTHING
        return ExpressionContents(references=tuple(self._references), is_parsed=not self._is_broken)

    def _is_in_text(self, text: str) -> bool:
        """True if a string that contains this literal text may contain a document."""
        return '"' in text

    def _may_create(self, function: Call) -> bool:
        """True if the result of a function may contain a document that no argument contains."""
        is_plain = function.name == "format" and _is_plain_format(function.arguments[:1])
        return not is_plain and function.name not in _TRANSPARENT_FUNCTIONS

    def _search(self, expression: Expression, bound: Mapping[str, _Binding], depth: int, path: ValuePath) -> bool:
        """True if an expression contains by itself what is searched for. ``bound``: variables of loops around it."""
        if depth > _MAX_DEPTH or path == UNKNOWN:
            return True
        if path == NAMED and isinstance(expression, (Tuple, Object, For)):
            return False
        match expression:
            case Literal(value):
                return path == NAMED and value in POLICY_KEYS
            case Name() | GetAttribute() | Index() | Splat():
                return self._search_reference(expression, bound, depth, path)
            case TemplateExpression(parts):
                if path == NAMED and not _may_match_policy_key(parts):
                    path = ()
                return any(self._search_part(part, bound, depth, path) for part in parts)
            case Object(items):
                return self._search_object(items, bound, depth, path)
            case Call():
                return self._search_call(expression, bound, depth, path)
            case Tuple(items):
                return self._search_all(items, bound, depth, path[1:])  # the keys of a set are its elements
            case Conditional(_, then, otherwise):
                return self._search_all((then, otherwise), bound, depth, path)
            case For():
                return self._search_loop(expression, bound, depth, path)
            case Unary() | Binary():
                return False
            case Unparsed():
                self._is_broken = True
                return False
            case _:
                return True

    def _search_all(
        self, parts: Iterable[Expression], bound: Mapping[str, _Binding], depth: int, path: ValuePath
    ) -> bool:
        return any(self._search(part, bound, depth + 1, path) for part in parts)

    def _search_part(self, part: TemplatePart, bound: Mapping[str, _Binding], depth: int, path: ValuePath) -> bool:
        if isinstance(part, Fragment):
            return self._is_in_text(part.value) or (path == NAMED and part.value in POLICY_KEYS)
        return not isinstance(part, Interpolation) or self._search(part.expression, bound, depth + 1, path)

    def _search_object(
        self,
        items: tuple[tuple[Expression, Expression], ...],
        bound: Mapping[str, _Binding],
        depth: int,
        path: ValuePath,
    ) -> bool:
        if path[:1] == KEYS:
            return any(self._search(key, bound, depth + 1, path[1:]) for key, _ in items)
        if not path:
            keys = (key for key, _ in items if type(key) is not Literal or key.value in POLICY_KEYS)
            if any(self._search(key, bound, depth + 1, self._key) for key in keys):
                return True
        return self._search_all(_values_at(items, path), bound, depth, path[1:])

    def _search_loop(self, loop: For, bound: Mapping[str, _Binding], depth: int, path: ValuePath) -> bool:
        inner = dict(bound)
        binding = _Binding(loop.collection, bound)
        inner[loop.value] = binding
        if loop.key is not None:
            inner[loop.key] = replace(binding, is_key=True)
        if loop.result_key is not None and (not path or path[:1] == KEYS):
            if self._search(loop.result_key, inner, depth + 1, path[1:] or (() if path else self._key)):
                return True
            if path:
                return False
        inside = path[1:]
        if loop.grouping:
            inside = inside[1:]
        return self._search(loop.result, inner, depth + 1, inside)

    def _search_call(self, call: Call, bound: Mapping[str, _Binding], depth: int, path: ValuePath) -> bool:
        name, arguments = call.name, call.arguments
        if self._may_create(call):
            self._is_computed = True
            return False
        if name == "format":
            path = () if path != NAMED or not _may_format_policy_key(arguments[0]) else UNKNOWN
        if name == "keys":
            path = (*KEYS, *path[1:])
        elif call.expand or name not in _PASSING_FUNCTIONS:
            return self._search_all(arguments, bound, depth, whole(path))
        tests = [(argument, path) for argument in arguments]
        if name in _LIST_FUNCTIONS and path:
            tests = [(argument, (None, *path[1:])) for argument in arguments]
        elif name in ("element", "one"):
            tests = [(arguments[0], (None, *path))] if arguments else []
        elif name == "lookup" and len(arguments) > 1:
            tests = [(arguments[0], (literal_key(arguments[1]), *path)), *((one, path) for one in arguments[2:])]
        return any(self._search(argument, bound, depth + 1, inner) for argument, inner in tests)

    def _search_reference(
        self, expression: Expression, bound: Mapping[str, _Binding], depth: int, path: ValuePath
    ) -> bool:
        reversed_steps: list[Step] = []
        while isinstance(expression, (GetAttribute, Index, Splat)):
            if isinstance(expression, GetAttribute):
                reversed_steps.append(expression.name)
            elif isinstance(expression, Index):
                reversed_steps.append((literal_key(expression.key),))
            else:
                each = (step if isinstance(step, str) else (literal_key(step),) for step in reversed(expression.each))
                reversed_steps.extend(each)
                reversed_steps.append(None)
            expression = expression.target
        steps = tuple(reversed(reversed_steps))
        if not isinstance(expression, Name):
            return self._search(expression, bound, depth + 1, path_of(steps, path))
        name = expression.name
        if name in bound:
            binding = bound[name]
            path = (*(KEYS if binding.is_key else (None,)), *path_of(steps, path))
            return self._search(binding.collection, binding.bound, depth + 1, path)
        for reference in _references_to(name, steps, path):
            self._references[reference] = None
        return False

    def _search_type(self, constraint: Expression, bound: Mapping[str, _Binding], depth: int, path: ValuePath) -> bool:
        """True if a type constraint has attributes that are keys of policies, which optional ones may create, or a
        default that may contain a document."""
        if depth > _MAX_DEPTH:
            return True
        match constraint:
            case Call("optional", (inner, *defaults)):
                return self._search_all(defaults, bound, depth, path) or self._search_type(
                    inner, bound, depth + 1, path
                )
            case Call("object", (Object(items),)):
                if not path or path[:1] == KEYS:
                    if path != KEYS and any(_is_policy_key(key) for key, _ in items):
                        return self._key == NAMED
                    if path:
                        return False
                types = _values_at(items, path)
            case Call("tuple", (Tuple(items),)):
                types = list(items)
            case Call(_, (inner,)) if path[:1] != KEYS:
                types = [inner]
            case _:
                return False
        return any(self._search_type(type_, bound, depth + 1, path[1:]) for type_ in types)


def _references_to(name: str, steps: tuple[Step, ...], path: ValuePath) -> tuple[NamedReference, ...]:
    """Return the reference by a name; none if its value contains nothing."""
    if name in ("var", "local") and steps and isinstance(steps[0], str):
        return (NamedReference(name, steps[:1], path_of(steps[1:], path)),)
    return (NamedReference(name, steps, path),) if name not in _HARMLESS_NAMES else ()


def path_of(steps: Sequence[Step], path: ValuePath) -> ValuePath:
    """Return the path through the steps of a reference, as far as it is known, and on through ``path``."""
    before: list[str | None] = []
    for step in steps:
        if step is None:
            return (*before[:_MAX_PATH],) if path[-1:] != NAMED else UNKNOWN
        before.append(step if isinstance(step, str) else step[0])
    joined = (*before, *path)
    if len(joined) <= _MAX_PATH or path == UNKNOWN:
        return joined
    return UNKNOWN if path[-1:] == NAMED else joined[:_MAX_PATH]


def whole(path: ValuePath) -> ValuePath:
    """Return the path to a value of which ``path`` cannot be followed."""
    return UNKNOWN if path[-1:] in (NAMED, UNKNOWN) else ()


def literal_key(key: Expression) -> str | None:
    """Return the text of a key or index, None if it is computed or a number."""
    if isinstance(key, Literal):
        return key.value if isinstance(key.value, str) else None
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Fragment):
        return key.parts[0].value
    return None


def _values_at(items: Sequence[tuple[Expression, Expression]], path: ValuePath) -> list[Expression]:
    """Return the values of an object that a path may lead to."""
    name = path[0] if path else None
    if name is None:
        return [value for _, value in items]
    return [
        value
        for key, value in items
        if (key.value == name if type(key) is Literal and type(key.value) is str else literal_key(key) in (name, None))
    ]


def _may_match_policy_key(parts: tuple[TemplatePart, ...]) -> bool:
    """True if a template may be a key of policies, by its literal text."""
    pattern = "".join(re.escape(part.value) if isinstance(part, Fragment) else ".*" for part in parts)
    return any(re.fullmatch(pattern, key, re.DOTALL) for key in POLICY_KEYS)


def _may_format_policy_key(written: Expression) -> bool:
    """True if a format string may result in a key of policies."""
    text = literal_key(written) or "%s"
    pattern = ".*".join(re.escape(part) for part in _VERB.split(text))
    return any(re.fullmatch(pattern, key, re.DOTALL) for key in POLICY_KEYS)


def _is_plain_format(arguments: tuple[Expression, ...]) -> bool:
    """True if a format string creates no quotes."""
    match arguments:
        case (TemplateExpression((Fragment(value),)),):
            return _PLAIN_FORMAT.fullmatch(value) is not None
    return False


def _is_policy_key(key: Expression) -> bool:
    """True if the key of an object is a key of policies, or may be one."""
    if isinstance(key, Literal):
        return key.value in POLICY_KEYS
    if isinstance(key, TemplateExpression) and len(key.parts) == 1 and isinstance(key.parts[0], Fragment):
        return key.parts[0].value in POLICY_KEYS or '"' in key.parts[0].value
    return True
