"""What whoever deploys a configuration has to be allowed to pass: which roles, to which services, and no more.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": exact roles in ``Resource``,
``iam:PassedToService`` in ``Condition``, ``iam:GetRole`` beside ``iam:PassRole``; a service-linked role is passed only
where it is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passrole_checks.findings import Confidence
from passrole_checks.iam.values import Hole, Kind, Part, Text
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.receiving import ASSUMED, GENERATED, PASSED, STACK_NAME, Received, Receiving, distinct
from passrole_checks.sources.resource import Configuration

_CONFIDENCE = {"documented": Confidence.HIGH, "corroborated": Confidence.MEDIUM, "hint": Confidence.LOW}
_WORDS = re.compile(r"[A-Za-z0-9]+")
_NO_NAMES = frozenset({"aws", "var", "local", "data", "module", "resolve", "ssm", "fn"})
_MOST_IN_A_SID = 3
_SUFFIX = ".amazonaws.com"


@dataclass(frozen=True, slots=True)
class Blank:
    """A part of an ARN that has to be filled in. ``words`` are those that its name is made of; ``about`` says what it
    stands for, and ``file`` where, if there is more than one place that it could be of."""

    words: tuple[str, ...]
    about: str = ""
    file: str = ""


ACCOUNT = Blank(("AWS", "AccountId"), "the account")
PARTITION = Blank(("AWS", "Partition"), "the partition")

Pattern = tuple[str | Blank, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """An Allow statement. ``services``: the values of ``iam:PassedToService``, none where there is no condition."""

    sid: str
    action: str
    resources: tuple[Pattern, ...]
    services: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Required:
    """``received`` are the places where a resource is given a role; ``statements`` what they need; ``blanks`` what has
    to be filled in there; ``notes`` are for people."""

    received: tuple[Received, ...]
    statements: tuple[Statement, ...]
    blanks: tuple[Blank, ...]
    notes: tuple[str, ...]


def confidence_of(one: Received) -> Confidence:
    """How sure it is that this role goes to this service."""
    stated = _CONFIDENCE.get(one.received.receiver.confidence, Confidence.LOW)
    if one.arn is None or one.arn.only_hole is not None or not one.services:
        return Confidence.LOW
    return stated


def required_by(configurations: Sequence[Configuration], account: str | None = None) -> Required:
    """What the deployment of these configurations passes, together."""
    units = [Receiving(configuration, account) for configuration in configurations]
    found = [distinct(unit.roles) for unit in units]
    ordered = sorted((one for group in found for one in group), key=_place)
    everything = tuple({(_place(one), one.label, one.services, one.how): one for one in ordered}.values())
    partition = _partition(everything, configurations)
    namer = _Namer(partition, many=len(units) > 1)
    needs: dict[str, dict[Pattern, None]] = {}
    unserved: list[Received] = []
    for unit, group in zip(units, found, strict=True):
        for one in group:
            if one.how != PASSED:
                continue
            if not one.services:
                unserved.append(one)
            pattern = namer.pattern(one, unit)
            for service in _services(one, partition):
                needs.setdefault(service, {})[pattern] = None
    statements = _statements(needs)
    notes = (*_unserved(unserved), *_generated(everything))
    return Required(everything, statements, _blanks(statements), notes)


def _place(one: Received) -> tuple[object, ...]:
    """Where a role is received; what two roots find in one module that both call is told once."""
    received = one.received
    at = received.at
    return at.file, at.line, at.column, received.resource.address, received.attribute


def _services(one: Received, partition: str | None) -> tuple[str, ...]:
    """The services of a role; in China some send another name, and which of the two depends on the call."""
    if partition != "aws-cn":
        return one.services
    known = known_services(partition)
    return tuple(
        name for service in one.services for name in (service, f"{service}.cn") if name in known or name == service
    )


def _partition(found: Iterable[Received], configurations: Iterable[Configuration]) -> str | None:
    """The one partition that ARNs or configurations state, None where none or several do."""
    homes = (configuration.home.partitions for configuration in configurations)
    stated = {partitions[0] for partitions in homes if len(partitions) == 1}
    for one in found:
        match = re.match(r"arn:(aws[\w-]*):", str(one.arn)) if one.arn is not None else None
        if match is not None:
            stated.add(match[1])
    return stated.pop() if len(stated) == 1 else None


def _statements(needs: dict[str, dict[Pattern, None]]) -> tuple[Statement, ...]:
    """One statement for the services that are passed the same roles, and one to read all of these roles."""
    together: dict[frozenset[Pattern], list[str]] = {}
    for service in sorted(needs):
        together.setdefault(frozenset(needs[service]), []).append(service)
    found = [
        Statement(_sid(services), "iam:PassRole", _sorted(patterns), tuple(services))
        for patterns, services in together.items()
    ]
    everything = {pattern for patterns in needs.values() for pattern in patterns}
    if everything:
        found.append(Statement("ReadPassedRoles", "iam:GetRole", _sorted(everything)))
    return tuple(found)


def _sorted(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """In the order of their words, those that are wholly blank behind."""

    def key(pattern: Pattern) -> tuple[bool, str]:
        words = "".join(part if isinstance(part, str) else camel(part) for part in pattern)
        return len(pattern) == 1 and isinstance(pattern[0], Blank), words

    return tuple(sorted(patterns, key=key))


def _sid(services: Sequence[str]) -> str:
    names = [
        "".join(word[:1].upper() + word[1:] for word in _WORDS.findall(one.removesuffix(_SUFFIX))) for one in services
    ]
    shown = names if len(names) <= _MOST_IN_A_SID else [*names[: _MOST_IN_A_SID - 1], f"{len(names) - 2}More"]
    return "PassRolesTo" + "And".join(shown)


class _Namer:
    """Turns ARNs with holes into patterns with blanks, each with a name of its own."""

    def __init__(self, partition: str | None, *, many: bool) -> None:
        self._many = many
        self._partition: str | Blank = partition or PARTITION
        self._known: dict[tuple[object, str], Blank] = {}
        self._taken: set[str] = {"awsaccountid", "awspartition"}

    def pattern(self, one: Received, unit: Receiving) -> Pattern:
        arn = one.arn or Text((Hole(f"role in {one.profile}"),), one.received.at)
        parts: list[str | Blank] = []
        for part in self._parts(arn.parts, one, unit):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
        return tuple(parts)

    def _parts(self, given: Iterable[Part], one: Received, unit: Receiving) -> Iterable[str | Blank]:
        for part in given:
            if isinstance(part, str):
                yield part
            elif part == GENERATED:
                yield "*"
            elif part.known:
                yield from self._parts(part.known, one, unit)
            elif part.kind is Kind.PARTITION:
                yield self._partition
            elif part.kind is Kind.ACCOUNT_ID and not self._is_given(part, unit):
                yield unit.account or ACCOUNT
            else:
                yield self._blank(part, one, unit)

    @staticmethod
    def _is_given(part: Hole, unit: Receiving) -> bool:
        """Whether whoever deploys gives an account id, which need not be that of the account deployed to."""
        return part.expression.startswith("var.") or part.expression in unit.configuration.parameters

    def _blank(self, part: Hole, one: Received, unit: Receiving) -> Blank:
        key = (id(unit), part.expression)
        if key not in self._known:
            words = tuple(word for word in _WORDS.findall(part.expression) if word.lower() not in _NO_NAMES)
            words = words[-4:] or ("Value",)
            if words[0][0].isdigit():
                words = ("Value", *words)
            name, number = words, 2
            while "".join(name).lower() in self._taken:
                name, number = (*words, str(number)), number + 1
            self._taken.add("".join(name).lower())
            file = one.received.resource.at.file if self._many else ""
            self._known[key] = Blank(name, _about(part, one), file)
        return self._known[key]


def _blanks(statements: Sequence[Statement]) -> tuple[Blank, ...]:
    """The blanks in statements, each once, without the account and the partition."""
    used = [part for one in statements for pattern in one.resources for part in pattern if isinstance(part, Blank)]
    return tuple(dict.fromkeys(part for part in used if part not in (ACCOUNT, PARTITION)))


def camel(blank: Blank) -> str:
    """A blank's name in CloudFormation: ``AWS::AccountId`` for the account, else letters and digits."""
    if blank in (ACCOUNT, PARTITION):
        return "::".join(blank.words)
    return "".join(word[:1].upper() + word[1:] for word in blank.words)


