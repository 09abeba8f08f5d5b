"""The bot on GitLab with the real command line, real commits and the fake of GitLab."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from git_repositories import Repository
from gitlab_fake import GitLabFake
from pipelines import OPEN_BASE as BASE
from pipelines import OPEN_HEAD as HEAD
from plans_of_tests import change, document, plan, statement
from reviews_on_gitlab import BOT, places

from passrole_checks import cli
from passrole_checks.review import http
from passrole_checks.review.markdown.markers import FIXED, parse_marker

PACE = http.Pace
APP = "arn:aws:iam::111122223333:role/app-*"


class Bot:
    """A merge request with real commits, and jobs that review it."""

    def __init__(self, gitlab: GitLabFake, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gitlab, self._repository, self._monkeypatch = gitlab, repository, monkeypatch
        self._runs = 0
        gitlab.request.base_sha = repository.commit(dict(BASE))
        gitlab.request.base_files = dict(BASE)
        repository.git("checkout", "--quiet", "-b", "change")

    def push(self, files: dict[str, str], *gone: str) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.gitlab.push(files, self._repository.commit({**files, **dict.fromkeys(gone)}))

    def apply_suggestion(self) -> None:
        """Apply the suggestion of the last thread, as the button does, and fetch the commit."""
        self.gitlab.apply_suggestion(self.gitlab.threads()[-1])
        self.push(dict(self.gitlab.request.head_files))

    def review(self, *arguments: str, token: str = "project", is_fork: bool = False) -> int:
        self._runs += 1
        self.gitlab.forget_calls()
        for name, value in self.gitlab.environment(run_number=self._runs, is_fork=is_fork).items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setenv("PASSROLE_GITLAB_TOKEN", self.gitlab.tokens[token].value if token else "")
        return cli.main(["review", *arguments])

    @property
    def summary(self) -> str:
        (note,) = self.gitlab.notes()
        return note.body.split("\n", 2)[1]


@pytest.fixture
def bot(gitlab: GitLabFake, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Bot:
    clock = gitlab.clock
    monkeypatch.setattr(http, "Pace", lambda: PACE(clock=clock.now, sleep=clock.sleep))
    return Bot(gitlab, repository, monkeypatch)


def test_widening_default_is_reported_fixed_and_closed(gitlab: GitLabFake, bot: Bot) -> None:
    """A merge request that widens PassRole by a variable default gets one summary and one suggestion at that default;
    with it applied the next run says "all fixed" and closes the thread."""
    bot.push(HEAD)
    assert bot.review() == 1
    (thread,) = gitlab.threads()
    assert places(gitlab) == [("infra/variables.tf", None, 3)]
    assert '```suggestion:-0+0\n  default = "arn:aws:iam::111122223333:role/app-*"\n```' in thread.notes[0].body
    assert bot.summary == "## iam:PassRole: 1 problem got worse"
    assert len(gitlab.writes()) == 2
    gitlab.assert_spaced(1.0)

    assert bot.review() == 1  # nothing is said twice: the summary names the new job
    assert [call.method for call in gitlab.writes()] == ["PUT"]

    bot.apply_suggestion()
    assert gitlab.request.head_files == BASE
    assert bot.review() == 0
    assert bot.summary == "## iam:PassRole: all fixed"
    assert thread.resolved_by is not None and thread.resolved_by.username == BOT
    assert [marker.kind for each in thread.notes[1:] if (marker := parse_marker(each.body))] == [FIXED]
    assert (len(gitlab.threads()), len(gitlab.notes())) == (1, 1)


def test_a_plan_is_commented_at_its_source(gitlab: GitLabFake, bot: Bot, tmp_path: Path) -> None:
    """Access that only a plan shows has its thread at the changed line, or, without a line, its row in the summary;
    both are closed by a plan without it."""
    values = [
        {"name": "x", "policy": document(statement(roles, service=""))} for roles in (APP, APP.replace("app-", ""))
    ]
    blocks = ["aws_iam_policy.deploy"]
    widened = change("aws_iam_policy.deploy", *values), change("aws_iam_policy.gone", None, values[1])
    file = tmp_path / "plan.json"
    file.write_text(plan(*widened, blocks=blocks))
    bot.push(HEAD)
    assert bot.review(f"--plan={file}=infra") == 1
    (thread,) = gitlab.threads()
    assert places(gitlab) == [("infra/variables.tf", None, 3)]
    (note,) = gitlab.notes()
    assert "aws_iam_policy.gone" in note.body and "`plan.json" in note.body

    file.write_text(plan(change("aws_iam_policy.deploy", values[0], values[0]), blocks=blocks))
    bot.push(BASE)
    assert bot.review(f"--plan={file}=infra") == 0
    assert bot.summary == "## iam:PassRole: all fixed"
    assert thread.resolved_by is not None and thread.resolved_by.username == BOT


def test_without_a_token_code_quality_has_all_findings(
    gitlab: GitLabFake, bot: Bot, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a token the Code Quality report has all findings of the head, GitLab is not called, and a message says
    why."""
    bot.push(HEAD)
    report = tmp_path / "report.json"
    arguments = ("--format", "text", "--output", "-", "--format", "gitlab", "--output", str(report))
    assert bot.review(*arguments, token="") == 1
    result = capsys.readouterr()
    assert "infra/variables.tf:3" in result.out
    assert "PASSROLE_GITLAB_TOKEN" in result.err and "CI_JOB_TOKEN" in result.err
    assert gitlab.calls() == []
    entries = json.loads(report.read_text())
    assert [(one["location"], one["check_name"], one["severity"]) for one in entries] == [
        ({"path": "infra/policy.tf", "lines": {"begin": 4}}, "PASSROLE_001 any-role", "critical")
    ]


