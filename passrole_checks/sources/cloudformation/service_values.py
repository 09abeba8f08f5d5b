"""Resolve the variables in a service of the Serverless Framework, without running its programs.

Values come from the service itself (``self``), its parameters (``param``), local YAML and JSON files (``file``), and
from the default of an option or environment variable (``opt``, ``env``). A value looked up by such a variable, as in
``${self:custom.roles.${sls:stage}}`` or ``${file(config.${opt:stage}.yml):role}``, has one variant for each key or file
that exists: it becomes an ``Fn::If``. Everything else stays in its place as an unresolved value, with the reason.

Sources: Serverless Framework, "Variables", "Self-Reference Properties", "Reference YAML/JSON Files", "Reference CLI
Options", "Serverless Core Variables" (``sls:stage`` is ``${opt:stage, self:provider.stage, "dev"}``), "Parameters"
(precedence: ``--param``, the stage's, ``default``); its resolvers in ``packages/sf-core/src/lib/resolvers/providers``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path

import yaml

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.cloudformation.service_includes import Problem, ServiceIncludes
from passrole_checks.sources.cloudformation.service_variables import (
    Source,
    Text,
    Variable,
    has_variables,
    parse_variables,
    split_address,
)
from passrole_checks.sources.cloudformation.template import (
    SubstitutedScalar,
    Template,
    child,
    entries,
    if_node,
    intrinsic_call,
    same_content,
    scalar,
    text_node,
    with_content,
)

STAGE = "sls:stage"
MAX_VARIANTS = 20  # values of one variable
_MAX_NESTED_VARIANTS = 2
_MAX_LENGTH = 100_000  # characters of a text
_MAX_STEPS = 20_000  # variables evaluated
_MAX_DEPTH = 30  # values that refer to each other
_STANDARD = "tag:yaml.org,2002:"
_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}
_AT_DEPLOYMENT = "known at deployment only"

_Value = yaml.Node | Problem


@dataclass
class _Trace:
    """Options and values that one evaluation depends on.

    ``consulted``: options and environment variables that were looked up, ``defaults``: those without a value.
    ``keyed``: those that select a value, each with the values for which there is one.
    """

    consulted: dict[str, None] = field(default_factory=dict)
    defaults: dict[str, None] = field(default_factory=dict)
    keyed: dict[str, dict[str, None]] = field(default_factory=dict)


class ServiceValues:
    """The values of one service.

    ``folder``: where its files are; None if no file may be read. ``conditions``: the conditions of the variants, each
    with a variable and its value. ``notes``: nodes that are evaluated in part, with the reason.
    """

    def __init__(self, template: Template, folder: Path | None) -> None:
        self.root = template.root
        self.includes = ServiceIncludes(template, folder)
        self.conditions: dict[str, tuple[str, str]] = {}
        self.notes: list[tuple[yaml.Node, str]] = []
        self.skipped: list[tuple[yaml.Node, str]] = []
        self._problems: dict[int, tuple[yaml.Node, Problem]] = {}
        self._assumed: dict[str, str] = {}
        self._trace = _Trace()
        self._open: set[int] = set()
        self._resolved: dict[tuple[int, tuple[tuple[str, str], ...]], tuple[yaml.Node, yaml.Node]] = {}
        self._steps = self._depth = 0

    def reason(self, node: yaml.Node) -> str:
        """Return why a node is unresolved."""
        problem = self._problem(node)
        return problem.reason if problem is not None else _AT_DEPLOYMENT

    def shallow(self, node: yaml.Node | None) -> yaml.Node | None:
        """Return the value of a node, with the variables below it unresolved.

        For sections, which cannot have variants: that of the default is used, and a note names the others.
        """
        if not isinstance(node, yaml.ScalarNode) or not has_variables(node.value):
            return node
        result, trace = self._evaluate(node, deep=False)
        for name, values in trace.keyed.items():
            with self._tracing():
                used = self._text_of(self._stage()) if name == STAGE else None
            if self._is_missing(result) and values:
                used = next(iter(values))
                with self._assuming(name, used):
                    result = self.shallow(node) or result
            others = [value for value in values if value != used]
            if others:
                listed = ", ".join(others[:5]) + (", …" if len(others) > 5 else "")
                words = f"{name} = {used}" if used is not None else f"the default of {name}"
                self.notes.append((node, f"evaluated with {words} only, not with {listed}"))
        return result

    def skip(self, node: yaml.Node, reason: str = "") -> None:
        """Record a node that is not evaluated; by default, an unresolved variable."""
        if isinstance(node, yaml.ScalarNode) and not reason:
            reason = f"{node.value[:80]} is unresolved: {self.reason(node)}"
        self.skipped.append((node, reason))

    def skip_unresolved(self, node: yaml.Node | None) -> None:
        """Record a section that is a text, if it has variables."""
        if isinstance(node, yaml.ScalarNode) and has_variables(node.value):
            self.skip(node)

    def section(self, node: yaml.Node | None) -> yaml.Node | None:
        """Return a section, with the variables below it unresolved."""
        section = self.shallow(node)
        self.skip_unresolved(section)
        return section

    def parts(self, node: yaml.Node | None) -> Iterator[yaml.Node]:
        """Yield the parts of a section that are merged: the section itself, or each element of a list."""
        sections = map(self.section, node.value if isinstance(node, yaml.SequenceNode) else [node])
        yield from (section for section in sections if section is not None)

    def resolve(self, node: yaml.Node) -> yaml.Node:
        """Return a node with the variables in it resolved; the same node if there are none."""
        key = (id(node), tuple(sorted(self._assumed.items())))
        if key not in self._resolved:
            self._resolved[key] = (node, self._resolve(node))
        return self._resolved[key][1]

    def _resolve(self, node: yaml.Node) -> yaml.Node:
        if isinstance(node, yaml.ScalarNode):
            return self._with_variants(node) if has_variables(node.value) else node
        short = _short_form(node)
        if short is not None and has_variables(short.value):
            return self._with_variants(short)
        if id(node) in self._open:
            return node  # it contains itself
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return with_content(node, [self.resolve(item) for item in node.value])
            assert isinstance(node, yaml.MappingNode)
            return with_content(node, [(key, self.resolve(value)) for key, value in node.value])
        finally:
            self._open.discard(id(node))

    def _with_variants(self, node: yaml.ScalarNode) -> yaml.Node:
        """Return the value of a scalar: an ``Fn::If`` for each value of a variable that selects another value."""
        result, trace = self._evaluate(node)
        name, values = next(((name, values) for name, values in trace.keyed.items() if values), ("", {}))
        values = values if len(self._assumed) < _MAX_NESTED_VARIANTS else {}
        branches: list[tuple[str, yaml.Node]] = []
        for value in list(values)[:MAX_VARIANTS]:
            with self._assuming(name, value):
                other = self._with_variants(node)
            if not self._is_missing(other) and not same_content(other, result):
                branches.append((value, other))
        if len(values) > MAX_VARIANTS:
            self.notes.append((node, f"evaluated with {MAX_VARIANTS} values of {name} only"))
        if branches and self._is_missing(result):
            result = branches.pop()[1]
        if branches and isinstance(result, SubstitutedScalar):
            result.defaults = tuple(default for default in result.defaults if default != name)
        for value, other in reversed(branches):
            condition = f"{name} is {value}"
            self.conditions[condition] = (name, value)
            result = if_node(text_node(condition, node), other, result, node)
        return result

    def _problem(self, node: yaml.Node) -> Problem | None:
        entry = self._problems.get(id(node))
        return entry[1] if entry is not None else None

    def _is_missing(self, node: yaml.Node) -> bool:
        """True if a variable in a scalar refers to nothing."""
        problem = self._problem(node)
        return problem is not None and problem.missing

    @contextmanager
    def _assuming(self, name: str, value: str) -> Iterator[None]:
        self._assumed[name] = value
        try:
            yield
        finally:
            del self._assumed[name]

    @contextmanager
    def _tracing(self) -> Iterator[_Trace]:
        outer, self._trace = self._trace, _Trace()
        try:
            yield self._trace
        finally:
            self._trace = outer

    def _evaluate(self, node: yaml.ScalarNode, *, deep: bool = True) -> tuple[yaml.Node, _Trace]:
        """Return the value of a scalar with variables, and what it depends on."""
        with self._tracing() as trace:
            value = self._text(parse_variables(node.value))
        own_tag = node.tag if not node.tag.startswith(_STANDARD) else None  # !Sub "${self:custom.role}"
        if isinstance(value, Problem):
            result = _substituted(node, value.text, own_tag or f"{_STANDARD}str", trace)
            self._problems[id(result)] = (result, value)
            return result, trace
        if isinstance(value, yaml.ScalarNode):
            return _substituted(node, value.value, own_tag or value.tag, trace), trace
        if own_tag is not None:
            return node, trace
        return (self.resolve(value) if deep else value), trace

    def _text(self, parts: Text) -> _Value:
        """Return the value of a text: that of its only variable, else a string."""
        if len(parts) == 1 and isinstance(parts[0], Variable):
            return self._variable(parts[0])
        pieces: list[str] = []
        problem: Problem | None = None
        for part in parts:
            value: _Value = text_node(part, self.root) if isinstance(part, str) else self._variable(part)
            if isinstance(value, Problem):
                problem = problem or value
                pieces.append(value.text)
            elif (text := scalar(value)) is not None:
                pieces.append(text)
            else:
                assert isinstance(part, Variable)
                problem = problem or Problem("not a text", part.written)
                pieces.append(part.written)
        joined = "".join(pieces)
        if len(joined) > _MAX_LENGTH:
            return Problem("too long", "".join(part if isinstance(part, str) else part.written for part in parts))
        return replace(problem, text=joined) if problem is not None else text_node(joined, self.root)

    def _text_of(self, value: _Value) -> str | None:
        return None if isinstance(value, Problem) else scalar(value)

    def _variable(self, variable: Variable) -> _Value:
        """Return the value of a variable: of the first of its sources that has one."""
        deadline.check()
        self._steps += 1
        if self._steps > _MAX_STEPS or self._depth > _MAX_DEPTH:
            return Problem("too much to evaluate, or refers to itself", variable.written)
        self._depth += 1
        try:
            problem: Problem | None = None
            for alternative in variable.alternatives:
                if isinstance(alternative, str):
                    tag = {"true": "bool", "false": "bool", "null": "null"}.get(alternative, "str")
                    return yaml.ScalarNode(f"{_STANDARD}{tag}", alternative, *_at(self.root))
                value = self._source(alternative)
                if isinstance(value, yaml.ScalarNode) and has_variables(value.value):
                    value = self._text(parse_variables(value.value))
                if not isinstance(value, Problem):
                    return value
                problem = problem or replace(value, text=value.text or variable.written)
                if not value.missing:
                    return replace(value, text=value.text or variable.written)
            assert problem is not None
            return problem
        finally:
            self._depth -= 1

    def _source(self, source: Source) -> _Value:
        """Return the value of one source; its variables may be unresolved."""
        if source.name == "self":
            return self._at_address(self.root, source.address)
        if source.name == "":
            return self._text(source.address)
        if source.name == "file":
            return self._file(source)
        name = self._text_of(self._text(source.address or source.argument))
        if name is None or has_variables(name):
            return Problem(_AT_DEPLOYMENT)
        if source.name == "param":
            return self._parameter(name)
        if source.name == "strToBool":
            value = _BOOLEANS.get(name.lower())
            return yaml.ScalarNode(f"{_STANDARD}bool", value, *_at(self.root)) if value else Problem("no boolean")
        if source.name == "sls" and name == "stage":
            return self._stage()
        if source.name in ("opt", "env"):
            return self._option(STAGE if (source.name, name) == ("opt", "stage") else f"{source.name}:{name}")
        return Problem(_AT_DEPLOYMENT)

    def _option(self, name: str) -> _Value:
        """Return the assumed value of an option or environment variable."""
        self._trace.consulted[name] = None
        if name in self._assumed:
            return text_node(self._assumed[name], self.root)
        self._trace.defaults[name] = None
        return Problem(f"{name} has no default", missing=True)

    def _stage(self) -> _Value:
        stage = self._option(STAGE)
        if not isinstance(stage, Problem):
            return stage
        stage = child(self.root, "provider", "stage") or text_node("dev", self.root)
        return self._text(parse_variables(stage.value)) if isinstance(stage, yaml.ScalarNode) else Problem("no text")

    def _parameter(self, name: str) -> _Value:
        """Return the value of a parameter."""
        stages, older = entries(child(self.root, "stages")), entries(child(self.root, "params"))
        by_stage = {key.value: child(value, "params", name) for key, value in stages}
        by_stage = {
            **{key.value: child(value, name) for key, value in older},
            **{stage: value for stage, value in by_stage.items() if value is not None},
        }
        defined = {stage: value for stage, value in by_stage.items() if value is not None}
        self._offer(STAGE, (stage for stage in defined if stage != "default"))
        stage = self._text_of(self._stage())
        value = defined.get(stage or "", defined.get("default"))
        return value if value is not None else Problem(f"param {name} is not defined", missing=True)

    def _file(self, source: Source) -> _Value:
        """Return the value at an address in a file."""
        name = self._key(source.argument, self._matching_files(source.argument))
        if isinstance(name, Problem):
            return name
        root = self.includes.read(name.strip())
        return root if isinstance(root, Problem) else self._at_address(root, source.address)

    def _matching_files(self, argument: Text) -> Iterable[str]:
        """Return the values of the only variable in a file name for which a file exists."""
        before, after = _around_variable(argument)
        return self.includes.matching(before, after) if before is not None and after is not None else ()

    def _at_address(self, root: yaml.Node, address: Text) -> _Value:
        """Return the value at an address below a node."""
        value: _Value = root
        for key in split_address(address) if address else ():
            if isinstance(value, yaml.ScalarNode) and has_variables(value.value):
                value = self._text(parse_variables(value.value))
            if isinstance(value, Problem):
                return replace(value, text="")
            choices = _choices(key, [entry.value for entry, _ in entries(value)])
            name = self._key(key, choices)
            if isinstance(name, Problem):
                return name
            inner = _step(value, name)
            if inner is None:
                return Problem(f"{name[:80]} is not defined", missing=True)
            value = inner
        return value

    def _key(self, key: Text, choices: Iterable[str]) -> str | Problem:
        """Return the text of a key or file name. ``choices``: values of its only variable for which there is one."""
        if all(isinstance(part, str) for part in key):
            return "".join(part for part in key if isinstance(part, str))
        with self._tracing() as trace:
            value = self._text(key)
        self._trace.consulted.update(trace.consulted)
        self._trace.defaults.update(trace.defaults)
        for name, values in trace.keyed.items():
            self._trace.keyed.setdefault(name, {}).update(values)
        for option in list(trace.consulted)[:1]:
            self._offer(option, choices)
        if isinstance(value, Problem):
            return replace(value, text="")
        text = scalar(value)
        return text if text is not None else Problem("not a text")

    def _offer(self, name: str, values: Iterable[str]) -> None:
        """Record the values of an option for which there is a value."""
        if name not in self._assumed:
            self._trace.keyed.setdefault(name, {}).update(dict.fromkeys(value for value in values if value))


def _around_variable(text: Text) -> tuple[str | None, str | None]:
    """Return the literals before and after the only variable of a text; None if it has several or none."""
    variables = [number for number, part in enumerate(text) if isinstance(part, Variable)]
    if len(variables) != 1:
        return None, None
    before, after = text[: variables[0]], text[variables[0] + 1 :]
    return "".join(map(str, before)), "".join(map(str, after))


def _choices(key: Text, names: Iterable[str]) -> list[str]:
    """Return the values of the only variable in a key for which the key is one of ``names``."""
    before, after = _around_variable(key)
    if before is None or after is None:
        return []
    fitting = (name for name in names if name.startswith(before) and name.endswith(after))
    return [name[len(before) : len(name) - len(after)] for name in fitting]


def _step(node: yaml.Node, key: str) -> yaml.Node | None:
    """Return an entry of a mapping or an element of a list."""
    if isinstance(node, yaml.SequenceNode):
        return node.value[int(key)] if key.isdecimal() and int(key) < len(node.value) else None
    return child(node, key)


def _short_form(node: yaml.Node) -> yaml.ScalarNode | None:
    """Return ``!Sub text`` for ``Fn::Sub: text``, so that a function may have variants; None for other nodes."""
    call = intrinsic_call(node) if isinstance(node, yaml.MappingNode) and node.tag.startswith(_STANDARD) else None
    if call is None or not isinstance(call[1], yaml.ScalarNode) or not call[1].tag.startswith(_STANDARD):
        return None
    tag = f"!{call[0].removeprefix('Fn::')}"
    return yaml.ScalarNode(tag, call[1].value, call[1].start_mark, call[1].end_mark, call[1].style)


def _substituted(node: yaml.ScalarNode, text: str, tag: str, trace: _Trace) -> SubstitutedScalar:
    new = SubstitutedScalar(tag, text, node.start_mark, node.end_mark, node.style)
    new.source_text = node.value
    new.defaults = tuple(trace.defaults)
    return new


def _at(node: yaml.Node) -> tuple[yaml.Mark, yaml.Mark]:
    return node.start_mark, node.start_mark
