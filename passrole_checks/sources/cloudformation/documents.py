"""Policy documents below the properties of a resource: found through lists and ``Fn::If``, evaluated, collected.

Paths are the template's own keys below ``Properties``, also through a function:
``Policies/Fn::If/1/0/PolicyDocument``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from passrole_checks.iam.partial_values import Absent, Choice, Const, Node, Position, StringNode, unknown
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, has_different_keys, scalar
from passrole_checks.sources.model.attachments_elsewhere import flatten_variants
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind, ResourceDefinition, Unreadable

Conditions = tuple[tuple[str, bool], ...]


def is_no_value(node: yaml.Node) -> bool:
    """Whether a node is ``Ref AWS::NoValue``, which stands for nothing at all."""
    function = call(node)
    return function is not None and function[0] == "Ref" and scalar(function[1]) == "AWS::NoValue"


def there(evaluator: Evaluator) -> tuple[PathCondition, ...]:
    """The facts under which the resource that is read is there, in sets of which each suffices; none for a resource
    that is there whatever holds."""
    exists = evaluator.there(Const(True, Position(evaluator.template.file, 1)))
    return tuple(facts for facts, _ in flatten_variants(exists) if facts)


@dataclass(frozen=True, slots=True)
class PropertyNode:
    """A node below a property: its path, and the conditions under which it is there, each with its outcome."""

    path: str
    node: yaml.Node
    conditions: Conditions = ()

    def within(self, path: str, node: yaml.Node) -> PropertyNode:
        """What stands at a path below it, or in its place."""
        return PropertyNode(f"{self.path}/{path}", node, self.conditions)


class TemplateDocuments:
    """Collects the policy documents of a template, and what of it cannot be read or is not evaluated."""

    def __init__(self, template: Template, evaluator: Evaluator) -> None:
        self.template = template
        self.evaluator = evaluator
        self.policies: list[AttachedPolicy] = []
        self.unreadable: list[Unreadable] = []
        self.not_evaluated: list[Unreadable] = []

    def cannot(self, node: yaml.Node, reason: str, resource: str = "") -> None:
        """Tell that what stands at a node cannot be read; ``resource`` is the logical id of the resource around it."""
        line = node.start_mark.line + 1
        self.unreadable.append(Unreadable(self.template.file_of(node), reason, line, resource=resource))

    def skipped(self, node: yaml.Node, reason: str) -> None:
        """Tell that what stands at a node is not evaluated."""
        self.not_evaluated.append(Unreadable(self.template.file_of(node), reason, node.start_mark.line + 1))

    def once(self, node: yaml.Node | None, names: frozenset[str] | None, holder: str = "", resource: str = "") -> None:
        """Name the keys of a mapping (those of ``names``, or all) that stand in it twice with different values.

        CloudFormation takes the last of them, which is not what a reader of the first one expects
        (aws-cloudformation/cfn-language-discussion, issue 96).
        """
        if has_different_keys(node):
            return
        seen: set[str] = set()
        for key, _ in entries(node):
            if (names is None or key.value in names) and key.value in seen:
                self.cannot(key, f"{holder}{key.value} is given twice", resource)
            seen.add(key.value)

    def document(
        self,
        resource: ResourceDefinition,
        properties: yaml.Node,
        path: tuple[str, ...],
        kind: PolicyKind,
        principals: tuple[str, ...] = (),
        required: bool = False,
    ) -> Node | None:
        """Collect the document below a path of keys, if there is one; its value."""
        node = child(properties, *path)
        if node is None:
            if required:
                self.cannot(properties, f"{resource.address} has no {path[-1]}", resource.address)
            return None
        return self.emit(resource, PropertyNode("/".join(path), node), kind, principals)

    def emit(
        self, resource: ResourceDefinition, found: PropertyNode, kind: PolicyKind, principals: tuple[str, ...]
    ) -> Node | None:
        """Collect a document that was found; its value, None where it is surely not there."""
        document = self.under(found.conditions, found.node)
        if isinstance(document, Absent):
            return None
        self.policies.append(AttachedPolicy(resource, found.path, self.evaluator.there(document), kind, principals))
        for key, value in entries(found.node):
            if key.value.startswith("Fn::") and call(found.node) is None and child(found.node, "Statement") is not None:
                # A macro's or a loop's entries beside the document's own: what they add is not known.
                rest = self.evaluator.node(
                    yaml.MappingNode("tag:yaml.org,2002:map", [(key, value)], key.start_mark, value.end_mark)
                )
                path = f"{found.path}/{key.value}"
                self.policies.append(AttachedPolicy(resource, path, self.evaluator.there(rest), kind, principals))
        return document

    def unknown(
        self,
        resource: ResourceDefinition,
        found: PropertyNode,
        expression: str,
        reason: str,
        principals: tuple[str, ...],
    ) -> None:
        """Collect a document of which nothing is known but its place."""
        document: Node = unknown(expression, self.template.position(found.node), reason)
        for condition, outcome in reversed(found.conditions):
            document = self.evaluator.under(condition, outcome, document)
        document = self.evaluator.there(document)
        self.policies.append(AttachedPolicy(resource, found.path, document, PolicyKind.IDENTITY, principals))

    def under(self, conditions: Conditions, node: yaml.Node) -> Node:
        """The node's value as one alternative of the conditions that lead to it."""
        if not conditions:
            return self.evaluator.node(node)
        (condition, outcome), *rest = conditions
        with self.evaluator.assuming(condition, outcome):
            value = self.under(tuple(rest), node)
        return self.evaluator.under(condition, outcome, value)

    def elements(
        self, node: yaml.Node, path: str, conditions: Conditions = (), in_list: bool = False
    ) -> Iterator[tuple[PropertyNode, bool]]:
        """The elements of a list, through ``Fn::If``; with each, whether it stands in a list (or where one should)."""
        function = call(node)
        if function is None and isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from self.elements(item, f"{path}/{number}", conditions, True)
            return
        if is_no_value(node):
            return
        if function and function[0] == "Fn::If" and isinstance(function[1], yaml.SequenceNode):
            branches = function[1].value
            condition = scalar(branches[0]) if len(branches) == 3 else None
            if condition is not None:
                decided = dict(conditions).get(condition, self.evaluator.assumed(condition))
                for number, outcome in ((1, True), (2, False)):
                    if decided is None or decided is outcome:
                        further = conditions if decided is outcome else (*conditions, (condition, outcome))
                        yield from self.elements(branches[number], f"{path}/Fn::If/{number}", further, in_list)
                return
        yield PropertyNode(path, node, conditions), in_list

    def text(self, node: yaml.Node | None) -> StringNode | None:
        """A property's text; alternatives become one hole, because a name or a path is one text."""
        value = self.evaluator.node(node) if node is not None else None
        if isinstance(value, Choice):
            return unknown(value.condition, value.at, "depends on a condition")
        return value if isinstance(value, StringNode) else None