def test_fork_pipeline_keeps_the_result(gitlab: GitLabFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """In the pipeline of a fork, without a token, the exit status is the same."""
    bot.push(HEAD)
    assert bot.review(token="", is_fork=True) == 1
    assert "pipelines in a fork" in capsys.readouterr().err


def test_read_only_token_keeps_the_result(gitlab: GitLabFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """With a read-only token there is one warning, and the exit status is that of the review."""
    bot.push(HEAD)
    assert bot.review(token="read_only") == 1
    assert len(re.findall("^.*warning:.*scope api.*$", capsys.readouterr().err, re.MULTILINE)) == 1
    assert (gitlab.notes(), gitlab.threads()) == ([], [])


def test_unreadable_push_is_not_fixed(gitlab: GitLabFake, bot: Bot) -> None:
    """A push that cannot be read is never reported as fixed."""
    bot.push(HEAD)
    bot.review()
    bot.push({**BASE, "infra/variables.tf": "variable {{{\n"})
    assert bot.review() == 2
    assert "could not be read" in bot.summary
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]


def test_unrelated_change_gets_no_comment(gitlab: GitLabFake, bot: Bot) -> None:
    """A change of a comment gets no comment."""
    bot.push({**BASE, "infra/policy.tf": "# The deployer.\n" + BASE["infra/policy.tf"]})
    assert bot.review() == 0
    assert gitlab.writes() == []


def test_thread_is_in_the_renamed_file(gitlab: GitLabFake, bot: Bot) -> None:
    """A statement widened in a renamed file, below new lines, has its thread in the renamed file."""
    policy = "# One more\n# line\n" + BASE["infra/policy.tf"].replace("var.roles", '"*"')
    gitlab.request.renamed = {"infra/deploy.tf": "infra/policy.tf"}
    bot.push({"infra/variables.tf": BASE["infra/variables.tf"], "infra/deploy.tf": policy}, "infra/policy.tf")
    assert bot.review() == 1
    assert [place and place[0] for place in places(gitlab)] == ["infra/deploy.tf"]
    position = gitlab.threads()[0].notes[0].position
    assert position is not None and position["old_path"] == "infra/policy.tf"


def test_dry_run_prints_writes(gitlab: GitLabFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """A dry run prints the writes and makes none."""
    bot.push(HEAD)
    assert bot.review("--dry-run") == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"method"')]
    assert (len(lines), gitlab.writes()) == (2, [])
