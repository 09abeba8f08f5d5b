"""Findings that owners accept by a comment on GitHub, with the real command line and real commits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from git_repositories import Repository
from github_fake import GitHubFake
from github_fake.world import Commit, ReviewComment
from jobs_of_tests import GitHubJobs, owned_by, policy

BASE = {"main.tf": policy(), "pyproject.toml": owned_by("Olive")}
WIDE = {**BASE, "main.tf": policy("*")}
TEAM = owned_by("olive", "octo-org/security")


@pytest.fixture
def jobs(github: GitHubFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitHubJobs:
    """The first job has reported a widened statement."""
    made = GitHubJobs(github, repository, tmp_path / "job", monkeypatch, BASE)
    made.push(WIDE)
    assert made.review() == 1
    return made


def comment(jobs: GitHubJobs) -> ReviewComment:
    return jobs.github.review_comments()[0]


def accept(jobs: GitHubJobs, reason: str = "a lab", user: str = "olive") -> ReviewComment:
    return jobs.github.reply(comment(jobs), f"passrole: accept {reason}", user)


def test_reply_of_an_owner_accepts(jobs: GitHubJobs, capsys: pytest.CaptureFixture[str]) -> None:
    """An accepted finding fails nothing, is counted, and every output says who accepted it and why."""
    assert "passrole: accept REASON" in comment(jobs).body
    accept(jobs, "a lab, see the ticket")
    capsys.readouterr()
    assert jobs.review() == 0
    assert (jobs.accepted, jobs.result["verdict"]) == ([("olive", "a lab, see the ticket")], "clean")
    assert jobs.result["counts"] | {"fixed": 0} == {
        "new": 1, "worse": 0, "fixed": 0, "unchanged": 0, "failing": 0, "moved": 0, "accepted": 1,
    }  # fmt: skip
    assert "olive: a lab, see the ticket" in capsys.readouterr().out
    assert "**Accepted** by `olive`: `a lab, see the ticket`" in jobs.summary
    assert "## iam:PassRole: 1 problem accepted" in jobs.summary
    assert [status.state for status in jobs.github.statuses()] == ["success", "failure"][::-1]


def test_accepted_finding_stays_accepted_while_lines_move(jobs: GitHubJobs) -> None:
    accept(jobs)
    jobs.push({**WIDE, "main.tf": "# a comment\n\n" + WIDE["main.tf"], "other.tf": "locals {}\n"})
    assert jobs.review() == 0
    assert jobs.accepted == [("olive", "a lab")]


def test_wider_access_counts_again(jobs: GitHubJobs) -> None:
    """A push that widens an accepted statement further counts; a comment with the new short key accepts it."""
    accept(jobs)
    jobs.push({**WIDE, "main.tf": policy("*", "ec2.amazonaws.com")})
    assert jobs.review() == 1
    assert jobs.accepted == []
    (key,) = jobs.short_keys
    assert key in jobs.notes and key in jobs.summary
    jobs.github.reply(comment(jobs), f"passrole: accept `{key}` also for EC2", "olive")
    assert jobs.review() == 0
    assert jobs.accepted == [("olive", "also for EC2")]


def test_access_of_another_principal_counts(jobs: GitHubJobs) -> None:
    """A push that gives the accepted statement to another role counts."""
    accept(jobs)
    jobs.push({**WIDE, "main.tf": WIDE["main.tf"].replace('role = "deployer"', 'role = "developers"')})
    assert jobs.review() == 1
    assert jobs.accepted == []


ROLES = """\
resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
resource "aws_iam_role" "app" {
  name               = "app-1"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }]
  })
}
resource "aws_iam_role_policy" "app" {
  role = aws_iam_role.app.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "%s", Resource = "*" }]
  })
}
"""


def test_stronger_role_elsewhere_counts_again(
    github: GitHubFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push that only gives more permissions to the role that an accepted statement passes counts."""
    config = {"pyproject.toml": owned_by("olive")}
    jobs = GitHubJobs(github, repository, tmp_path / "job", monkeypatch, {**config, "roles.tf": ROLES % "s3:GetObject"})
    text = policy("${aws_iam_role.app.arn}").replace('"deployer"', "aws_iam_role.deployer.name")
    jobs.push({**config, "roles.tf": ROLES % "s3:GetObject", "main.tf": text})
    assert jobs.review("--fail-on", "low") == 1
    accept(jobs)
    assert jobs.review("--fail-on", "low") == 0
    jobs.push({**config, "roles.tf": ROLES % "s3:PutObject", "main.tf": text})
    assert jobs.review("--fail-on", "low") == 1


def test_short_key_in_the_conversation_accepts(jobs: GitHubJobs) -> None:
    (key,) = jobs.short_keys
    jobs.github.comment(jobs.github.pull, f"passrole: accept {key} a lab", "OLIVE")
    assert jobs.review() == 0
    assert jobs.accepted == [("OLIVE", "a lab")]


