"""Behavior of GitHub that matters to a bot and is not in its API description. Each test names the page or thread that
documents it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from github_fake import GitHubFake, Pull

REVIEWED = """\
query($after: String) {
  repository(owner: "octo-org", name: "infra") {
    pullRequest(number: 7) {
      reviewThreads(first: 2, after: $after) {
        nodes { id isResolved isOutdated line resolvedBy { login }
                comments(first: 10) { nodes { databaseId author { login __typename } } } }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }
  }
}
"""
RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
HIDE = """\
mutation($id: ID!) {
  minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { minimizedComment { isMinimized minimizedReason } }
}
"""


def call(fake: GitHubFake, method: str, path: str, given: object = None, token: str = "bot") -> requests.Response:
    url = path if path.startswith("http") else f"{fake.url}/repos/octo-org/infra{path}"
    headers = {"authorization": f"Bearer {fake.tokens[token].value}"} if token else {}
    return requests.request(method, url, json=given, headers=headers, timeout=10)


def ask(fake: GitHubFake, query: str, token: str = "bot", **variables: object) -> dict[str, Any]:
    given = {"query": query, "variables": variables}
    answered: dict[str, Any] = call(fake, "POST", f"{fake.url}/graphql", given, token).json()
    return answered


def review(fake: GitHubFake, *lines: int, **more: object) -> requests.Response:
    drafts = [{"path": "main.tf", "line": line, "side": "RIGHT", "body": f"line {line}"} for line in lines]
    given = {"commit_id": fake.pull.head_sha, "event": "COMMENT", "body": "", "comments": drafts} | more
    return call(fake, "POST", "/pulls/7/reviews", given)


def lines(count: int, changed: int = 0, text: str = "changed") -> str:
    return "".join(f"{text if number == changed else f'line {number}'}\n" for number in range(1, count + 1))


def test_lists_are_paginated_by_links(github: GitHubFake) -> None:
    """Pages have 30 elements, at most 100; the link to the next one contains the repository id and must be followed
    ("Using pagination in the REST API"; recordings of octokit/fixtures, paginate-issues)."""
    for number in range(130):
        github.comment(github.pull, f"comment {number}")
    assert len(call(github, "GET", "/issues/7/comments").json()) == 30
    first = call(github, "GET", "/issues/7/comments?per_page=1000")
    assert len(first.json()) == 100
    following = first.links["next"]["url"]
    assert following == f"{github.url}/repositories/{github.repository.id}/issues/7/comments?per_page=1000&page=2"
    second = call(github, "GET", following)
    assert [each["body"] for each in second.json()] == [f"comment {number}" for number in range(100, 130)]
    assert sorted(second.links) == ["first", "prev"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("x" * 65_536, 201, id="longest"),
        pytest.param("x" * 65_537, 422, id="one more"),
        pytest.param("🙂" * 32_769, 422, id="two units each"),
    ],
)
def test_comment_length_is_limited(github: GitHubFake, body: str, status: int) -> None:
    """65,536 UTF-16 units are accepted, one more is refused (vebr/jest-lcov-reporter#14)."""
    answer = call(github, "POST", "/issues/7/comments", {"body": body})
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        ("bot", 201, None),
        ("comments_only", 201, None),
        ("personal", 201, None),
        ("read_only", 403, "Resource not accessible by integration"),
        ("", 401, "Requires authentication"),
    ],
)
def test_token_permissions(github: GitHubFake, token: str, status: int, message: str | None) -> None:
    """Comments need ``pull-requests: write`` or ``issues: write``; a fork's token has neither."""
    answer = call(github, "POST", "/issues/7/comments", {"body": "a"}, token)
    assert (answer.status_code, answer.json().get("message")) == (status, message)
    if status == 403:
        assert answer.headers["x-accepted-github-permissions"] == "issues=write; pull_requests=write"


def test_an_unknown_token_is_refused(github: GitHubFake) -> None:
    """An unknown token is refused even where none is needed."""
    answer = requests.get(f"{github.url}/repos/octo-org/infra", headers={"authorization": "Bearer x"}, timeout=10)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_workflow_token_has_no_user(github: GitHubFake) -> None:
    """``GET /user`` is refused to an app's token and answered to a personal one; GraphQL answers both."""
    assert call(github, "GET", f"{github.url}/user").status_code == 403
    assert call(github, "GET", f"{github.url}/user", token="personal").json()["login"] == "passrole-bot"
    assert ask(github, "query { viewer { login } }") == {"data": {"viewer": {"login": "github-actions[bot]"}}}


