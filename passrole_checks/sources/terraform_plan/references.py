"""What the expressions of a plan's configuration refer to.

A plan tells of an expression only a constant value or the names that it mentions ("JSON Output Format", expression
representation). Where a value is known after apply, those names are what is left of it: they are followed here through
module variables and module outputs to the resources behind them.
Source: Terraform documentation, "JSON Output Format" ("Expression Representation").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.terraform_plan.model import as_list, as_object, as_text, call_instance_key, module_steps

_MAX_DEPTH = 32
_MAX_STEPS = 5_000  # names that are followed for one expression
_INDEX = frozenset({"each.key", "count.index"})
_VARIABLE = re.compile(r"var\.([\w-]+)")
_EACH_VALUE = re.compile(r"each\.value(?:[.\[].*)?")
_OUTPUT = re.compile(r'(module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?)\.([\w-]+)')


@dataclass(frozen=True)
class BlockInstance:
    """The block instance that an expression stands in: its key (``["a"]``), and what its ``for_each`` refers to."""

    index: str = ""
    for_each: Json = None


_NO_INSTANCE = BlockInstance()


@dataclass(frozen=True)
class PlanReference:
    """A name that an expression mentions: ``text`` as written, ``module`` the address of the module it is written in.

    ``attribute`` of ``resource`` (an address in full) where it names one of a resource: ``arn``, ``json``, …
    ``index`` is the key of the instance that the expression stands in, and so what ``each.key`` and ``count.index``
    beside the name mean. ``one_of``: the name is one of several in a ``for_each``, and which is not told.
    """

    module: str
    text: str
    index: str = ""
    one_of: bool = False

    @property
    def resource(self) -> str | None:
        """The address of the resource that is named, None where it is something else."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return qualify(self.module, match.group(1)) if match else None

    @property
    def attribute(self) -> str | None:
        """The attribute that is named, None where none is."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return match.group(3) if match else None

    @property
    def indexed(self) -> bool:
        """Whether the name says which instance of the resource it means."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return match is not None and match.group(2) is not None


_ATTRIBUTE = re.compile(r'((?:data\.)?[a-z][a-z\d]*_\w+\.[\w-]+(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?)(?:\.(\w+))?')


def without_index(found: Sequence[PlanReference]) -> list[PlanReference]:
    """The names without ``each.key`` and ``count.index``, which stand beside ``x.y`` for ``x.y[each.key].z``."""
    return [reference for reference in found if reference.text not in _INDEX]


def qualify(module: str, name: str) -> str:
    """A name inside a module as an address."""
    return f"{module}.{name}" if module else name


class PlanReferences:
    """The expressions of one plan's configuration."""

    def __init__(self, configuration: dict[str, Json]) -> None:
        self._root = as_object(configuration.get("root_module"))
        self._steps_left = _MAX_STEPS
        self._resources: dict[str, dict[str, dict[str, Json]]] = {}  # by module path without instance keys

    def expressions(self, module: str, name: str) -> dict[str, Json] | None:
        """The expressions of a resource (``aws_iam_policy.x``, ``data.aws_iam_policy_document.x``), None if unknown.

        ``module`` is the address of its module; instance keys make no difference, as one configuration serves all.
        """
        found = self._module_resources(module).get(name)
        return as_object(found.get("expressions")) if found is not None else None

    def owner(self, module: str, name: str, index: str) -> BlockInstance:
        """An instance of a resource as the place that its expressions stand in."""
        found = self._module_resources(module).get(name)
        return BlockInstance(index, found.get("for_each_expression") if found is not None else None)

    def follow(self, module: str, expression: Json, owner: BlockInstance = _NO_INSTANCE) -> tuple[PlanReference, ...]:
        """The names that an expression written in a module refers to, in its order, each once, followed to the end.

        An expression that is a list or an object of expressions (a nested block) gives the names of all of them.
        """
        found: dict[PlanReference, None] = {}
        self._steps_left = _MAX_STEPS
        self._follow(_ExpressionSite(module, owner), expression, found, frozenset(), 0)
        return tuple(found)

    def _follow(
        self,
        place: _ExpressionSite,
        expression: Json,
        found: dict[PlanReference, None],
        seen: frozenset[tuple[str, str]],
        depth: int,
    ) -> None:
        if depth > _MAX_DEPTH:
            return
        if isinstance(expression, list):
            for item in expression:
                self._follow(place, item, found, seen, depth + 1)
            return
        if not isinstance(expression, dict):
            return
        if not isinstance(expression.get("references"), list):
            for key, item in expression.items():
                if key != "constant_value":
                    self._follow(place, item, found, seen, depth + 1)
            return
        names = [name for name in as_list(expression["references"]) if isinstance(name, str)]
        for name in _longest_names(names):
            if (place.module, name) in seen:
                continue
            self._steps_left -= 1
            behind = self._target_expression(place, name) if self._steps_left > 0 else None
            inner: dict[PlanReference, None] = {}
            if behind is not None:
                self._follow(*behind, inner, seen | {(place.module, name)}, depth + 1)
            if not inner:  # nothing behind it is named
                inner = {PlanReference(place.module, name, place.owner.index): None}
            elif _EACH_VALUE.fullmatch(name) and len(inner) > 1:
                inner = {replace(reference, one_of=True): None for reference in inner}
            found.update(inner)

    def _target_expression(self, place: _ExpressionSite, name: str) -> tuple[_ExpressionSite, Json] | None:
        """The expression that a module's variable, a module's output or ``each.value`` stands for, and where it is."""
        if match := _VARIABLE.fullmatch(name):
            steps = module_steps(place.module)
            if not steps:
                return None
            parent = ".".join(steps[:-1])
            call = as_object(as_object(self._module(parent).get("module_calls")).get(_call_name(steps[-1])))
            given = as_object(call.get("expressions")).get(match.group(1))
            owner = BlockInstance(call_instance_key(place.module), call.get("for_each_expression"))
            return (replace(place, module=parent, owner=owner), given) if given is not None else None
        if match := _OUTPUT.fullmatch(name):
            child = qualify(place.module, match.group(1))
            output = as_object(as_object(self._module(child).get("outputs")).get(match.group(2)))
            given = output.get("expression")
            return (replace(place, module=child, owner=_NO_INSTANCE), given) if given is not None else None
        if _EACH_VALUE.fullmatch(name) and place.owner.for_each is not None:
            return replace(place, owner=replace(place.owner, for_each=None)), place.owner.for_each
        return None

    def _module(self, address: str) -> dict[str, Json]:
        current = self._root
        for step in module_steps(address):
            calls = as_object(current.get("module_calls"))
            current = as_object(as_object(calls.get(_call_name(step))).get("module"))
        return current

    def _module_resources(self, module: str) -> dict[str, dict[str, Json]]:
        path = ".".join(_call_name(step) for step in module_steps(module))
        if path not in self._resources:
            resources = map(as_object, as_list(self._module(module).get("resources")))
            self._resources[path] = {as_text(resource.get("address")) or "": resource for resource in resources}
        return self._resources[path]


@dataclass(frozen=True)
class _ExpressionSite:
    """Where an expression stands: the address of its module, and the block instance in it."""

    module: str
    owner: BlockInstance


def _call_name(step: str) -> str:
    return step.removeprefix("module.").partition("[")[0]


def _longest_names(names: list[str]) -> list[str]:
    """The names without those that another one begins with: of ``x.y.arn`` and ``x.y`` only the first."""
    begun: set[str] = set()
    for name in names:
        for place, char in enumerate(name):
            if char in ".[":
                begun.add(name[:place])
    return [name for name in dict.fromkeys(names) if name not in begun]
