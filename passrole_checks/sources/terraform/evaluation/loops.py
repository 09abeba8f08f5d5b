"""Loops: ``for`` expressions, splats, and the iterations over a collection.

Source: Terraform language documentation, "for Expressions" and "Splat Expressions".
"""

from __future__ import annotations

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnknownTail,
    Unresolved,
    failure,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, Predicate, negate
from passrole_checks.iam.values.variants import guard, make_choice, map_variants
from passrole_checks.sources.terraform.evaluation.get_path import collection_name, get_path, to_key
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, assumption_of, evaluate, evaluator_for
from passrole_checks.sources.terraform.evaluation.statement_position import at_actions
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Reference,
    Repeated,
    instances_of,
    is_null,
    is_unknown,
    known_bool,
    known_string,
    repeat,
)
from passrole_checks.sources.terraform.reading import syntax

_MAX_ELEMENTS = 50_000  # elements of a loop's result, nested lists included


@dataclass(frozen=True)
class Iteration:
    """One iteration of a loop.

    ``label``: index, key or (if ``whole``) value of the element, for the text of conditions. ``repeated``: True if it
    represents any number of iterations. ``when``: conditions under which it takes place. ``element_condition``: those
    of ``when`` that do not concern whether a repeated iteration takes place at all.
    """

    key: Node
    value: Node
    label: str
    whole: bool = False
    repeated: bool = False
    when: PathCondition = ()
    element_condition: PathCondition = ()

    def labels(self, key: str | None, value: str, collection: str) -> dict[str, str]:
        """Return the text of the values of the loop variables, by variable. ``collection``: text of the collection."""
        element = self.label if self.whole else f"{collection}[{self.label}]"
        known_key = known_string(self.key)
        key_text = f'"{known_key}"' if known_key is not None else f"key of {element}"
        return {value: element} if key is None else {key: key_text, value: element}

    def scope(self, loop: syntax.For | syntax.ForDirective, scope: EvaluationScope) -> EvaluationScope:
        """Return the scope of the body of a loop."""
        keys = {loop.key: self.key} if loop.key is not None else {}
        labels = self.labels(loop.key, loop.value, scope.unique_text(loop.collection.span))
        return scope.with_variables({loop.value: self.value, **keys}, labels)


def iterations_of(collection: Node) -> list[Iteration] | None:
    """Return the iterations over a collection; None if the value is no collection."""
    at = collection.at
    if isinstance(collection, ListNode):
        return [_element_iteration(index, item) for index, item in enumerate(collection.items)]
    if isinstance(collection, ObjectNode):
        return [_entry_iteration(entry) for entry in collection.entries]
    instances = instances_of(collection)
    if instances is not None:
        present = [(key, *_split_presence(value)) for key, value in instances]
        return [Iteration(StringNode((key,), at), value, f'"{key}"', when=when) for key, value, when in present]
    if isinstance(collection, StringNode) and collection.unresolved_parts:
        return [_unknown_iteration(collection)]
    return None


def _entry_iteration(entry: ObjectEntry) -> Iteration:
    value, when = _split_presence(entry.value)
    return Iteration(entry.key, value, f'"{entry.key}"', repeated=isinstance(entry.key, UnknownTail), when=when)


def _split_presence(node: Node) -> tuple[Node, PathCondition]:
    """Return an element as it is if present, and the conditions under which it is present."""
    when: PathCondition = ()
    while isinstance(node, Choice) and len(node.options) == 2:
        present = [(outcome, option) for outcome, option in node.options if not isinstance(option, Absent)]
        if len(present) != 1:
            break
        when = (*when, present[0][0])
        node = present[0][1]
    return node, when


def _element_iteration(index: int, item: Node) -> Iteration:
    at, repeated = item.at, isinstance(item, Repeated)
    item, when = _split_presence(item)
    if isinstance(item, UnknownTail):
        key, not_empty = unresolved("…", item.at), Assumption(collection_name(item), predicate=Predicate.NOT_EMPTY)
        return Iteration(key, item.element, str(item), False, True, (*when, not_empty), when)
    if repeated:
        return Iteration(unresolved("…", item.at), item, str(index), False, True, when, when[1:])
    known = known_string(item)
    if known is not None:
        return Iteration(Const(index, at), item, f'"{known}"', whole=True, when=when)
    return Iteration(Const(index, at), item, str(index), when=when)


def _unknown_iteration(collection: StringNode) -> Iteration:
    source_text = str(collection.only_unresolved.expression if collection.only_unresolved else collection)
    key = unresolved(f"{source_text} key", collection.at)
    if isinstance(collection, Reference):
        return Iteration(key, collection, "*", repeated=True)
    element = Unresolved(f"{source_text}[*]", reason=collection.unresolved_parts[0].reason)
    value = StringNode((element,), collection.at, defaults=collection.defaults)
    when = (Assumption(source_text, predicate=Predicate.NOT_EMPTY),)
    return Iteration(key, value, "*", repeated=True, when=when)


