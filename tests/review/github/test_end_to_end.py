"""The bot with the real command line, real commits and the fake of GitHub."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from git_repositories import Repository
from github_fake import GitHubFake
from github_fake.world import Pull

from passrole_checks import cli
from passrole_checks.review import http
from passrole_checks.review.markdown.markers import FIXED, parse_marker

VARIABLES = """\
variable "roles" {
  description = "The roles that the deployer passes"
  default     = "arn:aws:iam::111122223333:role/app-*"
}
"""
POLICY = """\
resource "aws_iam_role_policy" "deploy" {
  role = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = var.roles
    }]
  })
}
"""
WIDER = VARIABLES.replace("arn:aws:iam::111122223333:role/app-*", "*")
BASE = {"main.tf": POLICY, "variables.tf": VARIABLES}


class Bot:
    """A pull request with real commits, and jobs that review it."""

    def __init__(
        self, github: GitHubFake, repository: Repository, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.github, self._repository, self.folder, self._monkeypatch = github, repository, folder, monkeypatch
        self._runs = 0
        self.base = repository.commit(dict(BASE))
        repository.git("checkout", "--quiet", "-b", "change")
        self.pull: Pull = github.pull
        self.pull.base_files, self.pull.base_sha = dict(BASE), self.base

    def push(self, files: dict[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        sha = self._repository.commit(dict(files))
        if self.pull.head_files != files:
            self.github.push(self.pull, files, sha=sha, forced=not self._runs)
        else:  # a commit that was made on GitHub
            self.pull.head_sha = sha
            self.pull.shas.append(sha)

    def apply_suggestion(self) -> None:
        """Apply the suggestion of the last line comment, as the button does, and fetch the commit."""
        self.github.apply_suggestion(self.github.review_comments()[-1])
        self.push(dict(self.pull.head_files))

    def review(
        self, *arguments: str, token: str = "resolver", event: str = "pull_request", is_again: bool = False
    ) -> int:
        """Run a job. ``is_again``: re-run the same run."""
        self._runs += not is_again
        self.github.forget_calls()
        job = self.github.environment(self.pull, self.folder, event, run_number=self._runs)
        for name, value in job.items():
            self._monkeypatch.setenv(name, value)
        secret = self.github.tokens[token].value if token else ""
        self._monkeypatch.setenv("GITHUB_TOKEN", secret)
        return cli.main(["review", *arguments])

    @property
    def summary(self) -> str:
        (comment,) = self.github.comments()
        return comment.body.split("\n", 2)[1]


@pytest.fixture
def bot(github: GitHubFake, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bot:
    clock = github.clock
    monkeypatch.setattr(http, "Pace", lambda: PACE(clock=clock.now, sleep=clock.sleep))
    return Bot(github, repository, tmp_path / "job", monkeypatch)


PACE = http.Pace


def test_widening_default_is_reported_fixed_and_closed(github: GitHubFake, bot: Bot) -> None:
    """A pull request that widens PassRole by a variable default gets one summary and one suggestion at that default;
    with it applied the next run says "all fixed" and closes the thread."""
    bot.push({**BASE, "variables.tf": WIDER})
    assert bot.review() == 1
    (comment,) = github.review_comments()
    assert (comment.path, comment.start_line, comment.line) == ("variables.tf", None, 3)
    assert '```suggestion\n  default     = "arn:aws:iam::111122223333:role/app-*"\n```' in comment.body
    assert bot.summary == "## iam:PassRole: 1 problem got worse"
    assert [status.state for status in github.statuses()] == ["failure"]
    assert len(github.writes()) == 3
    github.assert_spaced(1.0)

    assert bot.review(is_again=True) == 1  # nothing is said twice
    assert [call.path.split("/")[4] for call in github.writes()] == ["statuses"]

    bot.apply_suggestion()
    assert bot.pull.head_files == BASE
    assert bot.review() == 0
    assert bot.summary == "## iam:PassRole: all fixed"
    (thread,) = github.threads()
    assert thread.resolved_by is not None and thread.resolved_by.login == "github-actions[bot]"
    assert [marker.kind for each in thread.comments[1:] if (marker := parse_marker(each.body))] == [FIXED]
    assert [status.state for status in github.statuses()] == ["success"]

    assert bot.review(is_again=True) == 0  # nor is that
    assert [call.path.split("/")[4] for call in github.writes()] == ["statuses"]
    assert (len(github.comments()), len(github.review_comments())) == (1, 2)


def test_without_a_token(github: GitHubFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a token the report is in the output, annotations and the step summary."""
    bot.push({**BASE, "variables.tf": WIDER})
    assert bot.review(token="") == 1
    result = capsys.readouterr()
    assert "variables.tf:3" in result.out
    assert re.search(r"^::(?:error|warning) file=variables\.tf,line=3", result.out, re.MULTILINE)
    assert "GITHUB_TOKEN" in result.err
    assert github.calls() == []
    assert "1 problem got worse" in (bot.folder / "summary.md").read_text()


