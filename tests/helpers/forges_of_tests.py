"""All forges with one interface: a request to merge with real commits, and jobs that review it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gitea_fake import GiteaFake
from github_fake import GitHubFake
from github_fake.world import Clock
from gitlab_fake import GitLabFake

from passrole_checks.review.markdown.markers import parse_marker


@dataclass(frozen=True)
class Thread:
    """``kinds``: of its comments' markers, "" for one of a person."""

    file: str
    kinds: tuple[str, ...]
    is_resolved: bool


class ForgeOfTests(Protocol):
    """``can_resolve``: threads can be resolved by the API."""

    can_resolve: bool
    clock: Clock

    def start_request(self, base: Mapping[str, str], sha: str) -> None:
        """Start a request to merge into a branch with these files."""

    def push(self, files: Mapping[str, str], sha: str) -> None: ...

    def forget_calls(self) -> None:
        """Forget the calls of earlier runs."""

    def environment(self, run: int, token: str | None = None) -> Mapping[str, str]:
        """Return the variables of the job of a run. ``token``: a name in the fake's ``tokens``, "" for none, None for
        one that may do everything."""

    def threads(self) -> list[Thread]: ...

    def comments(self) -> list[str]:
        """Return the texts of the comments outside of threads."""

    def lose_response(self, skip: int) -> None:
        """Do what the next POST asks for, after ``skip`` others, and answer it with an error all the same."""


class GitHubOfTests:
    can_resolve = True

    def __init__(self, fake: GitHubFake, folder: Path) -> None:
        self._fake, self._folder, self.clock = fake, folder, fake.clock
        self._is_pushed = False

    def start_request(self, base: Mapping[str, str], sha: str) -> None:
        self._fake.pull.base_files, self._fake.pull.base_sha = dict(base), sha

    def push(self, files: Mapping[str, str], sha: str) -> None:
        self._fake.push(self._fake.pull, dict(files), sha=sha, forced=not self._is_pushed)
        self._is_pushed = True

    def forget_calls(self) -> None:
        self._fake.forget_calls()

    def environment(self, run: int, token: str | None = None) -> Mapping[str, str]:
        job = self._fake.environment(self._fake.pull, self._folder, run_number=run)
        return {**job, "GITHUB_TOKEN": _value(self._fake.tokens, "resolver" if token is None else token)}

    def threads(self) -> list[Thread]:
        return [
            Thread(
                thread.root.path, kinds([comment.body for comment in thread.comments]), thread.resolved_by is not None
            )
            for thread in self._fake.threads()
        ]

    def comments(self) -> list[str]:
        return [comment.body for comment in self._fake.comments()]

    def lose_response(self, skip: int) -> None:
        self._fake.fault("POST", "^/repos/", status=502, skip=skip, after_effect=True)


class GitLabOfTests:
    can_resolve = True

    def __init__(self, fake: GitLabFake) -> None:
        self._fake, self.clock = fake, fake.clock

    def start_request(self, base: Mapping[str, str], sha: str) -> None:
        self._fake.request.base_files, self._fake.request.base_sha = dict(base), sha

    def push(self, files: Mapping[str, str], sha: str) -> None:
        self._fake.push(dict(files), sha)

    def forget_calls(self) -> None:
        self._fake.forget_calls()

    def environment(self, run: int, token: str | None = None) -> Mapping[str, str]:
        job = self._fake.environment(run_number=run)
        return {**job, "PASSROLE_GITLAB_TOKEN": _value(self._fake.tokens, "project" if token is None else token)}

    def threads(self) -> list[Thread]:
        return [
            Thread(
                (thread.notes[0].position or {}).get("new_path", ""),
                kinds([note.body for note in thread.notes]),
                thread.resolved_by is not None,
            )
            for thread in self._fake.threads()
        ]

    def comments(self) -> list[str]:
        return [note.body for note in self._fake.notes()]

    def lose_response(self, skip: int) -> None:
        self._fake.fault("POST", "", status=502, skip=skip, after_effect=True)


class GiteaOfTests:
    def __init__(self, fake: GiteaFake, folder: Path) -> None:
        self._fake, self._folder, self.clock = fake, folder, fake.clock
        self.can_resolve = fake.has(26)

    def start_request(self, base: Mapping[str, str], sha: str) -> None:
        self._fake.pull.base_files, self._fake.pull.base_sha = dict(base), sha

    def push(self, files: Mapping[str, str], sha: str) -> None:
        self._fake.push(dict(files), sha)

    def forget_calls(self) -> None:
        self._fake.forget_calls()

    def environment(self, run: int, token: str | None = None) -> Mapping[str, str]:
        job = self._fake.environment(self._folder, run_number=run)
        return {**job, "GITEA_TOKEN": _value(self._fake.tokens, "job" if token is None else token)}

    def threads(self) -> list[Thread]:
        """As the page of the diff shows them: by line, each of ours with what follows."""
        threads: dict[tuple[str, int], list[list[str]]] = {}
        resolved: dict[str, bool] = {}
        for comment in self._fake.code_comments():
            on_line = threads.setdefault((comment.path, comment.line), [])
            if kinds([comment.body]) == ("inline",):
                on_line.append([])
                resolved[comment.body] = comment.resolver is not None
            on_line[-1].append(comment.body)
        return [
            Thread(path, kinds(bodies), resolved[bodies[0]])
            for (path, _), on_line in threads.items()
            for bodies in on_line
        ]

    def comments(self) -> list[str]:
        return [comment.body for comment in self._fake.comments]

    def lose_response(self, skip: int) -> None:
        self._fake.fault("POST", "", status=502, skip=skip, after_effect=True)


class _Token(Protocol):
    @property
    def value(self) -> str: ...


def _value(tokens: Mapping[str, _Token], name: str) -> str:
    return tokens[name].value if name else ""


def kinds(bodies: list[str]) -> tuple[str, ...]:
    markers = map(parse_marker, bodies)
    return tuple(marker.kind if marker is not None else "" for marker in markers)


@contextmanager
def _github(folder: Path) -> Iterator[ForgeOfTests]:
    fake = GitHubFake()
    fake.start()
    yield GitHubOfTests(fake, folder)
    fake.stop()
    fake.assert_described()


@contextmanager
def _gitlab(folder: Path) -> Iterator[ForgeOfTests]:
    fake = GitLabFake()
    fake.start()
    yield GitLabOfTests(fake)
    fake.stop()
    assert fake.commands == []


def _gitea(version: str) -> Callable[[Path], AbstractContextManager[ForgeOfTests]]:
    @contextmanager
    def made(folder: Path) -> Iterator[ForgeOfTests]:
        fake = GiteaFake()
        fake.version = version
        fake.start()
        yield GiteaOfTests(fake, folder)
        fake.stop()
        assert fake.violations == []

    return made


FORGES: dict[str, Callable[[Path], AbstractContextManager[ForgeOfTests]]] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea("1.27.3"),
    "old-gitea": _gitea("1.25.5"),
    "forgejo": _gitea("15.0.1+gitea-1.22.0"),
}
