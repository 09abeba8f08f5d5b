"""Who holds which policy in a template, and which managed policies are permissions boundaries only.

Sources: AWS CloudFormation Template Reference, AWS::IAM::ManagedPolicy and AWS::IAM::Policy (``Roles``, ``Users``,
``Groups``), AWS::IAM::Role, User and Group (``ManagedPolicyArns``), AWS::SSO::PermissionSet
(``CustomerManagedPolicyReferences``), AWS::SSM::Parameter; IAM User Guide, "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Choice, ListNode, Node, StringNode, UnresolvedKind, holes_in, texts_in
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.resource_types import LIMITS, RESOURCE_POLICIES
from passrole_checks.sources.cloudformation.strings import placeholders
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar, type_of
from passrole_checks.sources.model.attachments_elsewhere import conditional_holders, flatten_variants
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.model.principal_names import literal_principal

_NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
_KINDS = {"AWS::IAM::Role": "role", "AWS::IAM::User": "user", "AWS::IAM::Group": "group"}
_LISTS = {"Roles": "role", "Users": "user", "Groups": "group"}
_MANAGED = "AWS::IAM::ManagedPolicy"
_BOUNDARIES = frozenset({"PermissionsBoundary", "EnvironmentRolePermissionBoundary"})  # the latter: AWS::DataZone
_DOCUMENTS = frozenset({"AssumeRolePolicyDocument", "InlinePolicy", "Policies", "PolicyDocument", "ResourcePolicy"})
_PUBLISHED = "AWS::SSM::Parameter"
_STACKS = frozenset({"AWS::CloudFormation::Stack", "AWS::Serverless::Application"})
_POLICY_NAME = re.compile(r":policy/(?:.*/)?([^/]+)$")


class TemplateAttachments:
    """Looks once through all resources.

    ``owners``: SAM's implicit roles with what they are made for. ``below`` says of a nested stack and one of its
    parameters whether the nested stack takes it for a permissions boundary and for nothing else.
    """

    def __init__(
        self,
        template: Template,
        evaluator: Evaluator,
        owners: Mapping[str, str],
        below: Callable[[str, str], bool] = lambda stack, parameter: False,
    ) -> None:
        self.template = template
        self.evaluator = evaluator
        self.owners = owners
        self.below = below
        self._made = {owner: role for role, owner in owners.items()}
        self._by_name: dict[tuple[str, str], str] = {}  # by kind and name
        self._managed: dict[str, str] = {}  # its name as it is written, where it has one: its logical id
        self._types = {name: type_of(node) or "" for name, node in template.resources.items()}
        for logical_id, kind in self._types.items():
            name = self._written(logical_id, _NAMES.get(kind, ""))
            if name:
                one = _KINDS[kind], name
                self._by_name[one] = (
                    literal_principal(*one) if one in self._by_name else logical_id
                )  # which of two is not known
            name = self._written(logical_id, "ManagedPolicyName" if kind == _MANAGED else "")
            if name:
                self._managed[name] = logical_id
        self._attached: dict[str, dict[str, list[PathCondition]]] = {}  # managed policies, who gets them, and when
        self._bounds: set[str] = set()  # managed policies and parameters
        self._used: set[str] = set()  # in any other way
        self._given: dict[
            str, dict[str, list[PathCondition]]
        ] = {}  # policies of nested stacks, who gets them, and when
        if _MANAGED in self._types.values() or template.called is not None or self._stacks():
            self._look()

    def _written(self, logical_id: str, prop: str) -> str | None:
        """A name as it is written, holes included: where the same words stand again, it is the same name."""
        node = child(self.template.resources[logical_id], "Properties", prop) if prop else None
        value = self.evaluator.node(node) if node is not None else None
        return str(value) if isinstance(value, StringNode) else None

    def _stacks(self) -> frozenset[str]:
        return frozenset(name for name, kind in self._types.items() if kind in _STACKS)

    def _look(self) -> None:
        stacks = self._stacks()
        for logical_id, key, value, bounds in self._properties():
            kind = self._types[logical_id]
            if stacks and any(word in stacks for word, _ in _mentioned(value)):
                self._look_below(logical_id, key, value, bounds)
            if bounds:
                self._bounds.update(self._policies_in(value, by_name=True))
            elif key == "ManagedPolicyArns" and kind in _NAMES:
                self._attach(logical_id, value)
            elif key == "Policies" and kind.startswith("AWS::Serverless::"):
                for item in sam.managed_policies(value):
                    self._attach(self._made.get(logical_id, logical_id), item)
            elif key == "CustomerManagedPolicyReferences":
                self._attach(logical_id, value, by_name=True)
            # an attachment may be written in a way that is not understood: whoever is named there is in use
            self._mentions(value, bounds)
        for _, value in entries(child(self.template.root, "Globals")):
            boundary = child(value, "PermissionsBoundary")
            if boundary is not None:
                self._bounds.update(self._policies_in(boundary))
            self._mentions(value, False)
        if self._bounds and self._managed:
            self._look_for_names()

    def _look_below(self, logical_id: str, key: str, value: yaml.Node, bounds: bool) -> None:
        """What a property does with the outputs of nested stacks, which may be policies of theirs."""
        holders = [logical_id] if key == "ManagedPolicyArns" and self._types[logical_id] in _NAMES else []
        for facts, one in flatten_variants(self.evaluator.node(value)):
            for hole in holes_in(one):
                name = hole.expression.removesuffix(".PolicyArn")
                for holder in holders:
                    self._given.setdefault(name, {}).setdefault(holder, []).append(facts)
                (self._bounds if bounds else self._used).add(name)

    def of_nested(self, policy: AttachedPolicy, stack: str, inner: TemplateAttachments) -> AttachedPolicy:
        """A policy of a nested stack with what this template does with it: gives it to someone, or bounds roles."""
        outer = policy.resource.address
        name = outer.removeprefix(f"{stack}.")
        if policy.resource.type != _MANAGED or policy.kind not in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY):
            return policy
        if outer in self._used:
            given = self._given.get(outer, {})
            principals = dict.fromkeys((*policy.principals, *given))
            added = {who: facts for who, facts in given.items() if who not in policy.principals}
            held = (*policy.held, *conditional_holders(added))
            return replace(policy, kind=PolicyKind.IDENTITY, principals=tuple(principals), held=held)
        # what is nested deeper than one stack has been looked at there
        if outer in self._bounds and name in inner._types and name not in inner._used and not policy.principals:
            return replace(policy, kind=PolicyKind.BOUNDARY)
        return policy

    def _properties(self) -> Iterator[tuple[str, str, yaml.Node, bool]]:
        """Each property of each resource: its logical id, its name, its value, and whether that is a boundary.

        What is passed to a nested stack is one by one; a parameter of Systems Manager only publishes its value.
        """
        for logical_id, node in self.template.resources.items():
            kind = self._types[logical_id]
            if kind == _PUBLISHED:
                continue
            for key, value in entries(child(node, "Properties")):
                if key.value == "Parameters" and kind in _STACKS and call(value) is None:
                    for name, passed in entries(value):
                        yield logical_id, key.value, passed, self._is_bound_below(logical_id, name.value, passed)
                else:
                    yield logical_id, key.value, value, key.value in _BOUNDARIES

    def _is_bound_below(self, stack: str, parameter: str, passed: yaml.Node) -> bool:
        """Whether a nested stack takes what it is passed for a permissions boundary, if it is a managed policy."""
        named = any(map(self._is_followed, (word for word, _ in _mentioned(passed))))
        return (named or bool(self._policies_in(passed, by_name=True))) and self.below(stack, parameter)

    def _is_followed(self, word: str) -> bool:
        return self._types.get(word) == _MANAGED or word in self.template.parameters

    def bounds_only(self, name: str) -> bool:
        """Whether a managed policy, or a parameter, is used as a permissions boundary, and in no other way."""
        return name in self._bounds and name not in self._used

    def _attach(self, holder: str, node: yaml.Node, by_name: bool = False) -> None:
        for facts, value in flatten_variants(self.evaluator.node(node)):
            for policy in self.policies_named(value, by_name):
                self._attached.setdefault(policy, {}).setdefault(holder, []).append(facts)

    def _look_for_names(self) -> None:
        """Count a managed policy as used where a property other than a policy document holds its ARN, or where one
        that speaks of policies holds its name."""
        for logical_id, key, value, bounds in self._properties():
            kind = self._types[logical_id]
            own_name = kind.startswith("AWS::IAM::") and key in ("ManagedPolicyName", "PolicyName")
            others = {path.split("/")[0] for path in (*RESOURCE_POLICIES.get(kind, ()), *LIMITS.get(kind, ()))}
            if not bounds and not own_name and key not in _DOCUMENTS and key not in others:
                self._used.update(self._policies_in(value, by_name="polic" in key.lower()))

    def _policies_in(self, node: yaml.Node, by_name: bool = False) -> list[str]:
        """The managed policies of this template that a value refers to, by reference or by an ARN with their name, and
        with ``by_name`` by their name alone."""
        return self.policies_named(self.evaluator.node(node), by_name)

    def policies_named(self, value: Node, by_name: bool = False) -> list[str]:
        """The same for a value."""
        found: dict[str, None] = {}
        for hole in holes_in(value):
            logical_id = hole.expression.removesuffix(".PolicyArn").removesuffix(".Arn")
            if self._types.get(logical_id) == _MANAGED:
                found[logical_id] = None
        for text in texts_in(value):
            written = str(text)
            named = _POLICY_NAME.search(written)
            if named and named.group(1) in self._managed and ":aws:policy/" not in written:
                found[self._managed[named.group(1)]] = None
            elif by_name and written in self._managed:
                found[self._managed[written]] = None
        return list(found)

    def _mentions(self, node: yaml.Node, bounds: bool) -> None:
        for word, bound in _mentioned(node, bounds):
            if self._is_followed(word):
                (self._bounds if bound else self._used).add(word)
        for value in _conditions_on_boundaries(node):
            self._bounds.update(self._policies_in(value))

    def is_boundary(self, logical_id: str, attached: bool) -> bool:
        """Whether a managed policy is used here as a permissions boundary, or in a condition, and in no other way.

        An export in Outputs is no use: boundaries are exported for the boundaries of other stacks.
        """
        return self.bounds_only(logical_id) and not attached

    def principals(self, properties: yaml.Node, logical_id: str) -> tuple[str, ...]:
        """Who gets a policy: its own lists, and the roles, users and groups that name it."""
        return tuple(self._holders(properties, logical_id))

    def held(self, properties: yaml.Node, logical_id: str) -> tuple[tuple[str, PathCondition], ...]:
        """Those among them who get it under some facts only, each with the facts."""
        return conditional_holders(self._holders(properties, logical_id))

    def _holders(self, properties: yaml.Node, logical_id: str) -> dict[str, list[PathCondition]]:
        found: dict[str, list[PathCondition]] = {}
        for key, kind in _LISTS.items():
            node = child(properties, key)
            for facts, value in flatten_variants(self.evaluator.node(node)) if node is not None else ():
                for name in self.names(value, kind):
                    found.setdefault(name, []).append(facts)
        for name, readings in self._attached.get(logical_id, {}).items():
            found.setdefault(name, []).extend(readings)
        return found

    def names(self, node: Node, kind: str) -> tuple[str, ...]:
        """The principals of a kind that a name, or a list of names, stands for: logical ids, else literal names."""
        if isinstance(node, ListNode):
            found = [name for item in node.items for name in self.names(item, kind)]
        elif isinstance(node, Choice):
            found = [name for _, option in node.options for name in self.names(option, kind)]
        elif isinstance(node, StringNode):
            hole = node.only_hole
            if hole and (hole.expression in self._types or hole.expression in self.owners):
                other = _KINDS.get(self._types.get(hole.expression, ""), kind) != kind  # only its name
                found = [literal_principal(kind, hole.expression) if other else hole.expression]
            elif hole and hole.kind is UnresolvedKind.NAME and hole.role:
                found = [hole.role]  # of a nested stack, or of the stack around this one
            else:
                found = [self._by_name.get((kind, str(node)), literal_principal(kind, str(node)))]
        else:
            found = []
        return tuple(dict.fromkeys(found))


def _mentioned(node: yaml.Node, bounds: bool = False) -> Iterator[tuple[str, bool]]:
    """Every name that is referred to below a node, and whether that is in a condition or in a permissions boundary."""
    function = call(node)
    if function:
        name, argument = function
        first = argument.value[0] if isinstance(argument, yaml.SequenceNode) and argument.value else argument
        if name in ("Ref", "Fn::GetAtt"):
            yield (scalar(first) or "").split(".")[0], bounds
            return
        if name == "Fn::Sub":
            for piece in placeholders(scalar(first) or ""):
                if piece.reference:
                    yield piece.value.split(".")[0], bounds
        yield from _mentioned(argument, bounds)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _mentioned(item, bounds)
    elif isinstance(node, yaml.MappingNode):
        for key, value in entries(node):
            yield from _mentioned(value, bounds or key.value == "Condition" or key.value in _BOUNDARIES)


def _conditions_on_boundaries(node: yaml.Node) -> Iterator[yaml.Node]:
    """The values of the condition key iam:PermissionsBoundary below a node."""
    for item in node.value if isinstance(node, yaml.SequenceNode) else ():
        yield from _conditions_on_boundaries(item)
    for key, value in entries(node):
        if key.value.lower() == "iam:permissionsboundary":
            yield value
        yield from _conditions_on_boundaries(value)