def test_only_an_app_writes_check_runs(github: GitHubFake) -> None:
    """A personal token is refused, whatever its permissions ("Create a check run")."""
    given = {"name": "passrole", "head_sha": github.pull.head_sha}
    answer = call(github, "POST", "/check-runs", given, "personal")
    assert (answer.status_code, answer.json()["message"]) == (403, "You must authenticate via a GitHub App.")


def test_annotations_are_appended(github: GitHubFake) -> None:
    """Each update of a check run appends its annotations ("Update a check run")."""
    note = {"path": "main.tf", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 50}
    given = {"name": "passrole", "head_sha": github.pull.head_sha, "output": output}
    run = call(github, "POST", "/check-runs", given).json()
    call(github, "PATCH", f"/check-runs/{run['id']}", {"conclusion": "failure", "output": output})
    assert [len(each.annotations) for each in github.check_runs()] == [100]


def test_a_completed_check_run_needs_a_conclusion(github: GitHubFake) -> None:
    """``completed`` alone is refused."""
    given = {"name": "passrole", "head_sha": github.pull.head_sha, "status": "completed"}
    assert call(github, "POST", "/check-runs", given).status_code == 422


def test_comment_must_be_on_a_line_of_the_diff(github: GitHubFake) -> None:
    """A line three away from a change is accepted, a farther one is not, and then nothing of the review is; the
    response does not name the comment (parkerbxyz/suggest-changes#64, warpdotdev/oz-for-oss#310)."""
    github.push(github.pull, {"main.tf": lines(40, 20), "other.tf": "same\n"})
    github.pull.base_files = {"main.tf": lines(40), "other.tf": "same\n"}
    assert review(github, 17, 20, 23).status_code == 200
    answer = review(github, 20, 16)
    assert (answer.status_code, answer.json()["errors"]) == (422, ["Line could not be resolved"])
    elsewhere = [{"path": "other.tf", "line": 1, "side": "RIGHT", "body": "a"}]
    answer = review(github, comments=elsewhere)
    assert (answer.status_code, answer.json()["errors"]) == (422, ["Path could not be resolved"])
    assert [each.line for each in github.review_comments()] == [17, 20, 23]


def test_line_range_must_be_ordered_within_one_hunk(github: GitHubFake) -> None:
    """The first line must precede the last, in the same hunk (parkerbxyz/suggest-changes#28)."""
    github.push(github.pull, {"main.tf": lines(40, 5).replace("line 30\n", "changed too\n")})
    github.pull.base_files = {"main.tf": lines(40)}

    def with_lines(start: int, end: int) -> requests.Response:
        return review(
            github, comments=[{"path": "main.tf", "start_line": start, "line": end, "side": "RIGHT", "body": "a"}]
        )

    assert with_lines(4, 6).status_code == 200
    assert with_lines(5, 5).json()["errors"] == ["Pull request review thread start line must precede the end line."]
    result = "Pull request review thread start line must be part of the same hunk as the line."
    assert with_lines(5, 30).json()["errors"] == [result]


def test_a_removed_line_is_on_the_left(github: GitHubFake) -> None:
    """A comment on the left side is on a line of the base."""
    on_left = [{"path": "main.tf", "line": 2, "side": "LEFT", "body": "a"}]
    assert review(github, comments=on_left).status_code == 200
    [comment] = github.review_comments()
    assert (comment.side, comment.line, comment.position) == ("LEFT", 2, 2)
    assert comment.diff_hunk.endswith('\n-  default = "arn:aws:iam::111122223333:role/app-*"')


def test_a_comment_needs_a_commit_of_the_pull_request(github: GitHubFake) -> None:
    """A commit outside the pull request is refused; after a force push the earlier heads are outside."""
    assert review(github, 2, commit_id="0" * 40).status_code == 422
    old = github.pull.head_sha
    github.push(github.pull, {"main.tf": lines(3)}, forced=True)
    assert review(github, 2, commit_id=old).status_code == 422
    assert review(github, 2).status_code == 200


def test_comment_lines_refer_to_its_commit(github: GitHubFake) -> None:
    """The lines are those of the commit that the review names; the comment moves to their present position, or is
    outdated at once ("Create a review for a pull request": ``commit_id``)."""
    github.pull.base_files = {"main.tf": lines(40)}
    old = github.push(github.pull, {"main.tf": lines(40, 20)})
    github.push(github.pull, {"main.tf": "new\n" + lines(40, 20).replace("line 22", "line two and twenty")})
    assert review(github, 20, 22, commit_id=old).status_code == 200
    assert [(each.line, each.original_line) for each in github.review_comments()] == [(21, 20), (None, 22)]
    assert [each.original_commit_id for each in github.review_comments()] == [old, old]
    assert review(github, 30, commit_id=old).json()["errors"] == ["Line could not be resolved"]