@evaluator_for(syntax.For)
def _for(expression: syntax.For, scope: EvaluationScope) -> Node:
    collection = evaluate(expression.collection, scope)
    return map_variants(lambda known: _run_loop(expression, known, scope), collection)


def _run_loop(expression: syntax.For, collection: Node, scope: EvaluationScope) -> Node:
    at, source_text = scope.position(expression.span), scope.source_text(expression.span)
    iterations = iterations_of(collection)
    if iterations is None:
        return failure(source_text, at, "'for' over a value that is no collection")
    items: list[Node] = []
    entries: list[ObjectEntry] = []
    size = 0
    for iteration in iterations:
        inner = iteration.scope(expression, scope)
        present: Node = Const(True, at) if expression.condition is None else evaluate(expression.condition, inner)
        if known_bool(present) is False:
            continue
        result = at_actions(evaluate(expression.result, inner), (iteration.value,))
        result = _conditional_element(result, present, expression, iteration, inner)
        if isinstance(result, Absent):
            continue
        size += len(result.items) if isinstance(result, ListNode) else 1
        if size > _MAX_ELEMENTS:
            return unresolved(source_text, at, "too large")
        if expression.result_key is None:
            items.append(result)
        else:
            key = to_key(evaluate(expression.result_key, inner))
            if iteration.repeated and key.literal is None:
                key = UnknownTail(key.parts, key.at, defaults=key.defaults)
            entries.append(ObjectEntry(key, result))
    if expression.result_key is None:
        return ListNode(tuple(items), at)
    if not expression.grouping:
        return ObjectNode(tuple(entries), at)
    groups: dict[tuple[object, ...], list[ObjectEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.key.parts, []).append(entry)
    lists = ((group[0].key, ListNode(tuple(entry.value for entry in group), at)) for group in groups.values())
    return ObjectNode(tuple(ObjectEntry(key, values) for key, values in lists), at)


def _conditional_element(
    result: Node, present: Node, expression: syntax.For, iteration: Iteration, scope: EvaluationScope
) -> Node:
    """Return a result that exists under conditions only, or that represents any number of elements."""
    at = result.at

    def decide(condition: Node) -> Node:
        decided = known_bool(condition)
        if decided is not None:
            return result if decided else Absent(at)
        source_text = scope.unique_text(expression.condition.span) if expression.condition is not None else ""
        holds = assumption_of(condition, source_text, scope)
        return Choice(((holds, result), (negate(holds), Absent(at))), at)

    if iteration.repeated and isinstance(result, StringNode):
        result = _repeat_unknown(result)
        return guard(iteration.element_condition, map_variants(decide, present))
    element = map_variants(decide, present)
    if iteration.repeated and iteration.when and expression.result_key is None:
        return repeat(iteration.when, element)
    return guard(iteration.when, element)


def _repeat_unknown(value: StringNode) -> StringNode:
    """Return any number of elements of this form."""
    of = value if isinstance(value, Reference) else None
    is_plain = of is not None or type(value) is StringNode
    return UnknownTail(value.parts, value.at, defaults=value.defaults, of=of) if is_plain else value


@evaluator_for(syntax.Splat)
def _splat(expression: syntax.Splat, scope: EvaluationScope) -> Node:
    source_text, at = scope.source_text(expression.span), scope.position(expression.span)
    steps: list[str | Node] = []
    for step in expression.each:
        steps.append(step if isinstance(step, str) else evaluate(step, scope))

    def walk(target: Node) -> Node:
        if isinstance(target, ListNode):
            return ListNode(tuple(each(item) for item in target.items), at)
        instances = instances_of(target)
        if instances is not None:
            return ListNode(tuple(each(value) for _, value in instances), at)
        if is_null(target):
            return ListNode((), at)
        only = target.only_unresolved if isinstance(target, StringNode) and is_unknown(target) else None
        if isinstance(target, StringNode) and only is not None:
            suffix = "".join(f".{step}" if isinstance(step, str) else f"[{known_string(step)}]" for step in steps)
            parts = (Unresolved(f"{only.expression}[*]{suffix}", reason=only.reason),)
            return ListNode((UnknownTail(parts, at, defaults=target.defaults),), at)
        value, module = each(target), target.module if isinstance(target, Reference) else None
        if isinstance(target, Reference) and isinstance(value, StringNode) and module is not None:
            is_optional = not target.attribute and module.existence_condition(target)
            value = _repeat_unknown(value) if is_optional else value
        return ListNode((value,), at)

    def each(item: Node) -> Node:
        if isinstance(item, Absent):
            return item
        if isinstance(item, Choice):
            options = [(outcome, each(option)) for outcome, option in item.options]
            if isinstance(item, Repeated):
                return Repeated(tuple(options), item.at)
            return make_choice(options, item.at)
        value: Node = item
        for step in steps:
            value = get_path(value, step, source_text, at)
        return _repeat_unknown(value) if isinstance(item, UnknownTail) and isinstance(value, StringNode) else value

    return map_variants(walk, evaluate(expression.target, scope))
