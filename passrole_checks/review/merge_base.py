"""Which two commits a pipeline's review is about: the merge base with the target branch, and the head.

Where a forge has made a commit to try the merge, and the target has moved on since the head left it, that commit is
compared with its first parent instead: what comes of both sides together is in neither of them alone. What is said
belongs to the head all the same.

What an event says of the base is where the target branch was at some time; what a pull request changes is what differs
from the merge base. Of the commits that stand for the target (the first parent of the commit that a forge makes to try
the merge, the branch as it was fetched, the commit that the event names) the one counts whose merge base with the head
is the youngest: an older one would count what the head has merged since then as its own.

Sources: GitHub Docs, "Events that trigger workflows" (``pull_request``: GITHUB_SHA is the merge commit of
``refs/pull/N/merge``); GitLab Docs, "Merged results pipelines"; git-merge-base(1), "DISCUSSION" (several merge bases).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from passrole_checks.errors import ConfigurationError, SnapshotError
from passrole_checks.git_versions import NamedVersion, VersionPair
from passrole_checks.git_versions.git import Repository
from passrole_checks.review.ci_context import GITLAB, Context

_USAGE = (
    "review: this is no pipeline of GitHub Actions or GitLab CI; name the versions: BASE HEAD, A...B, or BASE to"
    " compare with the working tree"
)


def comparison(context: Context, folder: Path) -> VersionPair:
    """The versions that ``context`` stands for, in the repository around ``folder``.

    Raises a :class:`ConfigurationError` where it stands for none, and a :class:`SnapshotError` where they are not in
    the clone; the message says what gets them.
    """
    if not context.forge:
        raise ConfigurationError(_USAGE)
    repository = Repository.around(folder)
    if repository is None:
        raise SnapshotError(f"{folder}: is in no git repository: check it out first, with its history")
    if not context.head_sha:
        raise ConfigurationError(f"review: the event {context.event!r} names no commit: name the versions: BASE HEAD")
    return _Revisions(context, repository).found()


class _Revisions:
    def __init__(self, context: Context, repository: Repository) -> None:
        self._context, self._repository = context, repository

    def found(self) -> VersionPair:
        context = self._context
        head = self._there(context.head_sha, "the head")
        if context.event == "merge_group" and context.base_sha:
            return self._between(self._there(context.base_sha, "the base of the merge group"), "its base", head)
        if context.event == "push" and not context.number and context.base_sha:
            before = self._repository.resolve(context.base_sha)
            if before is not None:
                return self._between(before, "what was pushed before", head)
        found = self._of_the_merge(head) or self._from_merge_base(head)
        if context.event == "push" and not context.number and found.base.id == head:
            return self._of_what_is_on_the_target(found, head)
        return found

    def _of_what_is_on_the_target(self, found: VersionPair, head: str) -> VersionPair:
        """A push after which the default branch itself has the head, so that nothing would differ from it."""
        before, branch = self._context.base_sha, self._context.head_branch
        if before:
            raise SnapshotError(
                f"{_short(head)}: what was pushed before it, {_short(before)}, is not in this clone:"
                f" {self._fetch_head(before)}"
            )
        if branch and branch == self._context.default_branch:
            return self._between(self._repository.empty_tree(), "nothing", head)
        return found

    def _between(self, base: str, name: str, head: str) -> VersionPair:
        return VersionPair(self._repository, NamedVersion(name, base), NamedVersion(_short(head), head))

    def _of_the_merge(self, head: str) -> VersionPair | None:
        """The commit that tries the merge, with the target that it is of; None where there is none in the clone, or
        the merge has but what the head has."""
        target = self._merged_into(head)
        merge = self._repository.resolve(self._context.merge_sha) if target is not None else None
        if target is None or merge is None or target in self._repository.merge_bases(target, head):
            return None
        note = f"compared is what merging {_short(head)} makes of {self._target()} as of {_short(target)}"
        base, name = NamedVersion(self._target(), target), NamedVersion(_short(head), head)
        return VersionPair(self._repository, base, name, notes=(note,), merge=merge)

    def _merged_into(self, head: str) -> str | None:
        """The first parent of the commit that tries the merge of the head."""
        merge = self._context.merge_sha
        if not merge or self._repository.resolve(f"{merge}^2") != head:
            return None
        return self._repository.resolve(f"{merge}^1")

    def _from_merge_base(self, head: str) -> VersionPair:
        found = [bases for tip in self._tips(head) if (bases := self._repository.merge_bases(tip, head))]
        if not found:
            raise SnapshotError(self._no_merge_base(head))
        bases = self._youngest([bases for bases in found if head not in bases] or found)
        notes: tuple[str, ...] = ()
        if len(bases) > 1:
            notes = (
                f"{_short(head)} and {self._target()} have {len(bases)} merge bases; compared with the best,"
                f" {_short(bases[0])}",
            )
        base = NamedVersion(f"the merge base with {self._target()}", bases[0])
        return VersionPair(self._repository, base, NamedVersion(_short(head), head), notes=notes)

    def _tips(self, head: str) -> Iterator[str]:
        """The commits that stand for the target, as far as they are in the clone."""
        context, repository = self._context, self._repository
        first = self._merged_into(head)
        if first is not None:
            yield first
        branch = context.base_branch or (context.default_branch if not context.number else "")
        named = [f"refs/remotes/origin/{branch}", f"refs/heads/{branch}"] if branch else []
        if context.base_sha and (context.number or context.event != "push"):
            named.append(context.base_sha)
        if not (branch or context.base_sha):
            named.append("refs/remotes/origin/HEAD")
        for name in named:
            tip = repository.resolve(name)
            if tip is not None:
                yield tip

    def _youngest(self, found: Iterable[list[str]]) -> list[str]:
        """The merge bases of which the first has those of the others among its ancestors."""
        chosen, *others = found
        for one in others:
            if self._is_ancestor(chosen[0], one[0]):
                chosen = one
        return chosen

    def _is_ancestor(self, one: str, other: str) -> bool:
        return one != other and self._repository.merge_bases(one, other) == [one]

    def _there(self, commit: str, what: str) -> str:
        found = self._repository.resolve(commit)
        if found is None:
            raise SnapshotError(f"{_short(commit)}: {what} is not in this clone: {self._fetch_head(commit)}")
        return found

    def _target(self) -> str:
        return self._context.base_branch or self._context.default_branch or "the target"

    def _fetch_head(self, commit: str) -> str:
        context = self._context
        if not context.number or commit != context.head_sha:
            return f"git fetch origin {commit}"
        ref = f"merge-requests/{context.number}/head" if context.forge == GITLAB else f"pull/{context.number}/head"
        return f"git fetch origin {ref}"

    def _no_merge_base(self, head: str) -> str:
        both = f"{_short(head)}: no merge base with {self._target()}"
        deeper = (
            "GIT_DEPTH: 0 in the job's variables"
            if self._context.forge == GITLAB
            else "fetch-depth: 0 for actions/checkout"
        )
        if self._repository.is_shallow():
            return f"{both} in this shallow clone: git fetch --unshallow origin, or {deeper}"
        if not list(self._tips(head)):
            return f"{both}, which is not in this clone: git fetch origin, or {deeper}"
        return f"{both}: they have no history in common; to compare them as they are: passrole-checks review BASE HEAD"


def _short(commit: str) -> str:
    return commit[:12]