def snake(blank: Blank) -> str:
    """A blank's name in Terraform."""
    return "_".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word) for word in blank.words).lower()


def _about(part: Hole, one: Received) -> str:
    reason = f" ({part.reason})" if part.reason else ""
    if part.expression.rpartition(".")[2] == STACK_NAME.expression:
        where = f" of {part.expression.rpartition('.')[0]}" if "." in part.expression else ""
        return f"the name of the stack{where}; of one of more than 24 characters the first 24 and an asterisk"
    if part.expression == f"role in {one.profile}":
        return f"the ARN of the role in the instance profile {one.profile}"
    if one.arn is not None and one.arn.only_hole == part:
        return f"the ARN of the role that {part.expression} is{reason}"
    if part.expression.endswith(".path"):
        return f"{part.expression}, with a slash at its end; nothing where the role has no path"
    return f"the value of {part.expression}{reason}"


def _unserved(found: Iterable[Received]) -> Iterable[str]:
    for one in found:
        resource = one.received.resource.address
        yield f"{one.label}: for which service {resource} takes it is not known; it is in no statement"


def _generated(found: Iterable[Received]) -> Iterable[str]:
    roles = dict.fromkeys(one.label for one in found if one.how == PASSED and one.generated)
    if roles:
        names = ", ".join(list(roles)[:5]) + (f" and {len(roles) - 5} more" if len(roles) > 5 else "")
        yield f"the name of {names} is made at deployment: the statements say what it begins with"


__all__ = [
    "ACCOUNT", "ASSUMED", "PARTITION", "PASSED", "Blank", "Pattern", "Required", "Statement", "camel", "confidence_of",
    "required_by", "snake",
]  # fmt: skip
