"""Findings that owners accept by a note on GitLab, with the real command line and real commits."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import Repository
from gitlab_fake import Discussion, GitLabFake, Note, User
from jobs_of_tests import GitLabJobs, owned_by, policy

OLIVE, TESS, PAT, MALLORY = User(11, "Olive"), User(12, "tess"), User(13, "pat"), User(14, "mallory")
BASE = {"main.tf": policy(), "pyproject.toml": owned_by("olive", "acme/security", "top/")}
WIDE = {**BASE, "main.tf": policy("*")}


@pytest.fixture
def jobs(gitlab: GitLabFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitLabJobs:
    """The first job has reported a widened statement."""
    gitlab.world.groups = {"acme/security": {TESS: "active", PAT: "blocked"}, "top": {}}
    made = GitLabJobs(gitlab, repository, tmp_path / "job", monkeypatch, BASE)
    made.push(WIDE)
    assert made.review() == 1
    return made


def thread(jobs: GitLabJobs) -> Discussion:
    return jobs.gitlab.threads()[0]


def accept(jobs: GitLabJobs, user: User = OLIVE, reason: str = "a lab") -> Note:
    jobs.gitlab.reply(thread(jobs), f"passrole: accept {reason}", user)
    return thread(jobs).notes[-1]


def test_reply_of_an_owner_accepts(jobs: GitLabJobs) -> None:
    """An accepted finding fails nothing, also after its thread was resolved, and the summary says who accepted it."""
    accept(jobs)
    assert jobs.review() == 0
    assert jobs.accepted == [("Olive", "a lab")]
    assert "**Accepted** by `Olive`: `a lab`" in jobs.summary
    jobs.gitlab.resolve(thread(jobs), OLIVE)
    assert jobs.review() == 0
    assert jobs.notes == ""


def test_wider_access_counts_again(jobs: GitLabJobs) -> None:
    """A push that widens an accepted statement further counts; a note with the new short key accepts it."""
    accept(jobs)
    jobs.push({**WIDE, "main.tf": policy("*", "ec2.amazonaws.com")})
    assert jobs.review() == 1
    (key,) = jobs.short_keys
    assert key in jobs.notes
    jobs.gitlab.thread(f"passrole: accept {key} also for EC2", OLIVE)
    assert jobs.review() == 0
    assert jobs.accepted == [("Olive", "also for EC2")]


@pytest.mark.parametrize(("user", "status"), [(TESS, 0), (PAT, 1), (MALLORY, 1)])
def test_active_members_of_a_group_accept(jobs: GitLabJobs, user: User, status: int) -> None:
    accept(jobs, user)
    assert jobs.review() == status


def test_unreadable_group_is_named(jobs: GitLabJobs) -> None:
    jobs.gitlab.world.groups = {"top": {}}
    accept(jobs, TESS)
    assert jobs.review() == 1
    assert "acme/security in accept_owners is not usable" in jobs.notes
    assert "top" not in jobs.notes


def test_contributors_cannot_accept(jobs: GitLabJobs) -> None:
    """The author of the merge request, and authors and committers of its commits, accept nothing."""
    accept(jobs, OLIVE)
    for author, committer in ((OLIVE, MALLORY), (MALLORY, OLIVE)):
        jobs.gitlab.request.commits.clear()
        jobs.gitlab.commit(author, committer)
        assert jobs.review() == 1
    jobs.gitlab.request.commits.clear()
    jobs.gitlab.request.author = OLIVE
    assert jobs.review() == 1
    assert "author or committer" in jobs.notes


def test_commits_without_an_account_are_reported(jobs: GitLabJobs) -> None:
    jobs.gitlab.commit(None)
    accept(jobs)
    assert jobs.review() == 0
    assert "1 commit has an author" in jobs.notes


def test_edited_notes_do_not_count(jobs: GitLabJobs) -> None:
    """Neither an edited reply counts, nor one to an edited comment of ours."""
    note = accept(jobs)
    jobs.gitlab.edit(note, note.body, MALLORY)
    assert jobs.review() == 1
    accept(jobs)
    assert jobs.review() == 0
    jobs.gitlab.edit(thread(jobs).notes[0], thread(jobs).notes[0].body, MALLORY)
    assert jobs.review() == 1


def test_forged_marker_and_bots_do_not_count(jobs: GitLabJobs) -> None:
    forged = jobs.gitlab.thread(thread(jobs).notes[0].body, MALLORY)
    jobs.gitlab.reply(forged, "passrole: accept a lab", OLIVE)
    accept(jobs, User(11, "olive", is_bot=True))
    assert jobs.review() == 1
    assert "not bots" in jobs.notes


def test_owners_of_head_do_not_count(jobs: GitLabJobs) -> None:
    jobs.push({**WIDE, "pyproject.toml": owned_by("mallory")})
    accept(jobs, MALLORY)
    assert jobs.review() == 1


@pytest.mark.parametrize(("arguments", "token"), [((), ""), (("--post", "none"), "project")])
def test_without_a_token_acceptance_is_unknown(jobs: GitLabJobs, arguments: tuple[str, ...], token: str) -> None:
    accept(jobs)
    assert jobs.review(*arguments, token=token) == 1
    assert jobs.gitlab.calls() == []
    assert "is unknown" in jobs.notes


def test_failed_look_up_accepts_nothing(jobs: GitLabJobs) -> None:
    accept(jobs)
    jobs.gitlab.fault("POST", "/api/graphql", status=403, times=9)
    assert jobs.review() == 1
    assert "could not read comments" in jobs.notes


def test_many_notes_are_all_read(jobs: GitLabJobs) -> None:
    for number in range(150):
        jobs.gitlab.note(f"note {number}")
    accept(jobs)
    assert jobs.review() == 0


def test_label_is_set_while_findings_count(jobs: GitLabJobs) -> None:
    """With --label the label is set while a finding counts, and only it is touched."""
    labels = jobs.gitlab.request.labels
    labels.append("bug")
    assert (jobs.review("--label"), labels) == (1, ["bug", "passrole: new access"])
    accept(jobs)
    assert (jobs.review("--label", "--comment", "off", "--max-inline", "0"), labels) == (0, ["bug"])
