"""The API calls: the GraphQL endpoint, the owner of the token, unexpected responses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import BOT, Poster, give_files, item

from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.github.api import ACTIONS_LOGIN, GitHub
from passrole_checks.review.http import ForgeError, Pace
from passrole_checks.review.posting import Posted


def calls(github: GitHubFake, token: str) -> GitHub:
    pace = Pace(clock=github.clock.now, sleep=github.clock.sleep)
    context = Context(repository=github.repository.full_name, api_url=github.url, token=token)
    return GitHub(context, PostOptions(), pace=pace)


@pytest.mark.parametrize(
    ("api", "path"),
    [
        ("https://api.github.com", "/graphql"),
        ("https://api.octocorp.ghe.com", "/graphql"),
        ("https://github.example.com/api/v3", "https://github.example.com/api/graphql"),
    ],
)
def test_graphql_endpoint(api: str, path: str) -> None:
    """GraphQL is below the API of github.com, and beside that of GitHub Enterprise Server."""
    printed: list[str] = []
    context = Context(repository="octo-org/infra", api_url=api)
    GitHub(context, PostOptions(), dry_run=printed.append).resolve_thread("PRRT_1")
    assert json.loads(printed[0])["path"] == path


@pytest.mark.parametrize(("token", "login"), [("bot", BOT), ("personal", "passrole-bot"), ("read_only", BOT)])
def test_viewer(github: GitHubFake, token: str, login: str) -> None:
    """A personal token belongs to its user, an installation token to the login that GraphQL returns."""
    assert calls(github, github.tokens[token].value).viewer() == login


def test_viewer_of_another_app(github: GitHubFake) -> None:
    """The token of another app belongs to that app, not to GitHub Actions."""
    token = github.new_token("our-app[bot]", {"pull-requests": "write"}, app="our-app")
    assert calls(github, token.value).viewer() == "our-app[bot]"


def test_viewer_defaults_to_the_workflow(github: GitHubFake) -> None:
    """If neither API answers, the token counts as that of a workflow; a server error is raised."""
    github.fault("POST", "/graphql$", status=403)
    assert calls(github, github.token).viewer() == ACTIONS_LOGIN
    github.fault("POST", "/graphql$", status=502, times=3)
    with pytest.raises(ForgeError, match="502"):
        calls(github, github.token).viewer()


def test_unknown_token_is_an_error(github: GitHubFake) -> None:
    """An unknown token is an error."""
    with pytest.raises(ForgeError, match="401: Bad credentials"):
        calls(github, "ghs_unknown").viewer()


@pytest.mark.parametrize(
    "body", [[], {}, [None, 1, "x", {"user": 3, "id": "1", "body": None}], {"data": {"repository": None}}, "text", 7]
)
def test_unexpected_responses_are_empty(github: GitHubFake, tmp_path: Path, body: object) -> None:
    """Responses of another shape raise nothing; a pull request not known to be open gets no comments."""
    give_files(github)
    post = Poster.on(github, tmp_path)
    for method in ("GET", "POST"):
        github.fault(method, "", status=200, body=body, times=1000)
    assert post.items(item(1), check_run=True) == Posted()
