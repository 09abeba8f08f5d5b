"""References in the expressions of a plan's configuration, and the values known after apply that they stand for.

For an expression, a plan has a constant value or the names that it refers to. For a value that is known after apply,
this module follows those names through module variables and outputs to resources, and to the roles behind these.

Source: Terraform documentation, "JSON Output Format" ("Expression Representation", "Change Representation":
``after_unknown``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Part, Unresolved, UnresolvedKind, join
from passrole_checks.sources.collect.terraform_tables import ENTITIES, TRUST_POLICIES
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource, call_instance_key, module_steps

_MAX_DEPTH = 32
_MAX_STEPS = 5_000  # followed references per expression
_INDEX = frozenset({"each.key", "count.index"})
_VARIABLE = lazy_regex(r"var\.([\w-]+)")
_EACH_VALUE = lazy_regex(r"each\.value(?:[.\[].*)?")
_OUTPUT = lazy_regex(r'(module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?)\.([\w-]+)')
AFTER_APPLY = "known after apply"


@dataclass(frozen=True)
class BlockInstance:
    """The block instance that contains an expression: its key (``["a"]``), and the expression of its ``for_each``."""

    index: str = ""
    for_each: Json = None


_NO_INSTANCE = BlockInstance()


@dataclass(frozen=True)
class PlanReference:
    """A reference in an expression: ``text`` as written, ``module`` the address of the module that contains it.

    It may refer to an ``attribute`` of a ``resource`` (its full address): ``arn``, ``json``, … ``index`` is the key of
    the instance that contains the expression, which is the value of ``each.key`` and ``count.index`` there. ``one_of``:
    it is one of several references in a ``for_each``, and which one is unknown.
    """

    module: str
    text: str
    index: str = ""
    one_of: bool = False

    @property
    def resource(self) -> str | None:
        """The address of the referenced resource; None for other references."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return qualify(self.module, match.group(1)) if match else None

    @property
    def attribute(self) -> str | None:
        """The referenced attribute; None for a reference to a whole resource."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return match.group(3) if match else None

    @property
    def indexed(self) -> bool:
        """True if the reference has an instance key."""
        match = _ATTRIBUTE.fullmatch(self.text)
        return match is not None and match.group(2) is not None


_ATTRIBUTE = lazy_regex(r'((?:data\.)?[a-z][a-z\d]*_\w+\.[\w-]+(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?)(?:\.(\w+))?')


def without_index(references: Sequence[PlanReference]) -> list[PlanReference]:
    """Return the references without ``each.key`` and ``count.index``.

    A plan lists these beside ``x.y`` for ``x.y[each.key].z``.
    """
    return [reference for reference in references if reference.text not in _INDEX]


def qualify(module: str, name: str) -> str:
    """Return the address of a name in a module."""
    return f"{module}.{name}" if module else name


class PlanReferences:
    """Expressions of one plan's configuration."""

    def __init__(self, plan: PlanFile) -> None:
        self.plan = plan
        self._root = as_object(plan.configuration.get("root_module"))
        self._steps_left = _MAX_STEPS
        self._resources: dict[str, dict[str, dict[str, Json]]] = {}  # by module path without instance keys

    def expressions(self, module: str, name: str) -> dict[str, Json] | None:
        """Return the expressions of a resource (``aws_iam_policy.x``, ``data.aws_iam_policy_document.x``); None if
        unknown.

        ``module`` is the address of its module; instance keys are ignored, as all instances share one configuration.
        """
        resource = self._module_resources(module).get(name)
        return as_object(resource.get("expressions")) if resource is not None else None

    def expressions_of(self, resource: PlannedResource) -> dict[str, Json]:
        """Return the expressions of a planned resource; empty if unknown."""
        return self.expressions(resource.module, resource.block) or {}

    def owner_of(self, resource: PlannedResource) -> BlockInstance:
        """Return the block instance that contains the expressions of a planned resource."""
        return self.owner(resource.module, resource.block, resource.index)

    def owner(self, module: str, name: str, index: str) -> BlockInstance:
        """Return the block instance that contains the expressions of a resource."""
        resource = self._module_resources(module).get(name)
        return BlockInstance(index, resource.get("for_each_expression") if resource is not None else None)

    def follow(self, module: str, expression: Json, owner: BlockInstance = _NO_INSTANCE) -> tuple[PlanReference, ...]:
        """Return the resolved references of an expression in a module, in order and without duplicates.

        A list or an object of expressions (a nested block) yields the references of all of them.
        """
        references: dict[PlanReference, None] = {}
        self._steps_left = _MAX_STEPS
        self._follow(_ExpressionSite(module, owner), expression, references, frozenset(), 0)
        return tuple(references)

    def _follow(
        self,
        site: _ExpressionSite,
        expression: Json,
        references: dict[PlanReference, None],
        seen: frozenset[tuple[str, str]],
        depth: int,
    ) -> None:
        if depth > _MAX_DEPTH:
            return
        if isinstance(expression, list):
            for item in expression:
                self._follow(site, item, references, seen, depth + 1)
            return
        if not isinstance(expression, dict):
            return
        if not isinstance(expression.get("references"), list):
            for key, item in expression.items():
                if key != "constant_value":
                    self._follow(site, item, references, seen, depth + 1)
            return
        names = [name for name in as_list(expression["references"]) if isinstance(name, str)]
        for name in _longest_names(names):
            if (site.module, name) in seen:
                continue
            self._steps_left -= 1
            target = self._target_expression(site, name) if self._steps_left > 0 else None
            inner: dict[PlanReference, None] = {}
            if target is not None:
                self._follow(*target, inner, seen | {(site.module, name)}, depth + 1)
            if not inner:  # its target has no references
                inner = {PlanReference(site.module, name, site.owner.index): None}
            elif _EACH_VALUE.fullmatch(name) and len(inner) > 1:
                inner = {replace(reference, one_of=True): None for reference in inner}
            references.update(inner)

    def _target_expression(self, site: _ExpressionSite, name: str) -> tuple[_ExpressionSite, Json] | None:
        """Return the expression of a module variable, module output or ``each.value``, and where it is."""
        if match := _VARIABLE.fullmatch(name):
            steps = module_steps(site.module)
            if not steps:
                return None
            parent = ".".join(steps[:-1])
            call = as_object(as_object(self._module(parent).get("module_calls")).get(_call_name(steps[-1])))
            target = as_object(call.get("expressions")).get(match.group(1))
            owner = BlockInstance(call_instance_key(site.module), call.get("for_each_expression"))
            return (replace(site, module=parent, owner=owner), target) if target is not None else None
        if match := _OUTPUT.fullmatch(name):
            child = qualify(site.module, match.group(1))
            output = as_object(as_object(self._module(child).get("outputs")).get(match.group(2)))
            target = output.get("expression")
            return (replace(site, module=child, owner=_NO_INSTANCE), target) if target is not None else None
        if _EACH_VALUE.fullmatch(name) and site.owner.for_each is not None:
            return replace(site, owner=replace(site.owner, for_each=None)), site.owner.for_each
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

    def element(self, references: Sequence[PlanReference], label: str) -> Unresolved:
        """Return one unknown string; a reference to a role's ARN determines the role and the known parts of its ARN."""
        named = without_index(references)
        if len(named) == 1 and (named_role := self._role_of(named[0], len(references) > 1)) is not None:
            expression, role = named_role
            return Unresolved(expression, role=role.address, known=self.arn_of(role), reason=AFTER_APPLY)
        return unknown_part(references, label)

    def elements(self, references: Sequence[PlanReference], label: str) -> list[Unresolved]:
        """Return the unknown elements of a list, one for each reference in its expression."""
        if any(reference.one_of for reference in references):
            return []
        indexes = [reference for reference in references if reference not in without_index(references)]
        return [self.element([reference, *indexes], label) for reference in without_index(references)]

    def _role_of(self, reference: PlanReference, with_key: bool) -> tuple[str, PlannedResource] | None:
        """Return the full expression and the role if a reference is to a role's ARN, else None.

        ``with_key``: ``each.key`` or ``count.index`` is listed too; for ``x.y[each.key].arn`` a plan lists only ``x.y``
        and ``each.key``.
        """
        address = reference.resource
        if address is None or reference.one_of:
            return None
        role, expression = self.plan.resources.get(address), reference.text
        if with_key:
            if reference.attribute is not None or reference.indexed or not reference.index:
                return None
            role = self.plan.resources.get(f"{address}{reference.index}")
            expression = f"{reference.text}{reference.index}.arn"
        elif reference.attribute != "arn":
            return None
        return (expression, role) if role is not None and role.type in TRUST_POLICIES else None

    def arn_of(self, role: PlannedResource) -> tuple[Part, ...]:
        """Return the known parts of the ARN of a role to be created."""
        arn = as_text(role.values.get("arn"))
        if arn:
            return (arn,)
        name, prefix = as_text(role.values.get(ENTITIES[role.type].name)), as_text(role.values.get("name_prefix")) or ""
        path = as_text(role.values.get("path")) or "/"
        name_parts: tuple[Part, ...] = (
            (name,) if name else (prefix, Unresolved(f"{role.address}.name", UnresolvedKind.NAME))
        )
        account: Part = Unresolved("the account id", UnresolvedKind.ACCOUNT_ID)
        if len(self.plan.accounts) == 1:
            account = next(iter(self.plan.accounts))
        return join(
            [
                "arn:",
                Unresolved("the partition", UnresolvedKind.PARTITION),
                ":iam::",
                account,
                f":role{path}",
                *name_parts,
            ]
        )


@dataclass(frozen=True)
class _ExpressionSite:
    """The location of an expression: the address of its module, and its block instance."""

    module: str
    owner: BlockInstance


def _call_name(step: str) -> str:
    return step.removeprefix("module.").partition("[")[0]


def _longest_names(names: list[str]) -> list[str]:
    """Return the names without proper prefixes of others: of ``x.y.arn`` and ``x.y`` only the first."""
    prefixes: set[str] = set()
    for name in names:
        for index, char in enumerate(name):
            if char in ".[":
                prefixes.add(name[:index])
    return [name for name in dict.fromkeys(names) if name not in prefixes]


def unknown_part(references: Sequence[PlanReference], label: str) -> Unresolved:
    """Return the unresolved part for an unknown value, named after its references, else ``label``."""
    return Unresolved(", ".join(reference.text for reference in references) or label, reason=AFTER_APPLY)
