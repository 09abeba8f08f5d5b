"""How much work something is, counted in calls of functions: the same on every machine, however busy that is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from passrole_checks.iam.conditions import passed_to_service
from passrole_checks.iam.grants import grant, subtract_denials


class TooMuchWork(BaseException):
    """Raised in the middle of what takes too many calls; no ``except Exception`` of the program stops it."""


class Calls:
    """The calls that were counted so far."""

    count = 0


@contextmanager
def at_most(calls: int) -> Iterator[Calls]:
    """Limit the calls of Python functions in the body (each resumption of a generator counts).

    Endless or excessive work thus fails on any machine. Raises :class:`TooMuchWork`.
    """
    counted = Calls()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            counted.count += 1
            if counted.count > calls:
                sys.setprofile(None)
                raise TooMuchWork(f"more than {calls:,} calls")

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield counted
    finally:
        sys.setprofile(before)


def calls_of(function: Callable[[], object]) -> int:
    """How many calls a function takes, its own included."""
    with at_most(sys.maxsize) as counted:
        function()
    return counted.count


def forget() -> None:
    """Forget what the policy language remembers of earlier questions, so that work can be compared."""
    for name, module in list(sys.modules.items()):
        if not name.startswith("passrole_checks.iam"):
            continue
        for member in list(vars(module).values()):
            clear = getattr(member, "cache_clear", None)
            if callable(clear):
                clear()
    own = (grant._allow_indexes, subtract_denials._grants_cache, passed_to_service._services)
    for remembered in (
        passed_to_service._effects_by_content,
        passed_to_service._effects_by_id,
        passed_to_service._evaluations,
        *own,
    ):
        remembered.clear()