@pytest.mark.parametrize(("count", "status"), [(32, 200), (33, 502)])
def test_comments_per_review_are_limited(github: GitHubFake, count: int, status: int) -> None:
    """More than 32 comments result in 502, with nothing posted (src-d/lookout#264)."""
    assert review(github, *[2] * count).status_code == status
    assert len(github.review_comments()) == (count if status == 200 else 0)


def test_locked_conversation_refuses_comments(github: GitHubFake) -> None:
    """Comments and reviews are refused (renovatebot/renovate#6215, semantic-release/github#221)."""
    github.pull.locked = True
    for answer in (call(github, "POST", "/issues/7/comments", {"body": "a"}), review(github, 2)):
        assert answer.status_code == 403
        assert answer.json()["message"] == "Unable to create comment because issue is locked."


def test_comments_move_with_their_lines_or_are_outdated(github: GitHubFake) -> None:
    """After a push a comment has the new number of its line, or none if the line changed or is in no hunk."""
    github.push(github.pull, {"main.tf": lines(40, 20)})
    github.pull.base_files = {"main.tf": lines(40)}
    review(github, 19, 20)
    github.push(github.pull, {"main.tf": "new\n" + lines(40, 20)})
    assert [(each.line, each.original_line) for each in github.review_comments()] == [(20, 19), (21, 20)]
    github.push(github.pull, {"main.tf": "new\n" + lines(40, 20, "otherwise")})
    assert [each.line for each in github.review_comments()] == [20, None]
    github.push(github.pull, {"main.tf": "new\n" + lines(40)})
    result = call(github, "GET", "/pulls/7/comments").json()
    assert [(each["line"], each["position"], each["original_line"]) for each in result] == [
        (None, None, 19),
        (None, None, 20),
    ]
    threads = ask(github, REVIEWED)["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"]
    assert [each["isOutdated"] for each in threads] == [True, True]


def test_suggestion_can_be_applied(github: GitHubFake) -> None:
    """The lines of the comment are replaced by the text in the fence, which becomes the new head."""
    suggestion = 'Like this:\n````suggestion\n  default = "```"\n````\n'
    on_line = [{"path": "main.tf", "line": 2, "side": "RIGHT", "body": suggestion}]
    review(github, comments=on_line)
    head = github.apply_suggestion(github.review_comments()[0])
    assert github.pull.head_sha == head
    assert github.pull.head_files == {"main.tf": 'variable "roles" {\n  default = "```"\n}\n'}
    with pytest.raises(ValueError, match="no suggestion can be applied"):
        github.apply_suggestion(github.review_comments()[0])


def test_graphql_threads_are_paginated(github: GitHubFake) -> None:
    """GraphQL returns threads with their comments; the login of an app lacks ``[bot]`` there."""
    review(github, 1, 2, 3)
    github.reply(github.review_comments()[0], "why?", "octocat")
    github.resolve(github.review_comments()[1], "octocat")
    result = ask(github, REVIEWED)["data"]["repository"]["pullRequest"]["reviewThreads"]
    assert [each["isResolved"] for each in result["nodes"]] == [False, True]
    assert result["nodes"][1]["resolvedBy"] == {"login": "octocat"}
    assert [each["author"] for each in result["nodes"][0]["comments"]["nodes"]] == [
        {"login": "github-actions", "__typename": "Bot"},
        {"login": "octocat", "__typename": "User"},
    ]
    assert (result["pageInfo"]["hasNextPage"], result["totalCount"]) == (True, 3)
    rest = ask(github, REVIEWED, after=result["pageInfo"]["endCursor"])["data"]["repository"]["pullRequest"]
    assert [each["line"] for each in rest["reviewThreads"]["nodes"]] == [3]
    assert rest["reviewThreads"]["pageInfo"]["hasNextPage"] is False


def test_resolving_needs_contents_write(github: GitHubFake) -> None:
    """``pull-requests: write`` is not enough for the token of a workflow (github/gh-aw#35726, oven-sh/bun#40468)."""
    review(github, 2)
    [thread] = github.threads()
    refused = ask(github, RESOLVE, id=thread.node_id)
    assert refused["data"] == {"resolveReviewThread": None}
    assert [(each["type"], each["message"]) for each in refused["errors"]] == [
        ("FORBIDDEN", "Resource not accessible by integration")
    ]
    assert thread.resolved_by is None
    done = ask(github, RESOLVE, "resolver", id=thread.node_id)
    assert done == {"data": {"resolveReviewThread": {"thread": {"isResolved": True}}}}
    assert thread.resolved_by is not None


