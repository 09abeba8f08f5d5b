"""The bot on Gitea with the real command line, real commits and the fake of Gitea."""

from __future__ import annotations

from pathlib import Path

import pytest
from gitea_fake import GiteaFake
from pipelines import OPEN_BASE as BASE
from pipelines import OPEN_HEAD as HEAD
from reviews_of_tests import Reviews
from reviews_on_gitea import places

from passrole_checks import cli
from passrole_checks.review import http

PACE = http.Pace


class Bot:
    """A pull request with real commits, and jobs that review it."""

    def __init__(self, gitea: GiteaFake, repository: Reviews, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gitea, self._repository, self._folder, self._monkeypatch = gitea, repository, folder, monkeypatch
        self._runs = 0
        gitea.pull.base_sha = repository.commit(dict(BASE))
        repository.git("checkout", "--quiet", "-b", "change")

    def push(self, files: dict[str, str]) -> None:
        """Commit these files, all files of the tree, as the new head."""
        self.gitea.push(files, self._repository.commit(dict(files)))

    def review(self, *arguments: str, token: str = "job") -> int:
        self._runs += 1
        self.gitea.forget_calls()
        for name, value in self.gitea.environment(self._folder, run_number=self._runs).items():
            self._monkeypatch.setenv(name, value)
        self._monkeypatch.setenv("GITEA_TOKEN", self.gitea.tokens[token].value if token else "")
        return cli.main(["review", *arguments])

    @property
    def summary(self) -> str:
        (comment,) = self.gitea.comments
        return comment.body.split("\n", 2)[1]


@pytest.fixture
def bot(gitea: GiteaFake, repository: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bot:
    clock = gitea.clock
    monkeypatch.setattr(http, "Pace", lambda: PACE(clock=clock.now, sleep=clock.sleep))
    return Bot(gitea, repository, tmp_path / "job", monkeypatch)


@pytest.mark.parametrize("options", [(), ("--post", "gitea")])
def test_widening_default_is_reported_and_fixed(gitea: GiteaFake, bot: Bot, options: tuple[str, ...]) -> None:
    """A pull request that widens PassRole by a variable default gets one summary, one comment at that default and a
    status; when it is reverted, the next run says "all fixed" and resolves the thread."""
    bot.push(HEAD)
    assert bot.review(*options) == 1
    assert places(gitea) == [("infra/variables.tf", 3)]
    body = gitea.code_comments()[0].body
    link = f"/acme/infra/src/commit/{gitea.pull.head_sha}/infra/variables.tf#L3"
    assert link in body and "```suggestion" not in body
    assert bot.summary == "## iam:PassRole: 1 problem got worse"
    assert [status["status"] for status in gitea.statuses] == ["failure"]
    assert len(gitea.writes()) == 3
    gitea.assert_spaced(1.0)

    bot.push(BASE)
    assert bot.review(*options) == 0
    assert bot.summary == "## iam:PassRole: all fixed"
    assert gitea.code_comments()[0].resolver is not None
    assert gitea.statuses[-1]["status"] == "success"


def test_other_forge_is_not_posted_to(gitea: GiteaFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """With ``--post github`` nothing is posted on Gitea, although it sets the variables of GitHub Actions."""
    bot.push(HEAD)
    assert bot.review("--post", "github") == 1
    assert "not running in a github pipeline" in capsys.readouterr().err
    assert gitea.calls() == []


def test_read_only_token_keeps_the_result(gitea: GiteaFake, bot: Bot, capsys: pytest.CaptureFixture[str]) -> None:
    """With the token of a fork there is one warning, and the exit status is that of the review. The log has the
    findings, since Gitea has neither annotations nor summaries of steps."""
    bot.push(HEAD)
    assert bot.review(token="read_only") == 1
    result = capsys.readouterr()
    assert result.err.count("warning: the token lacks permissions") == 1
    assert "infra/variables.tf:3" in result.out and "::error" not in result.out
