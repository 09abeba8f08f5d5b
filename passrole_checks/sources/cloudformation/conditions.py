"""The Conditions section, as decisions over facts.

A condition is a tree: a fact about a parameter or another expression that is not known before deployment, its outcomes,
and below each the rest of the decision. ``Equals [Ref Env, prod]`` and ``Not [Equals [Ref Env, dev]]`` so speak of the
same expression, and what cannot be true together is never combined.

Source: AWS CloudFormation Template Reference, "Condition functions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Choice, Node, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.iam.path_conditions import PathCondition, consistent, extend, none_of, one_of, quoted, simplify
from passrole_checks.sources.cloudformation.parameters import Parameters, words_in
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import Template, call, entries, scalar

_LISTED = 4  # values that an outcome names one by one rather than saying which ones it is not
_TOGETHER = 30  # conditions in one And or Or, of which CloudFormation takes ten
_DEPTH = 50  # decisions inside decisions
_LEAVES = 12  # of one condition; a larger one is known by its name only


@dataclass(frozen=True, slots=True)
class Branch:
    """A decision: the expression, and for each outcome what follows."""

    subject: str
    options: tuple[tuple[str, Tree], ...]


Tree = bool | Branch


class _TooLarge(Exception):
    """A decision has more leaves than are followed."""


class TemplateConditions:
    """``evaluate`` gives the value of a node as conditions see it, ``words`` a function call as people write it."""

    def __init__(
        self,
        template: Template,
        parameters: Parameters,
        evaluate: Callable[[yaml.Node], Node],
        words: Callable[[yaml.Node], str],
    ) -> None:
        self.template = template
        self.parameters = parameters
        self.evaluate = evaluate
        self.words = words
        self._trees: dict[str, Tree] = {}
        self._depth = 0  # decisions that are being read, one inside the other

    def tree(self, name: str) -> Tree:
        """The decision that a condition of the template is; its own name is the expression where it cannot be read."""
        if name not in self._trees:
            self._trees[name] = _opaque(name)  # a circle ends here
            node = self.template.conditions.get(name)
            if node is not None:
                try:
                    found = self._read(node, ())
                    self._trees[name] = self._simplified(found) if found is not None else _opaque(name)
                except _TooLarge:
                    pass
        return self._trees[name]

    def _simplified(self, tree: Tree) -> Tree:
        if isinstance(tree, bool):
            return tree
        name = tree.subject.removeprefix("Ref ")
        allowed = self.parameters.allowed(name)
        outcome = (lambda words: self.parameters.outcome(name, words)) if self.parameters.denies else None
        return simplified(tree, allowed, outcome if allowed is not None else None)

    def _read(self, node: yaml.Node, when: PathCondition) -> Tree | None:
        """The decision below a node, None where it is not written as CloudFormation expects it."""
        if self._depth >= _DEPTH:
            raise _TooLarge
        self._depth += 1
        try:
            return self._decision(node, when)
        finally:
            self._depth -= 1

    def _decision(self, node: yaml.Node, when: PathCondition) -> Tree | None:
        name, argument = _condition_call(node)
        if name == "Condition":
            known = scalar(argument)
            return None if known is None else pruned(self.tree(known), when)
        if not isinstance(argument, yaml.SequenceNode) or not argument.value:
            return None
        if name == "Fn::Equals" and len(argument.value) == 2:
            left, right = (self.evaluate(item) for item in argument.value)
            return self._equal(left, right, when, self.words(node))
        if name == "Fn::Not" and len(argument.value) == 1:
            inner = self._read(argument.value[0], when)
            return None if inner is None else _limited(negated(inner))
        if name in ("Fn::And", "Fn::Or") and len(argument.value) <= _TOGETHER:
            return self._together(argument.value, when, all_of=name == "Fn::And")
        return None

    def _together(self, nodes: Sequence[yaml.Node], when: PathCondition, *, all_of: bool) -> Tree | None:
        if not nodes:
            return all_of
        first = self._read(nodes[0], when)
        if first is None:
            return None
        rest = self._read_later(nodes[1:], all_of)
        return _limited(_grafted(first, rest, when, all_of))

    def _read_later(self, nodes: Sequence[yaml.Node], all_of: bool) -> Callable[[PathCondition], Tree]:
        def read(when: PathCondition) -> Tree:
            found = self._together(nodes, when, all_of=all_of)
            if found is None:
                raise _TooLarge
            return found

        return read

    def _equal(self, left: Node, right: Node, when: PathCondition, words: str) -> Tree:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Choice):
                options = []
                for outcome, option in one.options:
                    if consistent(when, one.condition, outcome):
                        below = extend(when, one.condition, outcome)
                        options.append((outcome, self._equal(option, other, below, words)))
                return _limited(_joined(one.condition, options))
        first, second = as_text(left), as_text(right)
        if first is None or second is None:
            return _opaque(words)
        if first.literal is not None and second.literal is not None:
            return first.literal == second.literal
        if first.parts == second.parts:
            return True
        if first.literal is None and second.literal is None:
            return _opaque(" == ".join(sorted((str(first), str(second)))))
        unknown_text, word = (first, second.literal) if second.literal is not None else (second, first.literal)
        return pruned(self._is(unknown_text, word or ""), when)

    def _is(self, text: StringNode, word: str) -> Tree:
        """Whether a text that is not known is this word."""
        text, word = _bare(text, word)
        if not self._could_be(text, word):
            return False
        hole = text.only_hole
        allowed = self.parameters.allowed(hole.expression) if hole is not None else None
        if hole is None or allowed is None or not self.parameters.denies:
            return Branch(self.subject(text), ((quoted(word), True), (none_of([quoted(word)]), False)))
        others = [other for other in allowed if other != word]
        if not others:
            return True
        yes, no = (self.parameters.outcome(hole.expression, words) for words in ([word], others))
        return Branch(self.subject(text), ((yes, True), (no, False)))

    def _could_be(self, text: StringNode, word: str) -> bool:
        first, last = text.parts[0], text.parts[-1]
        if sum(len(part) for part in text.parts if isinstance(part, str)) > len(word):
            return False
        if isinstance(first, str) and not word.startswith(first):
            return False
        if isinstance(last, str) and not word.endswith(last):
            return False
        hole = text.only_hole
        if hole is None:
            return True
        if hole.known is not None:  # as the ARN of a resource, which is never empty
            return self._could_be(StringNode(hole.known, text.at), word)
        if not word and hole.kind not in (UnresolvedKind.ANYTHING, UnresolvedKind.POLICY_VARIABLE):
            return False
        return self.parameters.may_be(hole.expression, word)

    def subject(self, text: StringNode) -> str:
        """The expression that a fact about a text speaks of."""
        hole = text.only_hole
        return self.parameters.subject(hole.expression) if hole is not None else str(text)


def _bare(text: StringNode, word: str) -> tuple[StringNode, str]:
    """The hole alone, where a text has one between words that begin and end ``word``, and what is left of that: so
    that ``${Env}-app`` being ``prod-app`` is a fact about ``Env``."""
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


def _condition_call(node: yaml.Node) -> tuple[str, yaml.Node]:
    function = call(node)
    if function is not None:
        return function
    pairs = entries(node)
    if len(pairs) == 1 and pairs[0][0].value == "Condition":
        return "Condition", pairs[0][1]
    return "", node


def _opaque(name: str) -> Branch:
    return Branch(name, (("true", True), ("false", False)))


def _joined(subject: str, options: Sequence[tuple[str, Tree]]) -> Tree:
    """A decision whose outcomes may all lead to the same answer."""
    answers = {tree for _, tree in options if isinstance(tree, bool)}
    if len(answers) == 1 and all(isinstance(tree, bool) for _, tree in options):
        return answers.pop()
    return Branch(subject, tuple(options)) if options else False


def negated(tree: Tree) -> Tree:
    """The same decision with the opposite answers."""
    if isinstance(tree, bool):
        return not tree
    return Branch(tree.subject, tuple((outcome, negated(below)) for outcome, below in tree.options))


def _grafted(tree: Tree, rest: Callable[[PathCondition], Tree], when: PathCondition, leaf: bool) -> Tree:
    """The tree with ``rest`` in the place of each answer ``leaf``."""
    deadline.check()
    if isinstance(tree, bool):
        return rest(when) if tree is leaf else tree
    options = []
    for outcome, below in tree.options:
        if consistent(when, tree.subject, outcome):
            options.append((outcome, _grafted(below, rest, extend(when, tree.subject, outcome), leaf)))
    return _joined(tree.subject, options)


def pruned(tree: Tree, when: PathCondition) -> Tree:
    """What is left of a decision where all of ``when`` hold."""
    deadline.check()
    if isinstance(tree, bool):
        return tree
    options = [
        (outcome, pruned(below, extend(when, tree.subject, outcome)))
        for outcome, below in tree.options
        if consistent(when, tree.subject, outcome)
    ]
    return options[0][1] if len(options) == 1 else _joined(tree.subject, options)


def paths(tree: Tree, when: PathCondition = ()) -> Iterator[tuple[PathCondition, bool]]:
    """Every way through a decision: its facts, and the answer."""
    deadline.check()
    if isinstance(tree, bool):
        yield when, tree
        return
    for outcome, below in tree.options:
        if consistent(when, tree.subject, outcome):
            yield from paths(below, extend(when, tree.subject, outcome))


def simplified(
    tree: Tree, allowed: Sequence[str] | None = None, outcome: Callable[[Sequence[str]], str] | None = None
) -> Tree:
    """A decision about the values of one expression only as one branch (``"prod" or "stage"``).

    ``allowed``: all values that the expression can have, where they are known, and ``outcome`` says that it has one of
    several.
    """
    facts = [fact for when, _ in paths(tree) for fact in when]
    if isinstance(tree, bool) or {subject for subject, _ in facts} != {tree.subject}:
        return tree
    if any(outcome in ("true", "false") for _, outcome in facts):
        return tree
    words = dict.fromkeys(words_in_all(facts) if allowed is None else allowed)
    answers = {word: pruned(tree, ((tree.subject, quoted(word)),)) for word in words}
    other = pruned(tree, ((tree.subject, none_of(map(quoted, answers))),)) if allowed is None else None
    if not answers or any(not isinstance(answer, bool) for answer in (*answers.values(), other or False)):
        return tree
    yes, no = ([word for word, answer in answers.items() if answer is wanted] for wanted in (True, False))
    if not yes and other is not True:
        return False
    if not no and other is not False:
        return True
    if outcome is not None:
        return Branch(tree.subject, ((outcome(yes), True), (outcome(no), False)))
    return Branch(tree.subject, ((_named(yes, no, other is True), True), (_named(no, yes, other is False), False)))


def words_in_all(facts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The values that outcomes list."""
    for _, outcome in facts:
        yield from words_in(outcome)


def _named(words: Sequence[str], others: Sequence[str], and_more: bool) -> str:
    """These values, as a list or as all but the others, whichever is shorter."""
    if and_more or len(words) > max(_LISTED, len(others)):
        return none_of(map(quoted, others))
    return one_of(map(quoted, words))


def _limited(tree: Tree) -> Tree:
    """Raises _TooLarge."""
    if sum(1 for _ in paths(tree)) > _LEAVES:
        raise _TooLarge
    return tree


def facts_of(tree: Tree, answer: bool, when: PathCondition) -> PathCondition:
    """``when`` with the facts that hold wherever a decision has this answer."""
    found = simplify([facts for facts, outcome in paths(tree, when) if outcome is answer])
    return found[0] if len(found) == 1 else when


def chosen(tree: Tree, yes: Node, no: Node, at: Position) -> Node:
    """One of two values, by a decision."""
    if isinstance(tree, bool):
        return yes if tree else no
    return Choice(tree.subject, tuple((outcome, chosen(below, yes, no, at)) for outcome, below in tree.options), at)