def test_a_comment_can_be_hidden(github: GitHubFake) -> None:
    """``minimizeComment`` hides a comment, with the reason."""
    comment = github.comment(github.pull, "old")
    result = ask(github, HIDE, id=comment.node_id)["data"]["minimizeComment"]["minimizedComment"]
    assert result == {"isMinimized": True, "minimizedReason": "outdated"}
    assert ask(github, HIDE, "read_only", id=comment.node_id)["errors"][0]["type"] == "FORBIDDEN"
    assert ask(github, HIDE, id="IC_0")["errors"][0]["type"] == "NOT_FOUND"


def test_fork_commits_are_associated_only_in_the_fork(github: GitHubFake) -> None:
    """The base repository lists no pull request for a fork's commit; the fork does, and so does the list by branch
    (TooTallNate/nx.js#410, learningequality/kolibri#14719)."""
    fork = github.new_repository("contributor/infra", parent=github.repository)
    pull = github.new_pull({"a.tf": "1\n"}, {"a.tf": "2\n"}, number=8, head_repository=fork)
    assert call(github, "GET", f"/commits/{pull.head_sha}/pulls").json() == []
    of_fork = call(github, "GET", f"{github.url}/repos/contributor/infra/commits/{pull.head_sha}/pulls").json()
    assert [each["number"] for each in of_fork] == [8]
    by_branch = call(github, "GET", "/pulls?head=contributor:change").json()
    assert [(each["number"], each["head"]["repo"]["full_name"]) for each in by_branch] == [(8, "contributor/infra")]
    assert github.payload(pull, "workflow_run")["workflow_run"]["pull_requests"] == []


def test_job_token_is_limited_to_its_repository(github: GitHubFake) -> None:
    """In another repository, also its fork, a job may only read public data."""
    fork = github.new_repository("contributor/infra", parent=github.repository)
    pull = github.new_pull({"a.tf": "1\n"}, {"a.tf": "2\n"}, number=8, head_repository=fork)
    there = f"{github.url}/repos/contributor/infra"
    assert call(github, "GET", there).status_code == 200
    assert call(github, "POST", f"{there}/statuses/{pull.head_sha}", {"state": "success"}).status_code == 403
    assert (
        call(github, "POST", f"{there}/statuses/{pull.head_sha}", {"state": "success"}, "personal").status_code == 201
    )


def test_private_repository_is_not_found_by_others(github: GitHubFake) -> None:
    """Without access the response is 404."""
    github.repository.private = True
    assert call(github, "GET", "", token="").status_code == 404
    assert call(github, "GET", "").status_code == 200


def test_renamed_repository_redirects(github: GitHubFake) -> None:
    """Reads are redirected by 301, writes by 307, to the repository by its id ("Best practices": redirects)."""
    github.rename(github.repository, "estate")
    moved = f"{github.url}/repositories/{github.repository.id}/issues/7/comments"
    url, token = f"{github.url}/repos/octo-org/infra/issues/7/comments", {"authorization": f"Bearer {github.token}"}
    answer = requests.get(url, headers=token, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["location"]) == (301, moved)
    answer = requests.post(url, json={"body": "a"}, headers=token, timeout=10)
    assert ([each.status_code for each in answer.history], answer.status_code) == ([307], 201)


def test_writes_are_rate_limited(github: GitHubFake) -> None:
    """Eighty writes a minute are accepted; then none until the given wait is over ("Rate limits … secondary")."""
    statuses = f"/statuses/{github.pull.head_sha}"
    for _ in range(80):
        assert call(github, "POST", statuses, {"state": "success"}).status_code == 201
    refused = call(github, "POST", statuses, {"state": "success"})
    assert (refused.status_code, refused.headers["retry-after"]) == (403, "60")
    assert "secondary rate limit" in refused.json()["message"]
    assert call(github, "GET", "/pulls/7").status_code == 200
    github.clock.sleep(59)
    assert call(github, "POST", statuses, {"state": "success"}).status_code == 403
    github.clock.sleep(1)
    assert call(github, "POST", statuses, {"state": "success"}).status_code == 201


def test_artifact_is_on_another_host(github: GitHubFake) -> None:
    """An artifact is read from the redirect target, without the token."""
    stored = github.artifact(9001, "review", b"PK\x05\x06")
    token = {"authorization": f"Bearer {github.token}"}
    url = f"{github.url}/repos/octo-org/infra/actions/artifacts/{stored.id}/zip"
    answer = requests.get(url, headers=token, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["location"].startswith("http://localhost:")) == (302, True)
    assert requests.get(answer.headers["location"], timeout=10).content == b"PK\x05\x06"
    requests.get(answer.headers["location"], headers=token, timeout=10)
    assert github.violations == [f"GET /archives/{stored.id}: the token was sent to another host"]
    github.violations.clear()