def test_read_only_token_keeps_the_result(github: GitHubFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """With a read-only token the exit status and annotations are the same, with one warning about permissions."""
    bot.push({**BASE, "variables.tf": WIDER})
    assert bot.review(token="read_only") == 1
    result = capsys.readouterr()
    assert re.search(r"^::(?:error|warning) file=variables\.tf,line=3", result.out, re.MULTILINE)
    assert result.err.count("pull-requests: write") == 1
    assert (github.comments(), github.review_comments()) == ([], [])


def test_unrelated_change_gets_no_comment(github: GitHubFake, bot: Bot) -> None:
    """A change of a comment or layout gets no comment."""
    bot.push({**BASE, "main.tf": "# The deployer.\n" + POLICY.replace("    Statement = [{", "    Statement  =  [{")})
    assert bot.review() == 0
    assert (github.comments(), github.review_comments()) == ([], [])


def test_unreadable_push_is_not_fixed(github: GitHubFake, bot: Bot) -> None:
    """A push that cannot be read is never reported as fixed."""
    bot.push({**BASE, "variables.tf": WIDER})
    assert bot.review() == 1
    bot.push({**BASE, "variables.tf": "variable {{{\n"})
    assert bot.review() == 2
    assert "could not be read" in bot.summary
    assert [len(thread.comments) for thread in github.threads()] == [1]
    assert [status.state for status in github.statuses()] == ["error"]


def test_second_workflow_posts_the_bundle_of_a_fork(
    github: GitHubFake, bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workflow of a fork's pull request writes a bundle; a second workflow with a token posts it."""
    fork = github.new_repository("contributor/infra", parent=github.repository)
    bot.pull.head_repository = fork
    bot.push({**BASE, "variables.tf": WIDER})
    bundle = tmp_path / "bundle.json"
    assert bot.review("--post", "none", "--offline-bundle", str(bundle), token="") == 1
    assert github.calls() == []
    assert bot.review("--from-bundle", str(bundle), event="workflow_run") == 1
    assert bot.summary == "## iam:PassRole: 1 problem got worse"
    assert ("```suggestion" in github.review_comments()[0].body, github.statuses()) == (True, [])


def test_missing_library_names_its_installation(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If requests is missing, the message says how to install it, and the exit status is that of the findings."""
    bot.push({**BASE, "variables.tf": WIDER})
    monkeypatch.setitem(sys.modules, "requests", None)
    assert bot.review() == 1
    assert "-I -m pip install 'requests>=2.31'" in capsys.readouterr().err


def test_dry_run_prints_writes(github: GitHubFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run prints the writes and makes none."""
    bot.push({**BASE, "variables.tf": WIDER})
    assert bot.review("--dry-run") == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.out.splitlines() if line.startswith('{"method"')]
    assert "dry run: " in captured.err
    assert (len(lines), github.writes()) == (3, [])
