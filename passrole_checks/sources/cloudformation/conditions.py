"""Evaluate the Conditions section into decision trees.

A condition is a tree: a parameter or another expression that is unknown before deployment, its outcomes, and below each
outcome the rest of the decision. ``Equals [Ref Env, prod]`` and ``Not [Equals [Ref Env, dev]]`` refer to the same
expression, so contradictory outcomes are never combined.

Source: AWS CloudFormation Template Reference, "Condition functions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import field, replace
from functools import partial

import yaml

from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Choice, Node, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.iam.values.path_conditions import (
    Assumption,
    PathCondition,
    consistent,
    extend,
    negate,
    none_of,
    one_of,
    simplify,
)
from passrole_checks.sources.cloudformation.parameters import Parameters
from passrole_checks.sources.cloudformation.strings import as_text, format_node
from passrole_checks.sources.cloudformation.template import Template, entries, intrinsic_call, scalar

_MAX_LISTED = 4  # values listed in an outcome before its complement is listed instead
_MAX_OPERANDS = 30  # conditions in one And or Or; CloudFormation allows ten
_DEPTH = 50  # nested conditions
_MAX_PATHS = 12  # of one condition; a larger one is unresolved


@dataclass(frozen=True, slots=True)
class Branch:
    """A decision about an expression: for each outcome, an assumption about it, the subtree."""

    options: tuple[tuple[Assumption, Tree], ...]

    @property
    def subject(self) -> str:
        """The expression."""
        return self.options[0][0].subject


Tree = bool | Branch


class _Undecided(Exception):
    """A malformed condition, or a decision tree with more paths than the limit."""


@dataclass(eq=False)
class TemplateConditions:
    """Decision trees of a template's conditions.

    ``evaluate`` returns the value of a node as conditions see it.
    """

    template: Template
    parameters: Parameters
    evaluate: Callable[[yaml.Node], Node]
    _trees: dict[str, Tree] = field(default_factory=dict)
    _depth: int = 0  # of the current recursion

    def tree(self, name: str) -> Tree:
        """Return the decision tree of a condition; an unresolved one named like the condition if it cannot be
        evaluated."""
        if name not in self._trees:
            self._trees[name] = _opaque(name)  # ends cycles
            node = self.template.conditions.get(name)
            if node is not None:
                with suppress(_Undecided):
                    self._trees[name] = self._mark(self._simplify(self._read_node(node, ())))
        return self._trees[name]

    def _mark(self, tree: Tree) -> Tree:
        """Mark the outcomes that the defaults of parameters contradict."""
        if isinstance(tree, bool):
            return tree
        marked = (
            (replace(outcome, off_by_default=self.parameters.contradicts_default(outcome)), self._mark(below))
            for outcome, below in tree.options
        )
        return Branch(tuple(marked))

    def _simplify(self, tree: Tree) -> Tree:
        """Simplify a decision tree, using the allowed values of its parameter."""
        if isinstance(tree, bool):
            return tree
        name = tree.subject.removeprefix("Ref ")
        allowed = self.parameters.allowed_values(name)
        outcome = (lambda words: self.parameters.outcome(name, words)) if self.parameters.denies else None
        return simplify_tree(tree, allowed, outcome if allowed is not None else None)

    def _read_node(self, node: yaml.Node, when: PathCondition) -> Tree:
        """Return the decision tree of a node. Raises :class:`_Undecided`."""
        if self._depth >= _DEPTH:
            raise _Undecided
        self._depth += 1
        try:
            return self._decision(node, when)
        finally:
            self._depth -= 1

    def _decision(self, node: yaml.Node, when: PathCondition) -> Tree:
        """Return the decision tree of a condition function or reference. Raises :class:`_Undecided`."""
        pairs = entries(node)
        is_reference = len(pairs) == 1 and pairs[0][0].value == "Condition"
        name, argument = intrinsic_call(node) or (("Condition", pairs[0][1]) if is_reference else ("", node))
        if name == "Condition" and (name_of_other := scalar(argument)) is not None:
            return prune(self.tree(name_of_other), when)
        if not isinstance(argument, yaml.SequenceNode) or not argument.value:
            raise _Undecided
        if name == "Fn::Equals" and len(argument.value) == 2:
            left, right = (self.evaluate(item) for item in argument.value)
            return self._compare(left, right, when, format_node(node))
        if name == "Fn::Not" and len(argument.value) == 1:
            return _check_size(negate_tree(self._read_node(argument.value[0], when)))
        if name in ("Fn::And", "Fn::Or") and len(argument.value) <= _MAX_OPERANDS:
            return self._combine(argument.value, when, all_of=name == "Fn::And")
        raise _Undecided

    def _combine(self, nodes: Sequence[yaml.Node], when: PathCondition, *, all_of: bool) -> Tree:
        """Return the tree of And (``all_of``) or Or over conditions. Raises :class:`_Undecided`."""
        if not nodes:
            return all_of
        rest = partial(self._combine, nodes[1:], all_of=all_of)
        return _check_size(_graft(self._read_node(nodes[0], when), rest, when, all_of))

    def _compare(self, left: Node, right: Node, when: PathCondition, description: str) -> Tree:
        """Return the tree of an Equals; ``words`` is its text, used if it is unresolved."""
        for choice, other in ((left, right), (right, left)):
            if isinstance(choice, Choice):
                options = []
                for outcome, option in choice.options:
                    if consistent(when, outcome):
                        path = extend(when, outcome)
                        options.append((outcome, self._compare(option, other, path, description)))
                return _check_size(_make_tree(options))
        first, second = as_text(left), as_text(right)
        if first is None or second is None:
            return _opaque(description)
        if first.literal is not None and second.literal is not None:
            return first.literal == second.literal
        if first.parts == second.parts:
            return True
        if first.literal is None and second.literal is None:
            return _opaque(" == ".join(sorted((str(first), str(second)))))
        unknown_text, word = (first, second.literal) if second.literal is not None else (second, first.literal)
        return prune(self._compare_with(unknown_text, word or ""), when)

    def _compare_with(self, text: StringNode, word: str) -> Tree:
        """Return the decision whether an unresolved text equals a word."""
        text, word = _strip_literals(text, word)
        if not self.may_equal(text, word):
            return False
        unresolved = text.only_unresolved
        allowed = self.parameters.allowed_values(unresolved.expression) if unresolved is not None else None
        if unresolved is None or allowed is None or not self.parameters.denies:
            return _branch(one_of(self.subject(text), [word]))
        others = [other for other in allowed if other != word]
        if not others:
            return True
        yes, no = (self.parameters.outcome(unresolved.expression, words) for words in ([word], others))
        return Branch(((yes, True), (no, False)))

    def may_equal(self, text: StringNode, word: str) -> bool:
        """True if an unresolved text can equal a word."""
        first, last = text.parts[0], text.parts[-1]
        if sum(len(part) for part in text.parts if isinstance(part, str)) > len(word):
            return False
        if isinstance(first, str) and not word.startswith(first):
            return False
        if isinstance(last, str) and not word.endswith(last):
            return False
        unresolved = text.only_unresolved
        if unresolved is None:
            return True
        if unresolved.known is not None:  # such as the ARN of a resource, which is never empty
            return self.may_equal(StringNode(unresolved.known, text.at), word)
        if not word and unresolved.kind not in (UnresolvedKind.ANYTHING, UnresolvedKind.POLICY_VARIABLE):
            return False
        return self.parameters.may_equal(unresolved.expression, word)

    def subject(self, text: StringNode) -> str:
        """Return the expression that path conditions about a text refer to."""
        unresolved = text.only_unresolved
        return self.parameters.subject(unresolved.expression) if unresolved is not None else str(text)


def _strip_literals(text: StringNode, word: str) -> tuple[StringNode, str]:
    """Strip the literal parts around the only unresolved part of a text from both the text and ``word``, if they match.

    So the comparison of ``${Env}-app`` with ``prod-app`` is a path condition about ``Env``.
    """
    places = [place for place, part in enumerate(text.parts) if isinstance(part, Unresolved)]
    if len(places) != 1:
        return text, word
    before, after = (
        "".join(part for part in parts if isinstance(part, str))
        for parts in (text.parts[: places[0]], text.parts[places[0] + 1 :])
    )
    if not (word.startswith(before) and word[len(before) :].endswith(after)):
        return text, word
    return StringNode((text.parts[places[0]],), text.at, defaults=text.defaults), word[
        len(before) : len(word) - len(after)
    ]


def _opaque(name: str) -> Branch:
    return _branch(Assumption(name))


def _branch(assumption: Assumption) -> Branch:
    return Branch(((assumption, True), (negate(assumption), False)))


def _make_tree(options: Sequence[tuple[Assumption, Tree]]) -> Tree:
    """Return a decision; its answer if all outcomes lead to the same one."""
    answers = {tree for _, tree in options if isinstance(tree, bool)}
    if len(answers) == 1 and all(isinstance(tree, bool) for _, tree in options):
        return answers.pop()
    return Branch(tuple(options)) if options else False


def negate_tree(tree: Tree) -> Tree:
    """Return the decision with opposite answers."""
    if isinstance(tree, bool):
        return not tree
    return Branch(tuple((outcome, negate_tree(below)) for outcome, below in tree.options))


def _graft(tree: Tree, rest: Callable[[PathCondition], Tree], when: PathCondition, answer: bool) -> Tree:
    """Return the tree with each ``answer`` replaced by ``rest``."""
    deadline.check()
    if isinstance(tree, bool):
        return rest(when) if tree is answer else tree
    options = []
    for outcome, below in tree.options:
        if consistent(when, outcome):
            options.append((outcome, _graft(below, rest, extend(when, outcome), answer)))
    return _make_tree(options)


def prune(tree: Tree, when: PathCondition) -> Tree:
    """Return the rest of a decision under a path condition."""
    deadline.check()
    if isinstance(tree, bool):
        return tree
    options = [
        (outcome, prune(below, extend(when, outcome))) for outcome, below in tree.options if consistent(when, outcome)
    ]
    return options[0][1] if len(options) == 1 else _make_tree(options)


def paths(tree: Tree, when: PathCondition = ()) -> Iterator[tuple[PathCondition, bool]]:
    """Yield every path through a decision: its path condition and the answer."""
    deadline.check()
    if isinstance(tree, bool):
        yield when, tree
        return
    for outcome, below in tree.options:
        if consistent(when, outcome):
            yield from paths(below, extend(when, outcome))


def simplify_tree(
    tree: Tree, allowed: Sequence[str] | None, outcome: Callable[[Sequence[str]], Assumption] | None
) -> Tree:
    """Return a decision about a single expression as one branch (``"prod" or "stage"``).

    ``allowed``: all values that the expression can have, if known. ``outcome`` returns the assumption that it has one
    of several values.
    """
    assumptions = [assumption for when, _ in paths(tree) for assumption in when]
    if isinstance(tree, bool) or {assumption.subject for assumption in assumptions} != {tree.subject}:
        return tree
    if not all(assumption.lists_values for assumption in assumptions):
        return tree
    named = (word for assumption in assumptions for word in sorted(assumption.values))
    words = dict.fromkeys(named if allowed is None else allowed)
    answers = {word: prune(tree, (one_of(tree.subject, [word]),)) for word in words}
    other = prune(tree, (none_of(tree.subject, answers),)) if allowed is None else None
    if not answers or any(not isinstance(answer, bool) for answer in (*answers.values(), other or False)):
        return tree
    yes, no = ([word for word, answer in answers.items() if answer is wanted] for wanted in (True, False))
    if not yes and other is not True:
        return False
    if not no and other is not False:
        return True
    if outcome is not None:
        return Branch(((outcome(yes), True), (outcome(no), False)))
    if allowed is not None:
        return Branch(((_outcome(tree.subject, yes, no), True), (_outcome(tree.subject, no, yes), False)))
    return _branch(none_of(tree.subject, no) if other is True else one_of(tree.subject, yes))


def _outcome(subject: str, words: Sequence[str], others: Sequence[str]) -> Assumption:
    """Return the assumption of ``words``: a list of them, or the complement of ``others`` if that is shorter."""
    if len(words) > max(_MAX_LISTED, len(others)):
        return none_of(subject, others)
    return one_of(subject, words)


def _check_size(tree: Tree) -> Tree:
    """Return the tree. Raises :class:`_Undecided`."""
    if sum(1 for _ in paths(tree)) > _MAX_PATHS:
        raise _Undecided
    return tree


def implied_condition(tree: Tree, answer: bool, when: PathCondition) -> PathCondition:
    """Return ``when`` extended by the conditions that hold on every path with this answer."""
    common = simplify([path for path, outcome in paths(tree, when) if outcome is answer])
    return common[0] if len(common) == 1 else when


def choose(tree: Tree, yes: Node, no: Node, at: Position) -> Node:
    """Return one of two values, selected by a decision."""
    if isinstance(tree, bool):
        return yes if tree else no
    return Choice(tuple((outcome, choose(below, yes, no, at)) for outcome, below in tree.options), at)
