"""A module as it is called: variables, locals, outputs, child modules and the instances of resources.

Everything is evaluated when it is first asked for, and remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from passrole_checks.iam.values import Hole, Kind, Node, Position, Text
from passrole_checks.sources.resource import Unreadable
from passrole_checks.sources.terraform import references
from passrole_checks.sources.terraform.files import Files
from passrole_checks.sources.terraform.folder import Folder, is_local, local_path, module_source, read_folder
from passrole_checks.sources.terraform.instances import Instances, expand
from passrole_checks.sources.terraform.scope import Budget, Scope, evaluate
from passrole_checks.sources.terraform.source import SourceText
from passrole_checks.sources.terraform.symbols import (
    Instance,
    Reference,
    bounded,
    failure,
    hole,
    is_null,
    literal,
    tagged,
)
from passrole_checks.sources.terraform.syntax import Attribute, Block
from passrole_checks.sources.terraform.types import with_optional

_NESTING = 12  # modules inside modules
_TRIES = 3  # evaluations of a value that could not be evaluated to its end
_MODULES = 300  # module instances of one root


@dataclass
class Run:
    """What all modules of one root share."""

    files: Files
    budget: Budget = field(default_factory=Budget)
    folders: dict[Path, Folder] = field(default_factory=dict)
    not_evaluated: dict[str, Unreadable] = field(default_factory=dict)
    modules: int = 0
    values: dict[str, Attribute] = field(default_factory=dict)  # of the root's variables, from its tfvars files

    def folder(self, path: Path) -> Folder:
        if path not in self.folders:
            self.folders[path] = read_folder(path)
        return self.folders[path]


class Module:
    """One instance of a module. ``address`` is empty for the root, else ``module.name`` with its keys."""

    def __init__(
        self,
        run: Run,
        folder: Folder,
        address: str = "",
        arguments: dict[str, tuple[Attribute, Scope]] | None = None,
        ancestors: tuple[Path, ...] = (),
    ) -> None:
        self.run, self.folder, self.address = run, folder, address
        self.arguments = arguments or {}
        self.ancestors = (*ancestors, folder.path)
        self.root_folder = str(self.ancestors[0])
        self._memory: dict[tuple[str, ...], Node] = {}
        self._open: set[tuple[str, ...]] = set()
        self._tries: dict[tuple[str, ...], int] = {}
        self._instances: dict[int, Instances] = {}
        self._children: dict[str, dict[str, Module] | None] = {}

    # scopes and addresses

    def scope(self, source: SourceText, instance: Instance | None = None) -> Scope:
        """The scope of an expression of this module, with ``each`` and ``count`` of an instance."""
        variables = instance.variables if instance is not None else {}
        labels = tuple((name, instance.label) for name in variables) if instance is not None else ()
        return Scope(self, source, self.run.files, self.run.budget, variables, labels)

    def instance_scope(self, block: Block, instance: Instance | None) -> Scope:
        """The scope of a resource's arguments."""
        if instance is None:
            found = self.instances(block)
            instance = found.items[0] if found.items and not found.counted else found.unknown()
        return self.scope(block.source, instance)

    def prefixed(self, address: str) -> str:
        return f"{self.address}.{address}" if self.address else address

    def instances(self, block: Block) -> Instances:
        """The instances of a resource, data source or module by its ``count`` or ``for_each``."""
        key = id(block)
        if key not in self._instances:
            self._instances[key] = Instances((), True)  # while being evaluated: a reference to itself
            self._instances[key] = expand(block, self.scope(block.source))
        return self._instances[key]

    def remember(self, key: tuple[str, ...], words: str, at: Position, build: Callable[[], Node]) -> Node:
        """A value, built once. One that needs itself is a hole."""
        if key in self._memory:
            return self._memory[key]
        if key in self._open:
            return hole(words, at, "refers to itself")
        self._open.add(key)
        cut = self.run.budget.cut
        try:
            value = bounded(build(), words)
        finally:
            self._open.discard(key)
        self._tries[key] = self._tries.get(key, 0) + 1
        if self.run.budget.cut == cut or self._tries[key] >= _TRIES:  # seen from elsewhere it may be less deep
            self._memory[key] = value
        return value

    # names

    def lookup(self, name: str, steps: list[str | Node], words: str, at: Position) -> tuple[Node, int]:
        """The value that the first names of a reference lead to, and how many steps beside ``name`` that took."""
        first = steps[0] if steps and isinstance(steps[0], str) else None
        if name == "var" and first is not None:
            return self.variable(first, at), 1
        if name == "local" and first is not None:
            return self.local(first, at), 1
        if name == "path" and first is not None:
            return self.path(first, at), 1
        if name == "terraform" and first is not None:
            return hole(f"terraform.{first}", at, "chosen at run time", Kind.NAME), 1
        if name == "module" and first is not None:
            block = self.folder.modules.get(first)
            if block is None:
                return hole(words, at, "no such module here"), len(steps)
            return self.reference(f"module.{first}", "module", block, at), 1
        if name == "data" and len(steps) >= 2 and isinstance(steps[1], str) and first is not None:
            block = self.folder.data_source(first, steps[1])
            if block is None:
                return hole(words, at, "no such data source here"), len(steps)
            return self.reference(f"data.{first}.{steps[1]}", f"data.{first}", block, at), 2
        if name in ("each", "count", "self") or first is None:
            return hole(words, at), len(steps)
        block = self.folder.resource(name, first)
        if block is None:
            return hole(words, at, "no such resource here"), len(steps)
        return self.reference(f"{name}.{first}", name, block, at), 1

    def reference(self, address: str, type_: str, block: Block, at: Position) -> Reference:
        full = self.prefixed(address)
        return Reference((Hole(full),), at, address=full, type=type_, block=block, module=self)

    def variable(self, name: str, at: Position) -> Node:
        def build() -> Node:
            given = self.arguments.get(name)
            block = self.folder.variables.get(name)
            if given is not None:
                attribute, scope = given
                value = evaluate(attribute.value, scope.inside(attribute.source))
                if not (is_null(value) and block is not None and _not_nullable(block)):
                    return self.typed(value, block)
            value_given = self.run.values.get(name) if block is not None and not self.address else None
            if value_given is not None and block is not None:
                value = evaluate(value_given.value, replace(self.scope(value_given.source), only_variables=True))
                if not (is_null(value) and _not_nullable(block)):
                    return self.typed(value, block)
            default = block.body.get("default") if block is not None else None
            if default is None:
                return hole(f"var.{name}", at, "no default" if block is not None else "not declared")
            value = bounded(evaluate(default.value, self.scope(default.source)), f"var.{name}")
            value = self.typed(value, block)
            return tagged(value, f"var.{name}")

        return self.remember(("var", name), f"var.{name}", at, build)

    def typed(self, value: Node, block: Block | None) -> Node:
        """A variable's value with the optional attributes that its type gives it."""
        constraint = block.body.get("type") if block is not None else None
        if constraint is None:
            return value
        return with_optional(value, constraint.value, self.scope(constraint.source))

    def local(self, name: str, at: Position) -> Node:
        attribute = self.folder.locals.get(name)
        if attribute is None:
            return hole(f"local.{name}", at, "not declared")
        scope = self.scope(attribute.source)
        return self.remember(("local", name), f"local.{name}", at, lambda: evaluate(attribute.value, scope))

    def output(self, name: str, words: str, at: Position) -> Node:
        block = self.folder.outputs.get(name)
        attribute = block.body.get("value") if block is not None else None
        if attribute is None:
            return failure(words, at, f"no output {name}")
        scope = self.scope(attribute.source)
        return self.remember(("output", name), words, at, lambda: evaluate(attribute.value, scope))

    def path(self, name: str, at: Position) -> Node:
        folders = {"module": self.folder.path, "root": self.ancestors[0]}
        known = (str(folders[name]),) if name in folders else None
        return Text((Hole(f"path.{name}", known=known, reason="a path"),), at)

    # steps into references

    def attribute(self, value: Reference, name: str, at: Position) -> Node:
        """An attribute of a resource or data source, an output of a module."""
        if value.type == "module":
            words = f"{value.address}.{name}"
            assert value.block is not None
            children = self.children(value.block)
            if children is None:
                return hole(words, at, "the module is not here")
            instance = value.instance
            found = self.instances(value.block)
            if instance is None:
                if found.counted and not found.items:
                    return hole(words, at)
                instance = found.items[0] if found.items else found.unknown()
            child = children.get(instance.suffix)
            return child.output(name, words, at) if child is not None else hole(words, at)
        key = ("attribute", value.address, name, str(id(value.block)))
        expression = value.holes[0].expression
        block, instance = value.block, value.instance
        if block is None:
            return hole(f"{expression}.{name}", at)
        return self.remember(
            key,
            f"{expression}.{name}",
            at,
            lambda: references.attribute(value, block, name, self.instance_scope(block, instance), at),
        )

    def indexed(self, value: Reference, key: Node, at: Position) -> Node:
        """One instance of a resource with ``count`` or ``for_each``."""
        name = literal(key)
        assert value.block is not None
        written = value.holes[0].expression
        if name is None:
            text = ", ".join(part.expression for part in key.holes) if isinstance(key, Text) else "…"
            return _at_instance(value, f"[{text}]", None, at)
        suffix = f'["{name}"]' if isinstance(key, Text) else f"[{name}]"
        found = self.instances(value.block)
        instance = next((one for one in found.items if one.suffix == suffix), None)
        if instance is None and found.counted and found.known:
            return failure(f"{written}{suffix}", at, "no such instance")
        return _at_instance(value, suffix, instance, at)

    def instances_of(self, value: Reference) -> list[tuple[str, Node]] | None:
        """The instances of a reference by key, None where they are not known (or there is just one, without a key)."""
        if value.block is None or value.instance is not None:
            return None
        found = self.instances(value.block)
        if not found.counted or not found.known:
            return None
        return [(one.key, _at_instance(value, one.suffix, one, value.at)) for one in found.items]

    # child modules

    def children(self, block: Block) -> dict[str, Module] | None:
        """The instances of a ``module`` block by their suffix, None where the module is not here."""
        name = block.labels[0]
        if name not in self._children:
            self._children[name] = None
            self._children[name] = self._call(name, block)
        return self._children[name]

    def _call(self, name: str, block: Block) -> dict[str, Module] | None:
        source = module_source(block)
        if source is None or not is_local(source):
            self.missing(block, name, source or "a source that is not literal", "is not here")
            return None
        path = local_path(self.folder.path, source)
        folder = self.run.folder(path)
        if not folder.files:
            self.missing(block, name, source, "holds no Terraform files")
            return None
        if path in self.ancestors or len(self.ancestors) > _NESTING:
            self.missing(block, name, source, "calls itself or is nested too deeply")
            return None
        called: dict[str, Module] = {}
        for instance in self.instances(block).items:
            self.run.modules += 1
            if self.run.modules > _MODULES:
                self.missing(block, name, source, f"is not evaluated: more than {_MODULES} modules")
                break
            scope = self.scope(block.source, instance)
            arguments = {
                attribute.name: (attribute, scope)
                for attribute in block.body.attributes
                if attribute.name not in ("source", "version", "count", "for_each", "providers", "depends_on")
            }
            address = self.prefixed(f"module.{name}{instance.suffix}")
            called[instance.suffix] = Module(self.run, folder, address, arguments, self.ancestors)
        return called

    def missing(self, block: Block, name: str, source: str, why: str) -> None:
        """Note, once for each source, that a module could not be evaluated."""
        self.run.not_evaluated.setdefault(
            source, Unreadable(block.source.file, f"module {name} ({source}) {why}", block.span.line)
        )

    def walk(self) -> Iterator[Module]:
        """This module and all modules that it calls."""
        pending = [self]
        while pending:
            module = pending.pop(0)
            yield module
            for block in module.folder.modules.values():
                pending.extend((module.children(block) or {}).values())


def _at_instance(value: Reference, suffix: str, instance: Instance | None, at: Position) -> Reference:
    return Reference(
        (Hole(value.holes[0].expression + suffix),),
        at,
        address=value.address + suffix,
        type=value.type,
        block=value.block,
        module=value.module,
        instance=instance,
    )


def _not_nullable(block: Block) -> bool:
    attribute = block.body.get("nullable")
    return attribute is not None and getattr(attribute.value, "value", None) is False
