"""Find the two commits that a pipeline's review compares: the merge base with the target branch, and the head.

If the forge has made a test merge commit, and the target has advanced since the head branched off, that commit is
compared with its first parent instead, since only it contains both sides. The results still belong to the head.

The base that an event names is the target branch at some earlier time; a pull request changes what differs from the
merge base. Candidates for the target are the first parent of the test merge commit, the fetched branch, and the commit
that the event names. The one with the youngest merge base with the head is used: an older one would attribute to the
head what it has merged since then.

Sources: GitHub Docs, "Events that trigger workflows" (``pull_request``: GITHUB_SHA is the merge commit of
``refs/pull/N/merge``); GitLab Docs, "Merged results pipelines"; git-merge-base(1), "DISCUSSION" (several merge bases).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from passrole_checks.errors import ConfigurationError, SnapshotError
from passrole_checks.git_versions import NamedVersion, VersionPair
from passrole_checks.git_versions.forge_links import GITLAB
from passrole_checks.git_versions.git import Repository
from passrole_checks.review.ci_context import Context

_USAGE = (
    "review: not in a pipeline of GitHub, GitLab, Gitea or Forgejo; specify the versions: BASE HEAD, A...B, or BASE to"
    " compare with the working tree"
)


def versions_to_compare(context: Context, folder: Path) -> VersionPair:
    """Return the versions to compare for ``context``, in the repository that contains ``folder``.

    Raise a :class:`ConfigurationError` if it names none, and a :class:`SnapshotError` if they are not in the clone; the
    message contains the command that fetches them.
    """
    if not context.forge:
        raise ConfigurationError(_USAGE)
    repository = Repository.around(folder)
    if repository is None:
        raise SnapshotError(f"{folder}: not in a git repository; check it out first, with its history")
    if not context.head_sha:
        raise ConfigurationError(
            f"review: the event {context.event!r} names no commit; specify the versions: BASE HEAD"
        )
    return _VersionFinder(context, repository).find()


def target_tips(context: Context, versions: VersionPair) -> Iterator[str]:
    """Yield the commits of the target branch that are in the clone of ``versions``, at different times."""
    if context.number and versions.head.id is not None:
        yield from _VersionFinder(context, versions.repository).target_tips(versions.head.id)


class _VersionFinder:
    def __init__(self, context: Context, repository: Repository) -> None:
        self._context, self._repository = context, repository

    def find(self) -> VersionPair:
        context = self._context
        head = self._resolve(context.head_sha, "the head")
        if context.event == "merge_group" and context.base_sha:
            return self._between(self._resolve(context.base_sha, "the base of the merge group"), "its base", head)
        if context.event == "push" and not context.number and context.base_sha:
            before = self._repository.resolve(context.base_sha)
            if before is not None:
                return self._between(before, "the previous push", head)
        versions = self._test_merge(head) or self._from_merge_base(head)
        if context.event == "push" and not context.number and versions.base.id == head:
            return self._push_to_target(versions, head)
        return versions

    def _push_to_target(self, versions: VersionPair, head: str) -> VersionPair:
        """Return the versions of a push to the default branch, from whose new state the head does not differ."""
        before, branch = self._context.base_sha, self._context.head_branch
        if before:
            raise SnapshotError(
                f"{_short(head)}: the previous push, {_short(before)}, is not in this clone:"
                f" {self._fetch_command(before)}"
            )
        if branch and branch == self._context.default_branch:
            return self._between(self._repository.empty_tree(), "nothing", head)
        return versions

    def _between(self, base: str, name: str, head: str) -> VersionPair:
        return VersionPair(self._repository, NamedVersion(name, base), NamedVersion(_short(head), head))

    def _test_merge(self, head: str) -> VersionPair | None:
        """Return the target and the test merge commit; None if the clone has none, or the head contains the target."""
        target = self._merge_target(head)
        merge = self._repository.resolve(self._context.merge_sha) if target is not None else None
        if target is None or merge is None or target in self._repository.merge_bases(target, head):
            return None
        note = f"compared: the merge of {_short(head)} into {self._target()} at {_short(target)}"
        base, name = NamedVersion(self._target(), target), NamedVersion(_short(head), head)
        return VersionPair(self._repository, base, name, notes=(note,), merge=merge)

    def _merge_target(self, head: str) -> str | None:
        """Return the first parent of the test merge commit of the head."""
        merge = self._context.merge_sha
        if not merge or self._repository.resolve(f"{merge}^2") != head:
            return None
        return self._repository.resolve(f"{merge}^1")

    def _from_merge_base(self, head: str) -> VersionPair:
        candidates = [bases for tip in self.target_tips(head) if (bases := self._repository.merge_bases(tip, head))]
        if not candidates:
            raise SnapshotError(self._no_merge_base(head))
        bases = self._youngest([bases for bases in candidates if head not in bases] or candidates)
        notes: tuple[str, ...] = ()
        if len(bases) > 1:
            notes = (
                f"{_short(head)} and {self._target()} have {len(bases)} merge bases; compared with the best one,"
                f" {_short(bases[0])}",
            )
        base = NamedVersion(f"the merge base with {self._target()}", bases[0])
        return VersionPair(self._repository, base, NamedVersion(_short(head), head), notes=notes)

    def target_tips(self, head: str) -> Iterator[str]:
        """Yield candidates for the target commit, as far as they are in the clone."""
        context, repository = self._context, self._repository
        first = self._merge_target(head)
        if first is not None:
            yield first
        branch = context.base_branch or (context.default_branch if not context.number else "")
        revisions = [f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"] if branch else []
        if context.base_sha and (context.number or context.event != "push"):
            revisions.append(context.base_sha)
        if not (branch or context.base_sha):
            revisions.append("refs/remotes/origin/HEAD")
        for name in revisions:
            tip = repository.resolve(name)
            if tip is not None:
                yield tip

    def _youngest(self, candidates: Iterable[list[str]]) -> list[str]:
        """Return the merge bases whose first has the first of the others among its ancestors."""
        youngest, *others = candidates
        for other in others:
            if self._is_ancestor(youngest[0], other[0]):
                youngest = other
        return youngest

    def _is_ancestor(self, commit: str, descendant: str) -> bool:
        return commit != descendant and self._repository.merge_bases(commit, descendant) == [commit]

    def _resolve(self, commit: str, what: str) -> str:
        resolved = self._repository.resolve(commit)
        if resolved is None:
            raise SnapshotError(f"{_short(commit)}: {what} is not in this clone: {self._fetch_command(commit)}")
        return resolved

    def _target(self) -> str:
        return self._context.base_branch or self._context.default_branch or "the target"

    def _fetch_command(self, commit: str) -> str:
        context = self._context
        if not context.number or commit != context.head_sha:
            return f"git fetch origin {commit}"
        ref = f"merge-requests/{context.number}/head" if context.forge == GITLAB else f"pull/{context.number}/head"
        return f"git fetch origin {ref}"

    def _no_merge_base(self, head: str) -> str:
        problem = f"{_short(head)}: no merge base with {self._target()}"
        full_clone = (
            "GIT_DEPTH: 0 in the job's variables"
            if self._context.forge == GITLAB
            else "fetch-depth: 0 for actions/checkout"
        )
        if self._repository.is_shallow():
            return f"{problem} in this shallow clone: git fetch --unshallow origin, or {full_clone}"
        if not list(self.target_tips(head)):
            return f"{problem}, which is not in this clone: git fetch origin, or {full_clone}"
        return f"{problem}: they have no common history; compare them anyway: passrole-checks review BASE HEAD"


def _short(commit: str) -> str:
    return commit[:12]