def test_reason_is_untrusted(jobs: GitHubJobs) -> None:
    """A reason is shortened, and in the summary it forms no markup, mention or marker."""
    accept(jobs, "`<!-- passrole-checks:summary --> @everyone [x](https://example.com) " + "z" * 5_000)
    assert jobs.review() == 0
    assert len(jobs.accepted[0][1]) == 1_000
    line = next(line for line in jobs.summary.splitlines() if "**Accepted**" in line)
    assert line.startswith("**Accepted** by `olive`: ``") and line.endswith("``") and len(line) < 300
    assert "<!--" not in jobs.summary.partition("\n")[2]


@pytest.mark.parametrize("who", ["contributor", "committer", "author", "helper"])
def test_contributors_cannot_accept(jobs: GitHubJobs, who: str, repository: Repository) -> None:
    """The author of the pull request, and authors, committers and co-authors of its commits, accept nothing."""
    jobs.github.pull.base_sha = ""
    jobs.github.commit("author", "committer", co_authors=("helper",))
    accept(jobs, user=who)
    repository.git("checkout", "--quiet", "main")
    base = repository.commit({"pyproject.toml": owned_by("contributor", "committer", "author", "helper")})
    jobs.github.pull.base_sha = base
    repository.git("rebase", "--quiet", "main", "change")
    jobs.github.pull.head_sha = repository.git("rev-parse", "HEAD")
    assert jobs.review() == 1
    assert "author or committer" in jobs.notes


def test_edited_reply_does_not_accept(jobs: GitHubJobs) -> None:
    """An edited reply does not count, even if it was edited within a second; a new one does."""
    reply = jobs.github.reply(comment(jobs), "thanks", "olive")
    jobs.github.edit(reply, "passrole: accept a lab")
    assert reply.created == reply.updated
    assert jobs.review() == 1
    assert "edited" in jobs.notes
    accept(jobs, "really")
    assert jobs.review() == 0
    assert jobs.notes == ""


def test_edited_comment_cannot_be_answered(jobs: GitHubJobs) -> None:
    """A maintainer can edit our comment, and so its marker: a reply to it does not count then."""
    accept(jobs)
    jobs.github.edit(comment(jobs), comment(jobs).body + "\n")
    assert jobs.review() == 1
    assert "has been edited" in jobs.notes


def test_owners_of_head_do_not_count(jobs: GitHubJobs) -> None:
    jobs.push({**WIDE, "pyproject.toml": owned_by("mallory")})
    accept(jobs, user="mallory")
    assert jobs.review() == 1
    assert jobs.result["owners"] == ["Olive"]
    assert "mallory" in jobs.notes


@pytest.mark.parametrize("text", [owned_by("mallory"), "", "[tool.passrole_checks]\naccept_owners = 1\n", "{"])
def test_former_owners_do_not_count(jobs: GitHubJobs, repository: Repository, text: str) -> None:
    """A pull request that begins from an old commit does not bring back the owners of that time."""
    accept(jobs)
    repository.git("checkout", "--quiet", "main")
    jobs.github.pull.base_sha = repository.commit({"pyproject.toml": text})
    repository.git("checkout", "--quiet", "change")
    assert jobs.review() == 1
    assert (jobs.result["owners"], "Not owners any more" in jobs.notes) == ([], True)


def test_forged_marker_does_not_count(jobs: GitHubJobs) -> None:
    """A thread that another user started with our marker accepts nothing, with or without a key."""
    forged = jobs.github.review_comment(jobs.github.pull, "main.tf", 8, comment(jobs).body, "mallory")
    jobs.github.reply(forged, "passrole: accept a lab", "olive")
    jobs.github.reply(forged, f"passrole: accept {jobs.short_keys[0]} a lab", "olive")
    assert jobs.review() == 1
    assert (jobs.accepted, jobs.notes.count("did not start")) == ([], 1)


def test_bots_cannot_accept(jobs: GitHubJobs, github: GitHubFake) -> None:
    """Neither an app whose login an owner has, nor the account of the token, accepts."""
    github.new_user("olive[bot]")
    accept(jobs, user="olive[bot]")
    accept(jobs, user="github-actions[bot]")
    assert jobs.review() == 1
    assert "not bots" in jobs.notes


def test_unlisted_commits_prevent_acceptance(jobs: GitHubJobs) -> None:
    """Where commits are not listed, their authors are unknown, and nothing is accepted."""
    accept(jobs)
    jobs.github.pull.unlisted_commits = 3
    assert jobs.review() == 1
    assert "3 commits" in jobs.notes


