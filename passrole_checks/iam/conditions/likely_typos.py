"""Likely typos in tests of ``iam:PassedToService``: values that can never match, with a suggested spelling.

Service principals end in their partition's domain and are lower case (IAM User Guide, "IAM JSON policy elements:
Principal"); under plain operators wildcards are plain characters ("IAM JSON policy elements: Condition operators").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from passrole_checks.iam.conditions.condition_operators import DOMAINS, Operator, example_service, literal, read_pattern
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position, StringNode

NOT_A_KEY = "is not a condition key"


@dataclass(frozen=True, slots=True)
class LikelyTypo:
    """A key, operator or value for ``iam:PassedToService`` that can never match or has no effect.

    ``value`` is as written, ``reason`` a phrase for people with a suggested spelling, ``at`` its position.
    """

    value: str
    reason: str
    at: Position


def find_typo(
    value: StringNode, operator: Operator, known: Collection[str], *, variables: bool, spell: bool = True
) -> LikelyTypo | None:
    """Return why a value compared with ``iam:PassedToService`` names no service; None if it does, or if that is
    unknown.

    ``known``: the existing service principals; ``spell``: suggest one of them.
    """
    pattern = read_pattern(value, wildcards=operator.wildcards, ignores_case=operator.ignores_case, variables=variables)
    written = literal(value)
    if not pattern.certain or written is None or pattern.text in known or example_service(pattern):
        return None
    effect = "does not restrict the service" if operator.negated else "can never match"
    return LikelyTypo(str(value), f"{effect}: {_reason(written, operator, known if spell else ())}", value.at)


def _reason(written: str, operator: Operator, known: Collection[str]) -> str:
    """Return why a value names no service, with a suggestion."""
    lowered = written.strip().lower()
    wildcard = "*" in lowered or "?" in lowered
    suggestion = _suggest_service(lowered, known)
    if not lowered:
        return "it is empty"
    if wildcard and not operator.wildcards:
        like = "StringNotLike" if operator.negated else "StringLike"
        return f"under {operator.base} a wildcard is a plain character; did you mean {like}?"
    if lowered.startswith("arn:"):
        return f"an ARN is not a service principal{suggestion or ', such as lambda.amazonaws.com'}"
    if written != lowered and lowered.endswith(tuple(f".{domain}" for domain in DOMAINS)):
        return f"service principals are lower case, without spaces{suggestion}"
    if "." not in lowered:
        return f"it has no domain{suggestion or ', such as .amazonaws.com'}"
    return f"service principals end in .amazonaws.com{suggestion}"


def _suggest_service(lowered: str, known: Collection[str]) -> str:
    """Return a suggestion of the closest known service, as the end of a phrase, or ""."""
    name = lowered.split(":")[2] if lowered.count(":") >= 2 else lowered.split("/")[-1]
    name = name.partition(".amaz")[0]  # compare names without the common suffix
    by_name = {service.removesuffix(".amazonaws.com"): service for service in sorted(known)}
    near = _closest(name, by_name)
    return f"; did you mean {by_name[near]}?" if near is not None else ""


def suggest_spelling(written: str, known: Iterable[str]) -> str:
    """Return a suggestion of the closest known spelling, as the end of a phrase, or ""."""
    by_lower = {name.lower(): name for name in known}
    near = _closest(written.strip().lower(), by_lower)
    return f"; did you mean {by_lower[near]}?" if near is not None else ""


def _closest(word: str, possible: Collection[str]) -> str | None:
    from difflib import get_close_matches  # slow to import, and rarely needed

    return next(iter(get_close_matches(word, list(possible), n=1, cutoff=0.8)), None)
