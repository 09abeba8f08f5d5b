"""The journal of calls and responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from github_fake.world import Token

WRITING = frozenset({"POST", "PATCH", "PUT", "DELETE"})


@dataclass(frozen=True)
class Call:
    """``headers``: lower-case names. ``token``: the name of the token, None for none or an unknown one. ``status`` 0:
    no response was sent. ``was_fault``: True if a scripted fault answered."""

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
        """True if the call may change something: GraphQL queries do not."""
        if self.path == "/graphql":
            return isinstance(self.json, dict) and str(self.json.get("query", "")).lstrip().startswith("mutation")
        return self.method in WRITING

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"