def test_commits_without_an_account_are_reported(jobs: GitHubJobs) -> None:
    """A commit whose author has no account may be an owner's, which is reported; one committed on GitHub's pages has
    no such committer."""
    jobs.github.pull.commits.clear()
    jobs.github.pull.commits += [
        Commit("contributor", None, committer_email="noreply@github.com", is_of_web_page=True),
        Commit("contributor", None, committer_email="noreply@github.com"),  # claims to be GitHub's
        Commit(None, "contributor"),
    ]
    accept(jobs)
    assert jobs.review() == 0
    assert "2 commits have an author" in jobs.notes


def test_many_commits_are_all_read(jobs: GitHubJobs) -> None:
    """An owner who wrote one of the last of 250 commits cannot accept."""
    for _ in range(248):
        jobs.github.commit("contributor")
    jobs.github.commit("olive")
    accept(jobs)
    assert jobs.review() == 1


# -- teams


@pytest.fixture
def team(github: GitHubFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitHubJobs:
    """A pull request to a base that names a team, with an active and an invited member."""
    github.world.teams["octo-org/security"] = {"Tess": "active", "Pat": "pending"}
    jobs = GitHubJobs(github, repository, tmp_path / "job", monkeypatch, {**BASE, "pyproject.toml": TEAM})
    jobs.push({**WIDE, "pyproject.toml": TEAM})
    return jobs


def test_members_of_a_team_accept_if_the_token_may_read_it(team: GitHubJobs) -> None:
    """Active members accept, invited ones do not."""
    jobs = team
    assert jobs.review(token="members") == 1
    accept(jobs, user="pat")
    assert jobs.review(token="members") == 1
    assert "not among the owners" in jobs.notes
    accept(jobs, user="tess")
    assert jobs.review(token="members") == 0
    assert (jobs.accepted, jobs.notes) == ([("tess", "a lab")], "")


def test_unreadable_team_is_named(team: GitHubJobs) -> None:
    """A job's own token cannot read teams: this is said, and logins still count."""
    jobs = team
    assert jobs.review() == 1
    accept(jobs, user="tess")
    assert jobs.review() == 1
    assert "octo-org/security in accept_owners is not usable" in jobs.notes
    accept(jobs)
    assert jobs.review() == 0


# -- where acceptance is unknown


@pytest.mark.parametrize(("arguments", "token"), [((), ""), (("--post", "none"), "bot")])
def test_without_a_token_acceptance_is_unknown(jobs: GitHubJobs, arguments: tuple[str, ...], token: str) -> None:
    accept(jobs)
    assert jobs.review(*arguments, token=token) == 1
    assert jobs.github.calls() == []
    assert "is unknown" in jobs.notes


def test_read_only_token_accepts_too(jobs: GitHubJobs) -> None:
    """The token of a fork's pull request can read comments, so the result is the same."""
    accept(jobs)
    assert jobs.review(token="read_only") == 0


@pytest.mark.parametrize("status", [500, 403])
def test_failed_look_up_accepts_nothing(jobs: GitHubJobs, status: int) -> None:
    """Where comments cannot be read, findings count and the reason is given."""
    accept(jobs)
    jobs.github.fault("POST", "/graphql", status=status, times=9)
    assert jobs.review("--max-inline", "0", "--comment", "off") == 1
    assert "could not read comments" in jobs.notes


def test_failed_posting_does_not_change_the_result(jobs: GitHubJobs) -> None:
    """Failing to post what was accepted does not fail; failing to post what counts does not pass."""
    accept(jobs)
    for method, path in (("POST", "/statuses/"), ("PATCH", "/issues/comments/")):
        jobs.github.fault(method, path, status=403, times=9)
    assert jobs.review() == 0
    jobs.push({**WIDE, "main.tf": policy("*", "ec2.amazonaws.com")})
    assert jobs.review() == 1


def test_without_owners_nothing_is_asked(
    github: GitHubFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without owners replies are not read, and no comment mentions acceptance."""
    base = {"main.tf": policy()}
    jobs = GitHubJobs(github, repository, tmp_path / "job", monkeypatch, base)
    jobs.push({"main.tf": policy("*")})
    assert jobs.review() == 1
    accept(jobs)
    assert jobs.review() == 1
    assert "passrole: accept" not in comment(jobs).body + jobs.summary
    assert (jobs.result["owners"], jobs.notes, jobs.accepted) == ([], "", [])


# -- other outputs


def test_sarif_suppresses_accepted_findings(jobs: GitHubJobs, tmp_path: Path) -> None:
    """SARIF has the accepted findings as externally suppressed, with who and why; Code Quality leaves them out."""
    accept(jobs)
    sarif, quality = tmp_path / "x.sarif", tmp_path / "quality.json"
    assert jobs.review("--format", "sarif", f"--output={sarif}", "--format", "gitlab", f"--output={quality}") == 0
    results = json.loads(sarif.read_text())["runs"][0]["results"]
    justified = [result["suppressions"] for result in results if result["baselineState"] == "new"]
    assert justified and all(
        each == [{"kind": "external", "justification": "Accepted by olive: a lab"}] for each in justified
    )
    assert json.loads(quality.read_text()) == []


def test_acceptance_in_a_bundle_does_not_count(jobs: GitHubJobs, tmp_path: Path) -> None:
    """A bundle contains what was accepted; a job that posts a bundle asks the forge itself."""
    reply = accept(jobs)
    bundle = tmp_path / "bundle.json"
    assert jobs.review("--offline-bundle", str(bundle)) == 0
    assert json.loads(bundle.read_text())["items"][0]["accepted"] == {"by": "olive", "reason": "a lab"}
    assert jobs.review("--from-bundle", str(bundle)) == 0  # with the owners of the working directory
    jobs.github.edit(reply, reply.body)
    assert jobs.review("--from-bundle", str(bundle)) == 1


# -- the label


def test_label_is_set_while_findings_count(jobs: GitHubJobs) -> None:
    """With --label the label is set while a finding counts, and only it is touched."""
    pull = jobs.github.pull
    pull.labels = ["bug"]
    assert (jobs.review(), pull.labels) == (1, ["bug"])
    assert (jobs.review("--label"), pull.labels) == (1, ["bug", "passrole: new access"])
    assert (jobs.review("--label"), jobs.github.calls("POST", "labels")) == (1, [])
    accept(jobs)
    assert (jobs.review("--label", "--comment", "off", "--max-inline", "0"), pull.labels) == (0, ["bug"])


def test_incomplete_result_removes_no_label(jobs: GitHubJobs) -> None:
    jobs.github.pull.labels = ["passrole: new access"]
    jobs.push({**BASE, "main.tf": "resource {{{\n"})
    assert jobs.review("--label") == 2
    assert jobs.github.pull.labels == ["passrole: new access"]


def test_reviews_with_keys_have_their_own_labels(jobs: GitHubJobs) -> None:
    jobs.github.pull.labels = ["passrole: new access"]
    assert jobs.review("--label", "--key", "eu") == 1
    assert jobs.github.pull.labels == ["passrole: new access", "passrole: new access (eu)"]


def test_missing_permission_for_labels_is_named(jobs: GitHubJobs, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs.review("--label", "--comment", "off", "--max-inline", "0", token="read_only") == 1
    assert "pull-requests: write (for the label)" in capsys.readouterr().err


def test_reply_can_start_a_job(jobs: GitHubJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that the reply itself starts (pull_request_review_comment) finds it."""
    accept(jobs)
    environment = jobs.environment

    def of_comment(token: str | None) -> dict[str, str]:
        return {**environment(token), "GITHUB_EVENT_NAME": "pull_request_review_comment"}

    monkeypatch.setattr(jobs, "environment", of_comment)
    assert jobs.review() == 0
    assert jobs.accepted == [("olive", "a lab")]


def in_event(jobs: GitHubJobs, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    """Let the next jobs be of another event."""

    def environment(token: str | None) -> dict[str, str]:
        job = jobs.github.environment(jobs.github.pull, jobs.folder, event, run_number=jobs.runs)
        return {**job, "GITHUB_TOKEN": jobs.github.tokens[token or "bot"].value}

    monkeypatch.setattr(jobs, "environment", environment)


def test_push_knows_no_acceptance(jobs: GitHubJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is about no pull request counts every finding, and says why."""
    accept(jobs)
    in_event(jobs, monkeypatch, "push")
    assert jobs.review() == 1
    assert "not about a pull request" in jobs.notes


def test_merge_queue_accepts_as_the_pull_request(
    jobs: GitHubJobs, monkeypatch: pytest.MonkeyPatch, repository: Repository
) -> None:
    """In a merge queue the comments of the pull request to merge count, for the same state of a finding only."""
    accept(jobs)
    pull, github = jobs.github.pull, jobs.github
    for files, status in (
        ({"other.tf": "# another pull request\n"}, 0),
        ({"main.tf": policy("*", "ec2.amazonaws.com")}, 1),
    ):
        group = repository.commit(files)  # the merge that the queue tests

        def environment(token: str | None, group: str = group) -> dict[str, str]:
            job = github.environment(pull, jobs.folder, "merge_group", run_number=jobs.runs)
            event = github.payload(pull, "merge_group")
            event["merge_group"]["head_sha"] = group
            Path(job["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))
            return {**job, "GITHUB_SHA": group, "GITHUB_TOKEN": github.tokens[token or "bot"].value}

        monkeypatch.setattr(jobs, "environment", environment)
        assert jobs.review() == status
    pull.state = "closed"
    assert jobs.review() == 1
