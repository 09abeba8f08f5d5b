"""Find, evaluate and collect policy documents below the properties of a resource, through lists and ``Fn::If``.

Paths are the template's own keys below ``Properties``, also through a function: ``Policies/Fn::If/1/0/PolicyDocument``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Absent, Choice, Const, Node, Position, StringNode, Unresolved, unresolved
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import flatten_variants
from passrole_checks.sources.cloudformation.compose_yaml import children_of, nodes_below
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.strings import written_name
from passrole_checks.sources.cloudformation.template import (
    SubstitutedScalar,
    Template,
    child,
    entries,
    intrinsic_call,
    replaced_entries,
    scalar,
)
from passrole_checks.sources.collect.resource import FoundDocument
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
    Unreadable,
)

# actions with PassRole and the AWS managed policies for administrators, in plain text
_PASSES_ROLES = lazy_regex(
    r"iam:(?:\*|Pass)|\A\*\Z|\"\*\"|:policy/(?:Administrator|PowerUser|IAMFull)Access", re.IGNORECASE
)

Conditions = tuple[tuple[str, bool], ...]


def is_no_value(node: yaml.Node) -> bool:
    """True if a node is ``Ref AWS::NoValue``, which removes the property."""
    function = intrinsic_call(node)
    return function is not None and function[0] == "Ref" and scalar(function[1]) == "AWS::NoValue"


def existence_conditions(evaluator: Evaluator) -> tuple[PathCondition, ...]:
    """Return the path conditions under which the current resource exists, each sufficient; empty if it always
    exists."""
    exists = evaluator.guarded(Const(True, Position(evaluator.template.file, 1)))
    return tuple(when for when, _ in flatten_variants(exists) if when)


@dataclass(frozen=True, slots=True)
class PropertyNode:
    """A node below a property: its path, and the conditions that lead to it, each with its outcome."""

    path: str
    node: yaml.Node
    conditions: Conditions = ()

    def within(self, path: str, node: yaml.Node) -> PropertyNode:
        """Return the node at a path below it, or in its place."""
        return PropertyNode(f"{self.path}/{path}", node, self.conditions)


class TemplateDocuments:
    """Collect the policy documents of a template, and the parts that cannot be read or are not evaluated."""

    def __init__(self, template: Template, evaluator: Evaluator) -> None:
        self.template = template
        self.evaluator = evaluator
        self.policies: list[AttachedPolicy] = []
        self.unreadable: list[Unreadable] = []
        self.not_evaluated: list[Unreadable] = []
        self._noted: set[int] = set()
        self._searched: set[int] = set()  # nodes of policy documents

    def fail(self, node: yaml.Node, reason: str, resource: str = "") -> None:
        """Record that a node cannot be read. ``resource``: the logical id of the resource around it."""
        file, line = self.template.file_of(node), self.template.line_of(node)
        self.unreadable.append(Unreadable(file, reason, line, resource=resource))

    def skip(
        self, node: yaml.Node, reason: str, kind: NoteKind = NoteKind.OTHER_TOOL, content: tuple[str, ...] = ()
    ) -> None:
        """Record that a node is not evaluated. ``content``: as of :class:`Unreadable`."""
        file, line = self.template.file_of(node), self.template.line_of(node)
        self.not_evaluated.append(Unreadable(file, reason, line, kind=kind, content=content))

    def note_duplicates(
        self, node: yaml.Node | None, names: frozenset[str] | None, holder: str = "", resource: str | None = ""
    ) -> None:
        """Note the keys of a mapping (those in ``names``, or all) that occur twice with different values.

        The last one counts, which a reader of the first one does not expect. Equal keys that a loop generates are an
        error: AWS rejects them. ``resource``: the logical id of the resource around it; None if the keys are logical
        ids.
        """
        for key, earlier in replaced_entries(node):
            if names is not None and key.value not in names:
                continue
            if key is earlier or isinstance(key, SubstitutedScalar):
                self.fail(
                    key, f"{holder}duplicate key {key.value} from a loop", key.value if resource is None else resource
                )
                continue
            line = self.template.line_of(earlier)
            reason = f"{holder}the value of {key.value} in line {line}: the key is repeated, and the last value counts"
            self.skip(key, reason, NoteKind.DUPLICATE_KEY)

    def note_duplicates_in_document(self, node: yaml.Node, holder: str) -> None:
        """Note the duplicate keys of a policy document and below it, once."""
        pending = [node]
        while pending:
            inner = pending.pop()
            if isinstance(inner, yaml.CollectionNode) and id(inner) not in self._searched:
                self._searched.add(id(inner))
                self.note_duplicates(inner, None, holder)
                pending.extend(children_of(inner))

    def found_at(self, resource: ResourceDefinition, place: PropertyNode) -> Iterator[FoundDocument]:
        """Yield the document at a place, none if it never exists, and what macros and loops add to it."""
        document = self.evaluate_under(place.conditions, place.node)
        if isinstance(document, Absent):
            return
        yield FoundDocument(place.path, document)
        self.note_duplicates_in_document(place.node, f"{resource.address}: ")
        if intrinsic_call(place.node) is not None or child(place.node, "Statement") is None:
            return
        for key, value in entries(place.node):
            if key.value.startswith("Fn::"):
                # an entry of a macro or a loop beside those of the document: it adds unknown parts
                rest = yaml.MappingNode("tag:yaml.org,2002:map", [(key, value)], key.start_mark, value.end_mark)
                yield FoundDocument(f"{place.path}/{key.value}", self.evaluator.node(rest))

    def unknown_at(self, place: PropertyNode, expression: str, reason: str) -> FoundDocument:
        """Return a document of which only the position is known."""
        document: Node = unresolved(expression, self.template.position(place.node), reason)
        for condition, outcome in reversed(place.conditions):
            document = self.evaluator.guarded_by(condition, outcome, document)
        return FoundDocument(place.path, document)

    def collect(
        self,
        resource: ResourceDefinition,
        documents: Iterable[FoundDocument],
        kind: PolicyKind = PolicyKind.IDENTITY,
        principals: tuple[str, ...] = (),
    ) -> Node | None:
        """Collect documents under the conditions of the resource; return the first one."""
        found = list(documents)
        self.policies.extend(
            AttachedPolicy(resource, each.path, self.evaluator.guarded(each.document), kind, principals)
            for each in found
        )
        return found[0].document if found else None

    def evaluate_under(self, conditions: Conditions, node: yaml.Node) -> Node:
        """Return the node's value as a variant under the conditions that lead to it."""
        if not conditions:
            return self.evaluator.node(node)
        (condition, outcome), *rest = conditions
        with self.evaluator.assume(condition, outcome):
            value = self.evaluate_under(tuple(rest), node)
        return self.evaluator.guarded_by(condition, outcome, value)

    def find_elements(
        self, node: yaml.Node, path: str, conditions: Conditions = (), in_list: bool = False
    ) -> Iterator[tuple[PropertyNode, bool]]:
        """Yield the elements of a list, through ``Fn::If``, each with True if it is in a list."""
        function = intrinsic_call(node)
        if function is None and isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                yield from self.find_elements(item, f"{path}/{number}", conditions, True)
            return
        if is_no_value(node):
            return
        if function and function[0] == "Fn::If" and isinstance(function[1], yaml.SequenceNode):
            branches = function[1].value
            condition = scalar(branches[0]) if len(branches) == 3 else None
            if condition is not None:
                decided = dict(conditions).get(condition, self.evaluator.decided_outcome(condition))
                for number, outcome in ((1, True), (2, False)):
                    if decided is not None and decided is not outcome:
                        self._note_never_used(branches[number], path, condition)
                    else:
                        further = conditions if decided is outcome else (*conditions, (condition, outcome))
                        yield from self.find_elements(branches[number], f"{path}/Fn::If/{number}", further, in_list)
                return
        yield PropertyNode(path, node, conditions), in_list

    def _note_never_used(self, node: yaml.Node, path: str, condition: str) -> None:
        """Add a note on a policy in a branch of ``Fn::If`` that is never used, since its condition is constant."""
        if not isinstance(self.evaluator.conditions.tree(condition), bool) or id(node) in self._noted:
            return
        self._noted.add(id(node))
        if any(isinstance(inner, yaml.ScalarNode) and _PASSES_ROLES.search(inner.value) for inner in nodes_below(node)):
            outcome = "true" if self.evaluator.conditions.tree(condition) else "false"
            self.skip(node, f"{path}: the policy is never used, since the condition {condition} is always {outcome}")

    def string_value(self, node: yaml.Node | None) -> StringNode | None:
        """Return a property's string; variants become one unresolved value with the parts that are text, since a name
        or a path is a single string."""
        value = self.evaluator.node(node) if node is not None else None
        if isinstance(value, Choice):
            unknown = Unresolved(value.condition, reason="depends on a condition")
            return written_name(node, unknown, value.at) or StringNode((unknown,), value.at)
        return value if isinstance(value, StringNode) else None
