"""The state of the fake: users, a pull request, comments, reviews, statuses."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class User:
    id: int
    login: str


BOT, CONTRIBUTOR, OTHER_USER = User(-2, "gitea-actions"), User(2, "contributor"), User(3, "other-user")


@dataclass(frozen=True)
class Token:
    """``writes``: the units that it may write, of ``pulls`` and ``code``."""

    value: str
    user: User
    writes: frozenset[str] = frozenset({"pulls", "code"})


@dataclass
class Comment:
    id: int
    user: User
    body: str


@dataclass
class CodeComment:
    """``line``: negative for a line of the base."""

    id: int
    user: User
    body: str
    path: str
    line: int
    resolver: User | None = None


@dataclass
class Review:
    id: int
    user: User
    state: str
    body: str
    commit: str
    comments: list[CodeComment] = field(default_factory=list)


@dataclass
class Pull:
    number: int = 7
    base_sha: str = "b" * 40
    head_sha: str = "a1" * 20
    base_files: dict[str, str] = field(default_factory=dict)
    head_files: dict[str, str] = field(default_factory=dict)
    head_repository: str = "acme/infra"
    is_open: bool = True
    is_locked: bool = False


class Refusal(Exception):
    """An error response of Gitea."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status, self.message = status, message


def sha_of(*words: object) -> str:
    return hashlib.sha1(repr(words).encode()).hexdigest()
