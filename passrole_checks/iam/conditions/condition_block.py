"""Parse a Condition block into tests of ``iam:PassedToService``.

`passed_to_service` evaluates the tests. Sources, in the IAM User Guide: "IAM JSON policy elements: Condition", and
"Grant a user permissions to pass a role to an AWS service" (the keys).
"""

from __future__ import annotations

from dataclasses import field

from passrole_checks.iam.conditions.condition_operators import (
    OPERATOR_NAMES,
    Family,
    Operator,
    Pattern,
    ServiceTest,
    example_service,
    literal,
    parse_operator,
    read_pattern,
)
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY, LikelyTypo, find_typo, suggest_spelling
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    Ternary,
    Unresolved,
    text,
)

PASSED_TO_SERVICE = "iam:PassedToService"
ASSOCIATED_RESOURCE_ARN = "iam:AssociatedResourceArn"
# keys of other actions: not among those of PassRole (Service Authorization Reference, "Actions defined by IAM")
_NOT_SENT = ("iam:awsservicename", "iam:organizationspolicyid", "iam:permissionsboundary", "iam:policyarn")
_MAX_SUGGESTIONS = 50  # values for which a spelling is suggested


@dataclass(slots=True)
class ConditionBlock:
    """A parsed Condition block: its tests of ``iam:PassedToService``, and its other keys.

    ``known`` are the existing service principals; ``variables``: ``${...}`` is a policy variable. :meth:`read` fills
    the other fields: as in `ConditionEffect`, plus the services that the block names.
    """

    known: frozenset[str]
    variables: bool
    tests: list[ServiceTest] = field(default_factory=list)
    values: dict[str, None] = field(default_factory=dict)
    named: dict[str, None] = field(default_factory=dict)  # services that are literal values
    examples: dict[str, None] = field(default_factory=dict)  # one matching service per value that is not literal
    tags: dict[str, None] = field(default_factory=dict)
    others: dict[str, None] = field(default_factory=dict)
    shared: dict[str, None] = field(default_factory=dict)
    not_sent: dict[str, None] = field(default_factory=dict)
    associated: bool = False
    likely_typos: list[LikelyTypo] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def read(self, condition: Node) -> None:
        """Parse the block. Raises nothing: malformed parts are listed in ``problems``."""
        if isinstance(condition, ObjectNode):
            seen: set[str] = set()
            # AWS's pages differ on what an empty condition does, so its Deny is not relied on
            if not condition.entries:
                self.problems.append("the Condition block is empty")
            for entry in condition.entries:
                if isinstance(entry.value, ObjectNode) and not entry.value.entries:
                    self.problems.append(f"{entry.key} contains no key")
                self._read_operator(entry, seen)
        else:
            self._unknown("the Condition block", "an object of operators", condition, None)

    def _unknown(self, what: str, wanted: str, node: Node, operator: Operator | None) -> None:
        """Add a test that may require anything of any key: an unresolved value, or one of the wrong type."""
        unresolved_parts = node.unresolved_parts if isinstance(node, StringNode) else ()
        if not (isinstance(node, StringNode) and node.only_unresolved):
            self.problems.append(f"{what} is not {wanted}")
        self.tests.append(ServiceTest(operator, None, unresolved_parts, key_unknown=True, uncertain=True))

    def _read_operator(self, entry: ObjectEntry, seen: set[str]) -> None:
        name = literal(entry.key)
        operator = parse_operator(name) if name is not None else None
        if name is not None and operator is None:
            self.problems.append(f"there is no condition operator {name}{suggest_spelling(name, OPERATOR_NAMES)}")
        elif name in seen:
            self.problems.append(f"the condition operator {name} is duplicated")
        seen.add(name or "")
        if not isinstance(entry.value, ObjectNode):
            self._unknown(f"the value of {entry.key}", "an object of keys", entry.value, operator)
            return
        keys: set[str] = set()
        for pair in entry.value.entries:
            self._read_key(entry.key, operator, pair, keys)

    def _read_key(
        self, operator_text: StringNode, operator: Operator | None, pair: ObjectEntry, keys: set[str]
    ) -> None:
        name = literal(pair.key)
        written = str(pair.key)
        if name is None:
            self._read_unknown_key(operator_text, operator, pair)
            return
        key = name.lower()
        if key in keys:
            self.problems.append(f"the key {written} is duplicated under {operator_text}")
        keys.add(key)
        if key == PASSED_TO_SERVICE.lower():
            self._read_passed_to_service(operator_text, operator, pair)
            return
        if key == ASSOCIATED_RESOURCE_ARN.lower():
            self.associated = True
            test = self._test(operator_text, operator, pair)
            self._add_shared(written, test)
        else:
            is_known = self._read_other_key(key, pair)
            if (key in _NOT_SENT or not is_known) and operator is not None and operator.absent is Ternary.NO:
                self.not_sent[written] = None

    def _read_other_key(self, key: str, pair: ObjectEntry) -> bool:
        """Record a key; False if it is a misspelled iam:PassedToService, which no request carries."""
        written = str(pair.key)
        if key.startswith(("aws:resourcetag/", "iam:resourcetag/")):
            self.tags[written] = None
            return True
        self.others[written] = None
        name = key.strip().rpartition(":")[2]
        from difflib import SequenceMatcher  # slow to import, and rarely needed

        is_known = SequenceMatcher(None, name, "passedtoservice").ratio() < 0.8
        if not is_known:
            reason = f"{NOT_A_KEY}; did you mean {PASSED_TO_SERVICE}?"
            self.likely_typos.append(LikelyTypo(written, reason, pair.key.at))
        return is_known

    def _read_unknown_key(self, operator_text: StringNode, operator: Operator | None, pair: ObjectEntry) -> None:
        name = read_pattern(pair.key, wildcards=False, ignores_case=True, variables=False)
        if name.matches(PASSED_TO_SERVICE) is Ternary.NO:
            start = pair.key.parts[0]
            self._read_other_key(start.lower() if isinstance(start, str) else "", pair)
            return
        test = self._test(operator_text, operator, pair)
        unresolved_parts = (*pair.key.unresolved_parts, *test.unresolved_parts)
        self.tests.append(ServiceTest(test.operator, test.patterns, unresolved_parts, key_unknown=True, uncertain=True))
        self._remember(test)

    def _read_passed_to_service(self, operator_text: StringNode, operator: Operator | None, pair: ObjectEntry) -> None:
        test = self._test(operator_text, operator, pair)
        self.tests.append(test)
        self._remember(test)
        self._add_shared(str(pair.key), test)
        if operator is None or operator.family is not Family.NULL:
            for value in filter(None, map(_as_string, _values(pair.value))):
                self.values[str(value)] = None
        name = literal(operator_text)
        if operator is None:
            if name is not None:
                reason = f"is not a condition operator{suggest_spelling(name, OPERATOR_NAMES)}"
                self.likely_typos.append(LikelyTypo(name, reason, operator_text.at))
        elif operator.family not in (Family.STRING, Family.NULL):
            effect = "does not restrict the service" if operator.negated else "can never match"
            reason = f"compares {operator.family.value} and {effect}: the key is a string; did you mean StringEquals?"
            self.likely_typos.append(LikelyTypo(str(operator_text), reason, operator_text.at))
        elif operator.family is Family.STRING:
            for value in filter(None, map(_as_string, _values(pair.value))):
                spell = len(self.likely_typos) < _MAX_SUGGESTIONS
                suspicion = find_typo(value, operator, self.known, variables=self.variables, spell=spell)
                if suspicion is not None:
                    self.likely_typos.append(suspicion)

    def _test(self, operator_text: StringNode, operator: Operator | None, pair: ObjectEntry) -> ServiceTest:
        """Return the test of an operator on this key; its values are unknown if one of them is malformed."""
        values = _values(pair.value)
        where = f"{pair.key} under {operator_text}"
        if not values:
            self.problems.append(f"{where} has no values")
            return ServiceTest(operator, None, uncertain=True)
        unresolved_parts: list[Unresolved] = []
        patterns: list[Pattern] = []
        malformed = operator is None
        for value in values:
            spelled = _as_string(value)
            if spelled is None:
                self.problems.append(f"a value of {where} is not a string")
                malformed = True
                continue
            presence = operator is not None and operator.family is Family.NULL
            pattern = read_pattern(
                spelled,
                wildcards=operator is not None and operator.wildcards,
                ignores_case=presence or (operator is not None and operator.ignores_case),
                variables=self.variables and not presence,
            )
            if presence and pattern.text not in ("true", "false") and pattern.certain:
                self.problems.append(f"the value {spelled} of {where} is neither true nor false")
                malformed = True
            if pattern.empty_variable:
                self.problems.append(f"the value {spelled} of {where} contains a policy variable without a name")
            unresolved_parts.extend(pattern.unresolved_parts)
            patterns.append(pattern)
        if operator is None:
            unresolved_parts[:0] = operator_text.unresolved_parts
        doubt = malformed or bool(unresolved_parts) or (operator is not None and operator.family is Family.ARN)
        return ServiceTest(operator, None if malformed else tuple(patterns), tuple(unresolved_parts), uncertain=doubt)

    def _remember(self, test: ServiceTest) -> None:
        """Add the services that a test's values name to those for which the block is evaluated."""
        if test.operator is None or test.patterns is None or test.operator.family is not Family.STRING:
            return
        for pattern in test.patterns:
            example = example_service(pattern)
            if example is not None:
                (self.named if pattern.text is not None else self.examples)[example] = None

    def _add_shared(self, key: str, test: ServiceTest) -> None:
        if test.operator is not None and test.result(None) is Ternary.NO:
            self.shared[key] = None


def _values(node: Node) -> tuple[Node, ...]:
    return node.items if isinstance(node, ListNode) else (node,)


def _as_string(node: Node) -> StringNode | None:
    """Return a value as IAM compares it: numbers and booleans as strings; None for anything else."""
    if isinstance(node, StringNode):
        return node
    if isinstance(node, Const) and node.value is not None:
        spelled = str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
        return text(spelled, node.at)
    return None
