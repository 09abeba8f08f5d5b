"""An instance of a module: variables, locals, outputs, child modules and the instances of resources.

Values are evaluated on first access and cached.
Source: Terraform language documentation, "Input Variables", "Local Values", "Output Values", "Modules" and "References
to Named Values".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    failure,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, off_by_default
from passrole_checks.iam.values.variants import guard
from passrole_checks.sources.model.configuration import MODULE, MODULE_NOT_AVAILABLE, Framework, ResourceDefinition
from passrole_checks.sources.model.secrets import hides_secrets
from passrole_checks.sources.terraform.evaluation.scope import EvaluationBudget, EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Instance,
    Reference,
    is_null,
    known_string,
    limit_size,
    mark_default,
)
from passrole_checks.sources.terraform.evaluation.types import convert, replace_null
from passrole_checks.sources.terraform.modules.folder import Folder, literal_attribute
from passrole_checks.sources.terraform.modules.root_context import Run
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Unparsed
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import Instances, expand_instances, suffix_of

_Variable = tuple[str, str]  # the address of its module, and its name
_Variables = frozenset[_Variable]
_VALUE_NAME = lazy_regex(rb"(?<![\w.-])(var|local)\s*\.\s*([\w-]+)")
_MAX_TWINS = 30  # times that one root is evaluated without some defaults
_MAX_TRIES = 3  # evaluations of a value cut short by the budget
_META = frozenset({"source", "version", "count", "for_each", "providers", "depends_on"})
_WRITING = frozenset({"local_file", "local_sensitive_file"})  # resources that write their argument `content`
# resources and data sources that create a file, and the argument that names it
_CREATING = {"local_file": "filename", "local_sensitive_file": "filename", "archive_file": "output_path"}


class Module:
    """One instance of a module. ``address`` is empty for the root, else ``module.name`` with its keys.

    ``key``: names of the ``module`` blocks from the root to this module. ``when``: conditions under which it exists.
    ``arguments``: input values of the call, with the scope of the caller. ``ancestors``: folders of its callers.
    ``without``: variables, each with the address of its module, whose defaults are not used anywhere in the root.
    ``twins``: the same root without the defaults of certain variables, by these.
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
        without: _Variables = frozenset(),
        twins: dict[_Variables, Module] | None = None,
    ) -> None:
        self.without, self._twins = without, twins if twins is not None else {}
        self.run, self.folder, self.address, self.key, self.when = run, folder, address, key, when
        self.arguments = arguments or {}
        self.ancestors = (*ancestors, folder.path)
        self.root_folder = str(self.ancestors[0])
        self._memory: dict[tuple[str, ...], Node] = {}
        self._open: set[tuple[str, ...]] = set()
        self._tries: dict[tuple[str, ...], int] = {}
        self._instances: dict[int, Instances] = {}
        self._possible: dict[int, tuple[Module, tuple[Instance, ...]]] = {}
        self._children: dict[str, dict[str, Module] | None] = {}
        self._created_files: Mapping[str, tuple[Block, Instance]] | None = None
        self._scopes: dict[int, EvaluationScope] = {}  # those without an instance, by the identity of their source

    # scopes and addresses

    def scope(self, source: SourceText, instance: Instance | None = None) -> EvaluationScope:
        """Return the scope of an expression of this module, with ``each`` and ``count`` of an instance."""
        if instance is None:
            known = self._scopes.get(id(source))
            if known is None:
                known = self._scopes[id(source)] = EvaluationScope(self, source, self.run.files, self.run.budget)
            return known
        labels = tuple((name, instance.label) for name in instance.variables)
        return EvaluationScope(self, source, self.run.files, self.run.budget, instance.variables, labels, instance.when)

    def instance_scope(self, block: Block, instance: Instance | None) -> EvaluationScope:
        """Return the scope of a block's arguments; without an instance, that of its single or an unknown instance."""
        if instance is None:
            instances = self.instances(block)
            instance = instances.items[0] if instances.items and not instances.counted else instances.unknown()
        return self.scope(block.source, instance)

    def full_address(self, address: str) -> str:
        """Return an address within this module as an address within the configuration."""
        return f"{self.address}.{address}" if self.address else address

    def instances(self, block: Block) -> Instances:
        """Return the instances of a resource, data source or module by its ``count`` or ``for_each``."""
        key = id(block)
        if key not in self._instances:
            self._instances[key] = Instances((), True)  # result for references to itself during the evaluation
            self._instances[key] = expand_instances(block, self.scope(block.source))
        return self._instances[key]

    def definitions(self, block: Block) -> Iterator[tuple[ResourceDefinition, EvaluationScope, PathCondition]]:
        """Yield each instance of a ``resource`` or ``module`` block, with the path condition under which it exists.

        Without one, those that only the defaults of variables switch off.
        """
        type_, at = MODULE if block.type == "module" else block.labels[0], block.source.position(block.span)
        module, instances = self.possible_instances(block)
        for instance in instances:
            address = self.full_address(f"{block.address}{instance.suffix}")
            resource = ResourceDefinition(address, type_, Framework.TERRAFORM, at)
            yield resource, module.scope(block.source, instance), (*module.when, *instance.when)

    # what only the defaults of variables switch off

    def possible_instances(self, block: Block) -> tuple[Module, tuple[Instance, ...]]:
        """Return the instances of a block, and the module that their arguments are evaluated in: this one.

        If there is none because of the defaults of variables: those without these defaults, under conditions that are
        off by default, and this module without these defaults.
        """
        items = self.instances(block).items
        count = block.body.get("count")
        attribute = block.body.get("for_each") if count is None else count
        if items or attribute is None:
            return self, items
        if id(block) not in self._possible:
            self._possible[id(block)] = self, ()
            for module in self.without_defaults(attribute):
                instances = module.instances(block)
                if instances.items:
                    scope = module.scope(attribute.source)
                    predicate = Predicate.POSITIVE if attribute is count else Predicate.NOT_EMPTY
                    any_ = (scope.assume(scope.unique_text(attribute.value.span), predicate),)
                    items = tuple(replace(one, when=off_by_default(one.when or any_)) for one in instances.items)
                    module._instances[id(block)] = replace(instances, items=items)
                    self._possible[id(block)] = module, items
                    break
        return self._possible[id(block)]

    def without_defaults(self, attribute: Attribute) -> Iterator[Module]:
        """Yield this module without the defaults that an argument may depend on: at first those of variables that
        switch something off, then all."""
        read = dict(self._defaults_read(attribute, set()))
        switches = frozenset(variable for variable, switches_off in read.items() if switches_off)
        for variables in dict.fromkeys((switches, frozenset(read))):
            module = self._twin(self.without | variables) if variables - self.without else None
            if module is not None:
                yield module

    def _defaults_read(self, attribute: Attribute, seen: set[tuple[str, bytes]]) -> Iterator[tuple[_Variable, bool]]:
        """Yield the variables whose defaults an argument may depend on, by its text and that of the values it names.

        With true if the default switches something off: it is false, zero, null or empty.
        """
        for kind, name in _VALUE_NAME.findall(attribute.source_bytes):
            named = name.decode("utf-8", "replace")
            if (self.address, kind + name) in seen:
                continue
            seen.add((self.address, kind + name))
            if kind == b"local":
                if named in self.folder.locals:
                    yield from self._defaults_read(self.folder.locals[named], seen)
            elif named in self.arguments:
                argument, scope = self.arguments[named]
                if isinstance(scope.module, Module):
                    yield from scope.module._defaults_read(argument, seen)
            elif self.address or (named not in self.run.values and named not in self.run.evaluated):
                block = self.folder.variables.get(named)
                if block is not None and "default" in block.body.by_name:
                    default = self.variable(named, block.source.position(block.span))
                    yield (self.address, named), _switches_off(default)

    def _twin(self, variables: _Variables) -> Module | None:
        """Return this module in the same root without the defaults of some variables; None if it has none there."""
        if variables not in self._twins:
            if len(self._twins) >= _MAX_TWINS:
                return None
            run = replace(self.run, budget=EvaluationBudget(), modules=0)
            folder = run.folder(self.ancestors[0])
            self._twins[variables] = Module(run, folder, without=variables, twins=self._twins)
        found: Module | None = self._twins[variables]
        for name in self.key:
            block = found.folder.modules.get(name) if found is not None else None
            children = (found.children(block) or {}) if found is not None and block is not None else {}
            around = (one for one in children.values() if f"{self.address}.".startswith(f"{one.address}."))
            found = next(around, None)
        return found

    def memoize(self, key: tuple[str, ...], source_text: str, at: Position, build: Callable[[], Node]) -> Node:
        """Return a value, built on first access. A value that refers to itself is unresolved."""
        if key in self._memory:
            return self._memory[key]
        if key in self._open:
            return unresolved(source_text, at, "refers to itself")
        self._open.add(key)
        cut = self.run.budget.cut
        try:
            value = limit_size(build(), source_text)
        finally:
            self._open.discard(key)
        self._tries[key] = self._tries.get(key, 0) + 1
        if self.run.budget.cut == cut or self._tries[key] >= _MAX_TRIES:  # another caller may be less deeply nested
            self._memory[key] = value
        return value

    # names

    def known_value(self, kind: str, name: str) -> Node | None:
        """Return the value of a variable or local (``kind``: "var" or "local") if it was evaluated before."""
        return self._memory.get((kind, name))

    def resolve(self, name: str, steps: list[str | Node], source_text: str, at: Position) -> tuple[Node, int]:
        """Resolve the first names of a reference. Returns the value and the number of ``steps`` used."""
        first = steps[0] if steps and isinstance(steps[0], str) else None
        second = steps[1] if len(steps) > 1 and isinstance(steps[1], str) else None
        if name in ("each", "count", "self") or first is None:
            return unresolved(source_text, at), len(steps)
        if name == "var":
            return self.variable(first, at), 1
        if name == "local":
            return self.local(first, at), 1
        if name == "path":
            return self.path(first, at), 1
        if name == "terraform":
            return unresolved(f"terraform.{first}", at, "chosen at run time", UnresolvedKind.NAME), 1
        type_, used, missing = name, 1, "resource not declared"
        if name == "module":
            block, missing = self.folder.modules.get(first), "module not declared"
        elif name == "data" and second is not None:
            block, missing = self.folder.data_source(first, second), "data source not declared"
            type_, used = f"data.{first}", 2
        else:
            block = self.folder.resource(name, first)
            if name == "dependency" and at.file.endswith(".hcl"):
                missing = "output of a Terragrunt dependency"
        if block is None:
            return unresolved(source_text, at, missing), len(steps)
        return self.reference(block.address, type_, block, at), used

    def reference(self, address: str, type_: str, block: Block, at: Position) -> Reference:
        """Return the reference to a resource, data source or module block."""
        full = self.full_address(address)
        return Reference((Unresolved(full),), at, address=full, type=type_, block=block, module=self)

    def variable(self, name: str, at: Position) -> Node:
        """Return the value of a variable: the argument of the call or the given value, else its default."""

        def build() -> Node:
            block = self.folder.variables.get(name)
            if block is not None and hides_secrets() and is_secret(block):
                return unresolved(f"var.{name}", at, "sensitive")
            value = self._input_value(name, block, at)
            if value is None:
                return self._default(name, block, at)
            nullable = block.body.get("nullable") if block is not None else None
            if nullable is not None and getattr(nullable.value, "value", None) is False:
                value = replace_null(value, self._default(name, block, at))
            return self._convert_type(value, block)

        return self.memoize(("var", name), f"var.{name}", at, build)

    def is_bool(self, variable: str) -> bool:
        """True if a variable is declared as a bool."""
        block = self.folder.variables.get(variable)
        constraint = block.body.get("type") if block is not None else None
        return constraint is not None and getattr(constraint.value, "name", None) == "bool"

    def is_ephemeral(self, expression: str) -> bool | None:
        """Return whether the value of an expression, given as text, is ephemeral; None if it may be, as a whole or in
        part.

        Variables, resources, and outputs of modules can be (Terraform language documentation, "Manage sensitive data").
        """
        folder = self.folder
        ephemeral = {name for name, block in folder.variables.items() if _is_set(block, "ephemeral")}
        blocks = (block.type for file in folder.files for block in file.body.blocks)
        variable = expression.removeprefix("var.")
        if variable != expression and variable in folder.variables:
            return variable in ephemeral
        return None if ephemeral or folder.modules or "ephemeral" in blocks else False

    def _input_value(self, name: str, block: Block | None, at: Position) -> Node | None:
        if name in self.arguments:
            argument, scope = self.arguments[name]
            return evaluate(argument.value, scope.in_source(argument.source))
        if not self.address:
            self.run.variables_read.add(name)
        is_declared_input = block is not None and not self.address
        if is_declared_input and name in self.run.evaluated:
            return self.run.evaluated[name]
        attribute = self.run.values.get(name) if is_declared_input else None
        if attribute is None:
            return None
        if isinstance(attribute.value, Unparsed):
            return unresolved(f"var.{name}", at, attribute.value.reason)
        return evaluate(attribute.value, replace(self.scope(attribute.source), only_variables=True))

    def _default(self, name: str, block: Block | None, at: Position) -> Node:
        default = block.body.get("default") if block is not None else None
        if default is None or (self.address, name) in self.without:
            reason = "other than its default" if default is not None else "no default"
            return unresolved(f"var.{name}", at, reason if block is not None else "not declared")
        value = limit_size(evaluate(default.value, self.scope(default.source)), f"var.{name}")
        return mark_default(self._convert_type(value, block), f"var.{name}")

    def _convert_type(self, value: Node, block: Block | None) -> Node:
        """Convert the value of a variable to its type."""
        constraint = block.body.get("type") if block is not None else None
        if constraint is None:
            return value
        return convert(value, constraint.value, self.scope(constraint.source))

    def local(self, name: str, at: Position) -> Node:
        """Return the value of a local; unresolved if it is not declared."""
        attribute = self.folder.locals.get(name)
        if attribute is None:
            return unresolved(f"local.{name}", at, "not declared")
        scope = self.scope(attribute.source)
        return self.memoize(("local", name), f"local.{name}", at, lambda: evaluate(attribute.value, scope))

    def output(self, name: str, source_text: str, at: Position) -> Node:
        """Return the value of an output; a failure, which ``try`` catches, if it is not declared."""
        block = self.folder.outputs.get(name)
        attribute = block.body.get("value") if block is not None else None
        if attribute is None:
            return failure(source_text, at, f"no output {name}")
        scope = self.scope(attribute.source)
        return self.memoize(("output", name), source_text, at, lambda: evaluate(attribute.value, scope))

    def path(self, name: str, at: Position) -> Node:
        """Return ``path.module`` or ``path.root``; ``path.cwd`` is unresolved."""
        folders = {"module": self.folder.path, "root": self.ancestors[0]}
        known = (str(folders[name]),) if name in folders else None
        return StringNode((Unresolved(f"path.{name}", known=known, reason="a path"),), at)

    def creates(self, path: str) -> bool:
        """True if a resource of this module, or ``terraform init``, creates the file with this normalized path."""
        return path in self._files() or path.startswith(os.path.join(self.root_folder, ".terraform", ""))

    def written_content(self, path: str, at: Position) -> tuple[str, Node] | None:
        """Return the address of the resource of this module that writes a file, and the content.

        None if there is none, or if the content is unknown. Source: documentation of the provider ``hashicorp/local``,
        "local_file" and "local_sensitive_file".
        """
        block, instance = self._files().get(path, (None, None))
        attribute = block.body.get("content") if block is not None and block.labels[0] in _WRITING else None
        if block is None or instance is None or attribute is None:
            return None
        scope, address = self.scope(block.source, instance), self.full_address(f"{block.address}{instance.suffix}")
        content = self.memoize(("content", path), f"{address}.content", at, lambda: evaluate(attribute.value, scope))
        return None if isinstance(content, StringNode) and content.only_unresolved is not None else (address, content)

    def _files(self) -> Mapping[str, tuple[Block, Instance]]:
        """Return the files that resources and data sources of this module create."""
        if self._created_files is None:
            self._created_files = {}  # result for the names of these files themselves
            created: dict[str, tuple[Block, Instance]] = {}
            for block in (*self.folder.resources, *self.folder.data):
                attribute = block.body.get(_CREATING[block.labels[0]]) if block.labels[0] in _CREATING else None
                if attribute is None or (block.type == "data" and block.labels[0] in _WRITING):
                    continue
                for instance in self.instances(block).items:
                    name = known_string(evaluate(attribute.value, self.scope(block.source, instance)))
                    if name is not None:
                        created[os.path.normpath(os.path.join(self.root_folder, name))] = block, instance
            self._created_files = created
        return self._created_files

    # references

    def attribute(self, value: Reference, name: str, at: Position) -> Node:
        """Return an attribute of a resource or data source, or an output of a module."""
        if value.type == "module":
            source_text = f"{value.address}.{name}"
            assert value.block is not None
            children = self.children(value.block)
            if children is None:
                return unresolved(source_text, at, MODULE_NOT_AVAILABLE)
            instance = value.instance
            instances = self.instances(value.block)
            if instance is None:
                if instances.counted and not instances.items:
                    return unresolved(source_text, at)
                instance = instances.items[0] if instances.items else instances.unknown()
            child = children.get(instance.suffix)
            return child.output(name, source_text, at) if child is not None else unresolved(source_text, at)
        only = self._only_instance(value)
        if only is not None:
            return guard(only.when, self.attribute(_instance_reference(value, only.suffix, only, at), name, at))
        source_text, block = f"{value.unresolved_parts[0].expression}.{name}", value.block
        if block is None:
            return unresolved(source_text, at)

        def build() -> Node:
            return references.attribute(value, block, name, self.instance_scope(block, value.instance), at)

        return self.memoize(("attribute", value.address, name, str(id(block))), source_text, at, build)

    def _only_instance(self, value: Reference) -> Instance | None:
        """Return the instance that a reference without an index leads to, of a resource or data source with ``count``
        1, or 0 or 1; None if it has an index, or if there may be others.

        Source: Terraform documentation, "Upgrading to Terraform v0.12", "Working with count on resources": until 0.11,
        such a reference was one to the first instance.
        """
        if value.block is None or value.instance is not None or value.block.body.get("count") is None:
            return None
        instances = self.instances(value.block)
        is_one = instances.known and len(instances.items) == 1 and instances.items[0].suffix == "[0]"
        return instances.items[0] if is_one else None

    def instance(self, value: Reference, key: Node, at: Position) -> Node:
        """Return one instance of a block with ``count`` or ``for_each``."""
        name = known_string(key)
        assert value.block is not None
        expression = value.unresolved_parts[0].expression
        single = value.instance is not None or not self.instances(value.block).counted
        if single and isinstance(key, StringNode) and name is not None:
            return self.attribute(value, name, at)  # x["arn"] equals x.arn
        instances = self.instances(value.block)
        if name is None:
            text = ", ".join(part.expression for part in key.unresolved_parts) if isinstance(key, StringNode) else "…"
            return _instance_reference(value, f"[{text}]", None, at, is_defined=instances.cover_unknown_keys)
        suffix = suffix_of(name) if isinstance(key, StringNode) else f"[{name}]"
        instance = next((instance for instance in instances.items if instance.suffix == suffix), None)
        if instance is None and instances.known and (instances.counted or isinstance(key, Const)):
            return failure(f"{expression}{suffix}", at, "no such instance")
        return _instance_reference(value, suffix, instance, at)

    def instances_of(self, value: Reference) -> list[tuple[str, Node]] | None:
        """Return keys and instances of a reference; None if unknown, or for a single instance without a key."""
        if value.block is None or value.instance is not None:
            return None
        instances = self.instances(value.block)
        if not instances.counted or not instances.known:
            return None
        return [
            (instance.key, guard(instance.when, _instance_reference(value, instance.suffix, instance, value.at)))
            for instance in instances.items
        ]

    def existence_condition(self, value: Reference) -> PathCondition:
        """Return the conditions under which an instance, or any instance of a block, exists; empty if always."""
        if value.instance is not None:
            return value.instance.when
        instances = self.instances(value.block) if value.block is not None else None
        name = value.unresolved_parts[0].expression
        if instances is None or not instances.counted or (instances.known and not name.endswith("]")):
            return ()
        predicate = Predicate.EXISTS if name.endswith("]") else Predicate.NOT_EMPTY
        return (Assumption(name, predicate=predicate),)

    # child modules

    def children(self, block: Block) -> dict[str, Module] | None:
        """Return the instances of a ``module`` block by address suffix, None if the module is not available."""
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
        children: dict[str, Module] = {}
        instances = self.instances(block).items
        for instance in instances:
            if not self.run.count_instance(block, folder.path, source):
                break
            scope = self.scope(block.source, instance)
            arguments = {item.name: (item, scope) for item in block.body.attributes if item.name not in _META}
            address = self.full_address(f"{block.address}{instance.suffix}")
            when = (*self.when, *instance.when)
            children[instance.suffix] = Module(
                self.run, folder, address, arguments, self.ancestors, key, when, self.without, self._twins
            )
        if not instances:
            self.run.note_no_instance(block, folder.path, source, self.instance_count_text(block))
        return children

    def _literal(self, block: Block, name: str) -> str | None:
        """Return an attribute of a ``module`` block as text (OpenTofu evaluates them early), None if unknown."""
        literal, attribute = literal_attribute(block, name), block.body.get(name)
        if literal is not None or attribute is None:
            return literal
        return known_string(evaluate(attribute.value, self.scope(attribute.source)))

    def instance_count_text(self, block: Block) -> str:
        """Return the source text of the ``count`` or ``for_each`` of a block."""
        for name in ("count", "for_each"):
            attribute = block.body.get(name)
            if attribute is not None:
                return f"{name} = {self.scope(attribute.source).source_text(attribute.value.span)}"
        return "no count"

    def walk(self) -> Iterator[Module]:
        """Iterate over this module and all modules below it, breadth first, those included that only the defaults of
        variables switch off."""
        pending = [self]
        while pending:
            module = pending.pop(0)
            yield module
            for block in module.folder.modules.values():
                children = module.children(block)
                if children == {}:
                    children = module.possible_instances(block)[0].children(block)
                pending.extend((children or {}).values())

    def resources(self) -> Iterator[tuple[Module, Block]]:
        """Yield the resource blocks of this module and of all modules below it, each with its module."""
        return ((module, block) for module in self.walk() for block in module.folder.resources)

    def close(self) -> None:
        """Drop all evaluated values of this module and the modules below it.

        They form reference cycles, which otherwise only the garbage collector could free, at a high cost.
        """
        pending = [self, *self._twins.values()]
        self._twins.clear()
        while pending:
            module = pending.pop()
            for children in module._children.values():
                pending.extend((children or {}).values())
            module._memory.clear()
            module._scopes.clear()
            module._instances.clear()
            module._possible.clear()
            module._children.clear()
            module.arguments = {}


def _switches_off(value: Node) -> bool:
    """True for false, zero, null, and an empty string or collection."""
    if isinstance(value, ListNode | ObjectNode):
        return not (value.items if isinstance(value, ListNode) else value.entries)
    return known_string(value) in ("", "0", "false") or is_null(value)


def _instance_reference(
    value: Reference, suffix: str, instance: Instance | None, at: Position, *, is_defined: bool = False
) -> Reference:
    """Return a reference to an instance of a resource.

    ``is_defined``: the instances under unknown keys are one definition, whose address has no key.
    """
    return Reference(
        (Unresolved(value.unresolved_parts[0].expression + suffix),),
        at,
        address=value.address if is_defined else value.address + suffix,
        type=value.type,
        block=value.block,
        module=value.module,
        instance=instance,
    )


def is_secret(block: Block) -> bool:
    """True if a variable or an output is declared to be sensitive or ephemeral."""
    return _is_set(block, "sensitive") or _is_set(block, "ephemeral")


def _is_set(block: Block, name: str) -> bool:
    """True if an attribute is there, unless it is false."""
    attribute = block.body.get(name)
    return attribute is not None and getattr(attribute.value, "value", None) is not False
