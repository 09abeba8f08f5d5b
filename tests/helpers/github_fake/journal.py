"""What was called, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from github_fake.world import Token

WRITING = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True)
class Call:
    """``headers``: lower-case names; the token is told by ``token``, None without one or with one that is not known.
    ``status`` 0: no answer was given. ``was_fault``: the answer was that of a fault."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any
    token: Token | None
    status: int
    answer: Any
    at: float
    was_fault: bool

    @property
    def is_write(self) -> bool:
        """Whether it may change something: a query of GraphQL does not."""
        if self.path == "/graphql":
            return isinstance(self.json, dict) and str(self.json.get("query", "")).lstrip().startswith("mutation")
        return self.method in WRITING

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"
