"""Scripted events of a fake forge: faults, and actions of others during a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class Fault:
    """The next ``times`` calls that fit, after ``skip`` of them, are answered so. ``after_effect``: what was asked for
    is done all the same. ``drop``: no answer at all."""

    method: str
    pattern: re.Pattern[str]
    times: int
    skip: int = 0
    status: int = 500
    body: Any = None
    headers: dict[str, str] | None = None
    after_effect: bool = False
    drop: bool = False


@dataclass
class Hook:
    """``action`` is done before, or ``after``, the next ``times`` calls that fit."""

    method: str
    pattern: re.Pattern[str]
    action: Callable[[], object]
    times: int
    after: bool


def due(faults: Sequence[Fault], method: str, path: str) -> Fault | None:
    """The fault that a call meets, if any; it is counted."""
    for fault in faults:
        if fault.times and fault.method == method and fault.pattern.search(path):
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            return fault
    return None


def run_hooks(hooks: Sequence[Hook], method: str, path: str, *, after: bool) -> None:
    """Do what is scripted for a call."""
    for hook in hooks:
        if hook.times and hook.after is after and hook.method == method and hook.pattern.search(path):
            hook.times -= 1
            hook.action()
