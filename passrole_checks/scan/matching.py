"""Match the statements or findings of one version with those of another, one to one.

``diff``, the review of a pull request and a baseline ask the same question: which element of one version is which of
the other? The answer is the same, too: in rounds, from the strictest key to the loosest, elements with equal keys are a
pair. The keys differ, because the callers know different things:

- ``diff`` has the statements of one principal with all their variants: content, Sid, roles, path
  (:mod:`passrole_checks.diff.statements`); and, of statements that moved to another unit, content and principals
  (:mod:`passrole_checks.diff.moved_statements`).
- The review has the findings of two scans: their text, with renamed addresses, then the pairs of ``diff``, then policy
  and Sid (:mod:`passrole_checks.review.matching`). Findings of one statement stay a pair if its principals change.
- A baseline has only fingerprints and files, so an edited statement has no pair (:mod:`passrole_checks.scan.baseline`).

Check 015 matches no statements: it compares what all statements of a principal allow
(:mod:`passrole_checks.access.access_change`). Which principals, and which policies without one, are compared is its
answer for ``diff``, too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Generic, TypeVar

from passrole_checks.iam.fast_dataclass import dataclass

_Left = TypeVar("_Left")
_Right = TypeVar("_Right")


@dataclass(frozen=True)
class Round(Generic[_Left, _Right]):
    """One round: elements with the same key that are not None are a pair if ``accepts`` is true for them."""

    left: Callable[[_Left], Hashable]
    right: Callable[[_Right], Hashable]
    accepts: Callable[[_Left, _Right], bool] = lambda _left, _right: True


def match_in_rounds(
    left: Sequence[_Left], right: Sequence[_Right], rounds: Sequence[Round[_Left, _Right]]
) -> Iterator[tuple[int, int, int]]:
    """Yield pairs: the number of the round, and the indexes of both elements. Each element is in one pair at most.

    Of several candidates, the first in order is taken.
    """
    unmatched = dict.fromkeys(range(len(left)))
    candidates = dict.fromkeys(range(len(right)))
    for number, each in enumerate(rounds):
        groups: dict[Hashable, dict[int, None]] = {}
        for index in candidates:
            groups.setdefault(each.right(right[index]), {})[index] = None
        for index in list(unmatched):
            key = each.left(left[index])
            group = groups.get(key, {}) if key is not None else {}
            found = next((other for other in group if each.accepts(left[index], right[other])), None)
            if found is not None:
                del unmatched[index], candidates[found], group[found]
                yield number, index, found
