"""A module as it is called: variables, locals, outputs, child modules and the instances of resources.

Everything is evaluated when it is first asked for, and remembered.
Source: Terraform language documentation, "Input Variables", "Local Values", "Output Values", "Modules" and "References
to Named Values".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.partial_values import Const, Node, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.terraform.evaluation.conditional_values import guard
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Instance,
    Reference,
    as_string,
    failure,
    limit_size,
    mark_default,
    unresolved,
)
from passrole_checks.sources.terraform.evaluation.types import convert, replace_null
from passrole_checks.sources.terraform.modules.folder import Folder, literal_attribute
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Unparsed
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.instances import Instances, expand, suffix_of

_MAX_TRIES = 3  # evaluations of a value that could not be evaluated to its end
_META = frozenset({"source", "version", "count", "for_each", "providers", "depends_on"})


class Module:
    """One instance of a module. ``address`` is empty for the root, else ``module.name`` with its keys.

    ``key`` are the names of the ``module`` blocks on the way to it, ``when`` the conditions under which it exists.
    """

    def __init__(
        self,
        run: Run,
        folder: Folder,
        address: str = "",
        arguments: dict[str, tuple[Attribute, EvaluationScope]] | None = None,
        ancestors: tuple[Path, ...] = (),
        key: tuple[str, ...] = (),
        when: PathCondition = (),
    ) -> None:
        self.run, self.folder, self.address, self.key, self.when = run, folder, address, key, when
        self.arguments = arguments or {}
        self.ancestors = (*ancestors, folder.path)
        self.root_folder = str(self.ancestors[0])
        self._memory: dict[tuple[str, ...], Node] = {}
        self._open: set[tuple[str, ...]] = set()
        self._tries: dict[tuple[str, ...], int] = {}
        self._instances: dict[int, Instances] = {}
        self._children: dict[str, dict[str, Module] | None] = {}

    # scopes and addresses

    def scope(self, source: SourceText, instance: Instance | None = None) -> EvaluationScope:
        """The scope of an expression of this module, with ``each`` and ``count`` of an instance."""
        variables = instance.variables if instance is not None else {}
        labels = tuple((name, instance.label) for name in variables) if instance is not None else ()
        when = dict(instance.when) if instance is not None else {}
        return EvaluationScope(self, source, self.run.files, self.run.budget, variables, labels, when)

    def instance_scope(self, block: Block, instance: Instance | None) -> EvaluationScope:
        """The scope of a resource's arguments."""
        if instance is None:
            found = self.instances(block)
            instance = found.items[0] if found.items and not found.counted else found.unknown()
        return self.scope(block.source, instance)

    def full_address(self, address: str) -> str:
        """An address of this module as an address of the configuration."""
        return f"{self.address}.{address}" if self.address else address

    def instances(self, block: Block) -> Instances:
        """The instances of a resource, data source or module by its ``count`` or ``for_each``."""
        key = id(block)
        if key not in self._instances:
            self._instances[key] = Instances((), True)  # while being evaluated: a reference to itself
            self._instances[key] = expand(block, self.scope(block.source))
        return self._instances[key]

    def memoize(self, key: tuple[str, ...], words: str, at: Position, build: Callable[[], Node]) -> Node:
        """A value, built once. One that needs itself is a hole."""
        if key in self._memory:
            return self._memory[key]
        if key in self._open:
            return unresolved(words, at, "refers to itself")
        self._open.add(key)
        cut = self.run.budget.cut
        try:
            value = limit_size(build(), words)
        finally:
            self._open.discard(key)
        self._tries[key] = self._tries.get(key, 0) + 1
        if self.run.budget.cut == cut or self._tries[key] >= _MAX_TRIES:  # seen from elsewhere it may be less deep
            self._memory[key] = value
        return value

    # names

    def resolve(self, name: str, steps: list[str | Node], words: str, at: Position) -> tuple[Node, int]:
        """The value that the first names of a reference lead to, and how many steps beside ``name`` that took."""
        first = steps[0] if steps and isinstance(steps[0], str) else None
        if name == "var" and first is not None:
            return self.variable(first, at), 1
        if name == "local" and first is not None:
            return self.local(first, at), 1
        if name == "path" and first is not None:
            return self.path(first, at), 1
        if name == "terraform" and first is not None:
            return unresolved(f"terraform.{first}", at, "chosen at run time", UnresolvedKind.NAME), 1
        if name == "module" and first is not None:
            block = self.folder.modules.get(first)
            if block is None:
                return unresolved(words, at, "no such module here"), len(steps)
            return self.reference(f"module.{first}", "module", block, at), 1
        if name == "data" and len(steps) >= 2 and isinstance(steps[1], str) and first is not None:
            block = self.folder.data_source(first, steps[1])
            if block is None:
                return unresolved(words, at, "no such data source here"), len(steps)
            return self.reference(f"data.{first}.{steps[1]}", f"data.{first}", block, at), 2
        if name in ("each", "count", "self") or first is None:
            return unresolved(words, at), len(steps)
        block = self.folder.resource(name, first)
        if block is None:
            return unresolved(words, at, "no such resource here"), len(steps)
        return self.reference(f"{name}.{first}", name, block, at), 1

    def reference(self, address: str, type_: str, block: Block, at: Position) -> Reference:
        """The value that a resource, data source or module block is."""
        full = self.full_address(address)
        return Reference((Unresolved(full),), at, address=full, type=type_, block=block, module=self)

    def variable(self, name: str, at: Position) -> Node:
        """The value of a variable: what the call or whoever scans gives, else its default."""

        def build() -> Node:
            block = self.folder.variables.get(name)
            value = self._input_value(name, block, at)
            if value is None:
                return self._default(name, block, at)
            if block is not None and _is_not_nullable(block):
                value = replace_null(value, self._default(name, block, at))
            return self._convert_type(value, block)

        return self.memoize(("var", name), f"var.{name}", at, build)

    def is_bool(self, variable: str) -> bool:
        """Whether a variable is declared as a bool."""
        block = self.folder.variables.get(variable)
        constraint = block.body.get("type") if block is not None else None
        return constraint is not None and getattr(constraint.value, "name", None) == "bool"

    def _input_value(self, name: str, block: Block | None, at: Position) -> Node | None:
        if name in self.arguments:
            attribute, scope = self.arguments[name]
            return evaluate(attribute.value, scope.in_source(attribute.source))
        given = self.run.values.get(name) if block is not None and not self.address else None
        if given is None:
            return None
        if isinstance(given.value, Unparsed):
            return unresolved(f"var.{name}", at, given.value.reason)
        return evaluate(given.value, replace(self.scope(given.source), only_variables=True))

    def _default(self, name: str, block: Block | None, at: Position) -> Node:
        default = block.body.get("default") if block is not None else None
        if default is None:
            return unresolved(f"var.{name}", at, "no default" if block is not None else "not declared")
        value = limit_size(evaluate(default.value, self.scope(default.source)), f"var.{name}")
        return mark_default(self._convert_type(value, block), f"var.{name}")

    def _convert_type(self, value: Node, block: Block | None) -> Node:
        """A variable's value as its type makes it."""
        constraint = block.body.get("type") if block is not None else None
        if constraint is None:
            return value
        return convert(value, constraint.value, self.scope(constraint.source))

    def local(self, name: str, at: Position) -> Node:
        """The value of a local; a hole where it is not declared."""
        attribute = self.folder.locals.get(name)
        if attribute is None:
            return unresolved(f"local.{name}", at, "not declared")
        scope = self.scope(attribute.source)
        return self.memoize(("local", name), f"local.{name}", at, lambda: evaluate(attribute.value, scope))

    def output(self, name: str, words: str, at: Position) -> Node:
        """The value of an output; an error, which ``try`` catches, where it is not declared."""
        block = self.folder.outputs.get(name)
        attribute = block.body.get("value") if block is not None else None
        if attribute is None:
            return failure(words, at, f"no output {name}")
        scope = self.scope(attribute.source)
        return self.memoize(("output", name), words, at, lambda: evaluate(attribute.value, scope))

    def path(self, name: str, at: Position) -> Node:
        """``path.module`` and ``path.root``; ``path.cwd`` is a hole."""
        folders = {"module": self.folder.path, "root": self.ancestors[0]}
        known = (str(folders[name]),) if name in folders else None
        return StringNode((Unresolved(f"path.{name}", known=known, reason="a path"),), at)

    # steps into references

    def attribute(self, value: Reference, name: str, at: Position) -> Node:
        """An attribute of a resource or data source, an output of a module."""
        if value.type == "module":
            words = f"{value.address}.{name}"
            assert value.block is not None
            children = self.children(value.block)
            if children is None:
                return unresolved(words, at, "the module is not here")
            instance = value.instance
            found = self.instances(value.block)
            if instance is None:
                if found.counted and not found.items:
                    return unresolved(words, at)
                instance = found.items[0] if found.items else found.unknown()
            child = children.get(instance.suffix)
            return child.output(name, words, at) if child is not None else unresolved(words, at)
        key = ("attribute", value.address, name, str(id(value.block)))
        expression = value.holes[0].expression
        block, instance = value.block, value.instance
        if block is None:
            return unresolved(f"{expression}.{name}", at)
        return self.memoize(
            key,
            f"{expression}.{name}",
            at,
            lambda: references.attribute(value, block, name, self.instance_scope(block, instance), at),
        )

    def instance(self, value: Reference, key: Node, at: Position) -> Node:
        """One instance of a resource with ``count`` or ``for_each``."""
        name = as_string(key)
        assert value.block is not None
        written = value.holes[0].expression
        single = value.instance is not None or not self.instances(value.block).counted
        if single and isinstance(key, StringNode) and name is not None:
            return self.attribute(value, name, at)  # x["arn"] is x.arn
        if name is None:
            text = ", ".join(part.expression for part in key.holes) if isinstance(key, StringNode) else "…"
            return _instance_reference(value, f"[{text}]", None, at)
        suffix = suffix_of(name) if isinstance(key, StringNode) else f"[{name}]"
        found = self.instances(value.block)
        instance = next((one for one in found.items if one.suffix == suffix), None)
        if instance is None and found.known and (found.counted or isinstance(key, Const)):
            return failure(f"{written}{suffix}", at, "no such instance")
        return _instance_reference(value, suffix, instance, at)

    def instances_of(self, value: Reference) -> list[tuple[str, Node]] | None:
        """The instances of a reference by key, None where they are not known (or there is just one, without a key)."""
        if value.block is None or value.instance is not None:
            return None
        found = self.instances(value.block)
        if not found.counted or not found.known:
            return None
        return [
            (one.key, guard(one.when, _instance_reference(value, one.suffix, one, value.at))) for one in found.items
        ]

    def existence_condition(self, value: Reference) -> PathCondition:
        """The conditions under which an instance, or any instance of a block, exists; none where it surely does."""
        if value.instance is not None:
            return value.instance.when
        found = self.instances(value.block) if value.block is not None else None
        name = value.holes[0].expression
        if found is None or not found.counted or (found.known and not name.endswith("]")):
            return ()
        return ((f"{name} exists" if name.endswith("]") else f"{name} is not empty", "true"),)

    # child modules

    def children(self, block: Block) -> dict[str, Module] | None:
        """The instances of a ``module`` block by their suffix, None where the module is not here."""
        name = block.labels[0]
        if name not in self._children:
            self._children[name] = None
            self._children[name] = self._instantiate(name, block)
        return self._children[name]

    def _instantiate(self, name: str, block: Block) -> dict[str, Module] | None:
        source, key = self._literal(block, "source"), (*self.key, name)
        folder = self.run.resolve_call(key, block, source, self._literal(block, "version"), self.ancestors)
        if folder is None or source is None:
            return None
        called: dict[str, Module] = {}
        instances = self.instances(block).items
        for instance in instances:
            if not self.run.count_instance(block, folder.path, source):
                break
            scope = self.scope(block.source, instance)
            arguments = {item.name: (item, scope) for item in block.body.attributes if item.name not in _META}
            address = self.full_address(f"module.{name}{instance.suffix}")
            when = (*self.when, *instance.when)
            called[instance.suffix] = Module(self.run, folder, address, arguments, self.ancestors, key, when)
        if not instances:
            self.run.note_no_instance(block, folder.path, source, self._instance_count_text(block))
        return called

    def _literal(self, block: Block, name: str) -> str | None:
        """An attribute of a ``module`` block as text (OpenTofu evaluates them early), None where it is not known."""
        written, attribute = literal_attribute(block, name), block.body.get(name)
        if written is not None or attribute is None:
            return written
        return as_string(evaluate(attribute.value, self.scope(attribute.source)))

    def _instance_count_text(self, block: Block) -> str:
        """What decides how many instances a block has, in its words."""
        for name in ("count", "for_each"):
            attribute = block.body.get(name)
            if attribute is not None:
                return f"{name} = {self.scope(attribute.source).words(attribute.value.span)}"
        return "no count"

    def walk(self) -> Iterator[Module]:
        """This module and all modules that it calls."""
        pending = [self]
        while pending:
            module = pending.pop(0)
            yield module
            for block in module.folder.modules.values():
                pending.extend((module.children(block) or {}).values())

    def close(self) -> None:
        """Forget what was evaluated, here and in all modules that this one calls. They refer to each other in circles,
        which nothing but Python's collector would take apart, and it would have to go through all of them for that."""
        for module in list(self.walk()):
            module._memory.clear()
            module._instances.clear()
            module._children.clear()
            module.arguments = {}


def _instance_reference(value: Reference, suffix: str, instance: Instance | None, at: Position) -> Reference:
    return Reference(
        (Unresolved(value.holes[0].expression + suffix),),
        at,
        address=value.address + suffix,
        type=value.type,
        block=value.block,
        module=value.module,
        instance=instance,
    )


def _is_not_nullable(block: Block) -> bool:
    attribute = block.body.get("nullable")
    return attribute is not None and getattr(attribute.value, "value", None) is False