def test_scripted_fault_can_follow_the_effect(github: GitHubFake) -> None:
    """A 502 may hide that the comment was written; the journal records both."""
    github.fault("POST", r"/comments$", status=502, after_effect=True)
    github.fault("POST", r"/comments$", status=502)
    assert call(github, "POST", "/issues/7/comments", {"body": "written"}).status_code == 502
    assert call(github, "POST", "/issues/7/comments", {"body": "not written"}).status_code == 502
    assert [each.body for each in github.comments()] == ["written"]
    assert [(each.status, each.was_fault) for each in github.writes()] == [(502, True), (502, True)]


def test_scripted_fault_can_drop_the_connection(github: GitHubFake) -> None:
    """A dropped call is in the journal with status 0; the next one is answered."""
    github.fault("GET", r"/pulls/7$", drop=True)
    with pytest.raises(requests.ConnectionError):
        call(github, "GET", "/pulls/7")
    assert call(github, "GET", "/pulls/7").status_code == 200
    assert [each.status for each in github.calls("GET", "/pulls/7")] == [0, 200]


def test_scripted_event_can_happen_during_a_call(github: GitHubFake) -> None:
    """A second run can write between a read and a write of the first one."""
    github.when("POST", r"/issues/7/comments$", lambda fake: fake.comment(fake.pull, "first", "other"))
    call(github, "POST", "/issues/7/comments", {"body": "second"})
    assert [each.body for each in github.comments()] == ["first", "second"]


def test_texts_can_be_normalized(github: GitHubFake) -> None:
    """A text that is read can differ from the one written."""
    github.gives_back(lambda text: text.replace("\n", "\r\n"))
    assert call(github, "POST", "/issues/7/comments", {"body": "a\nb"}).json()["body"] == "a\r\nb"
    assert github.comments()[0].body == "a\nb"


def test_concurrent_calls_are_serialized(github: GitHubFake) -> None:
    """Calls of two concurrent runs are served one after the other, and none is lost."""
    started = [
        threading.Thread(target=call, args=(github, "POST", "/issues/7/comments", {"body": str(number)}))
        for number in range(8)
    ]
    for each in started:
        each.start()
    for each in started:
        each.join()
    assert sorted(each.body for each in github.comments()) == [str(number) for number in range(8)]
    assert len({each.id for each in github.comments()}) == 8


def test_journal_contains_no_token(github: GitHubFake) -> None:
    """A call is recorded with the name of its token only, and writes are distinguished."""
    call(github, "POST", "/issues/7/comments", {"body": "a"})
    ask(github, "query { viewer { login } }")
    result = github.calls()
    assert [each.is_write for each in result] == [True, False]
    assert all(github.token not in repr(each.headers) for each in result)
    assert result[0].token is github.tokens["bot"]


def test_close_writes_are_detected(github: GitHubFake) -> None:
    """Two writes within a second are reported."""
    call(github, "POST", "/issues/7/comments", {"body": "a"})
    github.clock.sleep(1)
    call(github, "POST", "/issues/7/comments", {"body": "b"})
    github.assert_spaced(1.0)
    call(github, "POST", "/issues/7/comments", {"body": "c"})
    with pytest.raises(AssertionError, match="seconds apart"):
        github.assert_spaced(1.0)


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "workflow_run", "merge_group", "push"])
def test_job_environment(github: GitHubFake, tmp_path: Path, event: str) -> None:
    """The variables contain the event file, the API and the commits of that event ("Events that trigger workflows":
    GITHUB_SHA of pull_request is the merge, of the trusted events the default branch)."""
    pull: Pull = github.pull
    variables = github.environment(pull, tmp_path, event)
    assert variables["GITHUB_API_URL"] == github.url
    assert Path(variables["GITHUB_EVENT_PATH"]).is_file()
    assert Path(variables["GITHUB_STEP_SUMMARY"]).read_text(encoding="utf-8") == ""
    expected = {"merge_group": pull.head_sha, "push": pull.head_sha, "workflow_run": pull.base_sha}
    expected["pull_request_target"] = pull.base_sha
    if event in expected:
        assert variables["GITHUB_SHA"] == expected[event]
    else:
        assert variables["GITHUB_SHA"] not in (pull.head_sha, pull.base_sha)
    assert github.token not in variables.values()
