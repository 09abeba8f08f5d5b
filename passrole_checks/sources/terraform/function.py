"""What a function is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from passrole_checks.iam.values import Node, Position, Text
from passrole_checks.sources.terraform.scope import Scope
from passrole_checks.sources.terraform.symbols import failure, hole


@dataclass(frozen=True)
class Call:
    """A call: its name, its own words and place, and where it is evaluated."""

    name: str
    words: str
    at: Position
    scope: Scope

    def hole(self, reason: str = "") -> Text:
        return hole(self.words, self.at, reason)

    def fail(self, reason: str) -> Text:
        return failure(self.words, self.at, reason)


Function = Callable[[Call, list[Node]], Node | None]
