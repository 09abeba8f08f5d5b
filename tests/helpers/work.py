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
    # A trace function that returns None is called for calls only, a profile function also for calls of C and returns.
    set_hook = sys.settrace if sys.gettrace() is None else sys.setprofile

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            counted.count += 1
            if counted.count > calls:
                set_hook(None)
                raise TooMuchWork(f"more than {calls:,} calls")

    before = sys.getprofile()
    set_hook(watch)
    try:
        yield counted
    finally:
        set_hook(before if set_hook is sys.setprofile else None)


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
