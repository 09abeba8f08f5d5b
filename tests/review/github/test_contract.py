"""The fake of GitHub, and its callers, are checked against GitHub's own API description. Every operation fits it, and
deviations on either side are detected."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from github_fake import GitHubFake, bodies, contract, front, queries, routing
from github_fake.proxy import Proxy

Call = Callable[..., requests.Response]


@pytest.fixture
def faulty() -> Iterator[GitHubFake]:
    """A fake that may be called or may answer wrongly: its users check ``violations``."""
    if Proxy.of_environment() is not None:
        pytest.skip("not through the proxy, which answers what is wrong itself: test_contract_proxy.py")
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()


def call(fake: GitHubFake, method: str, path: str, given: object = None, token: str = "bot") -> requests.Response:
    """Make one call. ``path``: within the repository, or a full URL."""
    url = path if path.startswith("http") else f"{fake.url}/repos/octo-org/infra{path}"
    headers = {"authorization": f"Bearer {fake.tokens[token].value}"} if token else {}
    return requests.request(method, url, json=given, headers=headers, timeout=10)


def ask(fake: GitHubFake, query: str, variables: dict[str, Any] | None = None, token: str = "bot") -> dict[str, Any]:
    """Make one GraphQL call and return the response."""
    given = {"query": query, "variables": variables or {}}
    answered: dict[str, Any] = call(fake, "POST", f"{fake.url}/graphql", given, token).json()
    return answered


def at_line(fake: GitHubFake, line: int = 2, **more: object) -> dict[str, object]:
    return {"path": "main.tf", "line": line, "side": "RIGHT", "body": "text", **more}


def test_every_operation_fits_the_description(github: GitHubFake) -> None:
    """Each operation of the fake succeeds, and all exchanges fit the description."""
    head = github.pull.head_sha
    sarif = base64.b64encode(gzip.compress(b'{"version": "2.1.0"}')).decode()

    assert call(github, "GET", f"{github.url}/user", token="personal").status_code == 200
    assert call(github, "GET", "").status_code == 200
    assert call(github, "GET", "/pulls").status_code == 200
    assert call(github, "GET", "/pulls/7").status_code == 200
    assert call(github, "GET", "/pulls/7/files").status_code == 200
    assert call(github, "GET", f"/commits/{head}/pulls").status_code == 200

    comment = call(github, "POST", "/issues/7/comments", {"body": "a"})
    assert comment.status_code == 201
    assert call(github, "GET", "/issues/7/comments").status_code == 200
    assert call(github, "GET", f"/issues/comments/{comment.json()['id']}").status_code == 200
    assert call(github, "PATCH", f"/issues/comments/{comment.json()['id']}", {"body": "b"}).status_code == 200
    assert call(github, "DELETE", f"/issues/comments/{comment.json()['id']}").status_code == 204

    assert call(github, "POST", "/issues/7/labels", {"labels": ["a", "b"]}).status_code == 200
    assert [label["name"] for label in call(github, "GET", "/issues/7/labels").json()] == ["a", "b"]
    assert call(github, "DELETE", "/issues/7/labels/a").status_code == 200
    github.world.teams["acme/a"] = {"Tess": "active"}
    team = f"{github.url}/orgs/acme/teams/a"
    assert call(github, "GET", team, token="members").status_code == 200
    assert call(github, "GET", f"{team}/memberships/tess", token="members").json()["state"] == "active"

    given = {"commit_id": head, "event": "COMMENT", "body": "a", "comments": [at_line(github)]}
    review = call(github, "POST", "/pulls/7/reviews", given)
    assert review.status_code == 200
    of_review = f"/pulls/7/reviews/{review.json()['id']}"
    assert call(github, "GET", "/pulls/7/reviews").status_code == 200
    assert call(github, "GET", of_review).status_code == 200
    assert call(github, "PUT", of_review, {"body": "b"}).status_code == 200
    posted = call(github, "GET", f"{of_review}/comments").json()
    assert [each["line"] for each in call(github, "GET", "/pulls/7/comments").json()] == [2]
    one = posted[0]["id"]
    assert call(github, "POST", f"/pulls/7/comments/{one}/replies", {"body": "c"}).status_code == 201
    whole = {"commit_id": head, "path": "main.tf", "body": "d", "subject_type": "file"}
    assert call(github, "POST", "/pulls/7/comments", whole).status_code == 201
    several = at_line(github, 3, commit_id=head, start_line=1, start_side="RIGHT")
    assert call(github, "POST", "/pulls/7/comments", several).status_code == 201
    assert call(github, "GET", f"/pulls/comments/{one}").status_code == 200
    assert call(github, "PATCH", f"/pulls/comments/{one}", {"body": "e"}).status_code == 200
    assert call(github, "DELETE", f"/pulls/comments/{one}").status_code == 204

    status = {"state": "failure", "context": "passrole", "description": "one", "target_url": "https://example.com"}
    assert call(github, "POST", f"/statuses/{head}", status).status_code == 201
    assert call(github, "GET", f"/commits/{head}/statuses").status_code == 200
    assert call(github, "GET", f"/commits/{head}/status").json()["state"] == "failure"

    run = call(github, "POST", "/check-runs", {"name": "passrole", "head_sha": head, "status": "in_progress"})
    assert run.status_code == 201
    note = {"path": "main.tf", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "m"}
    done = {"conclusion": "failure", "output": {"title": "t", "summary": "s", "annotations": [note]}}
    assert call(github, "PATCH", f"/check-runs/{run.json()['id']}", done).json()["status"] == "completed"
    assert call(github, "GET", f"/check-runs/{run.json()['id']}").status_code == 200
    assert len(call(github, "GET", f"/check-runs/{run.json()['id']}/annotations").json()) == 1
    assert call(github, "GET", f"/commits/{head}/check-runs").json()["total_count"] == 1

    taken = call(
        github, "POST", "/code-scanning/sarifs", {"commit_sha": head, "ref": "refs/pull/7/head", "sarif": sarif}
    )
    assert taken.status_code == 202
    assert call(github, "GET", taken.json()["url"]).json()["processing_status"] == "complete"
    assert github.uploads[0].sarif == {"version": "2.1.0"}

    assert github.violations == []
    templates = {(method, path) for path, methods in contract.description()["paths"].items() for method in methods}
    called = {(each.method.lower(), each.path.split("?")[0]) for each in github.calls()}
    uncalled = {
        (method, template)
        for method, template in templates
        if template.startswith(("/repos/", "/user", "/orgs/"))
        and not any(_fits(template, method, each) for each in called)
    }
    assert {(method, template.removeprefix("/repos/{owner}/{repo}/actions/")) for method, template in uncalled} == {
        ("get", "runs/{run_id}/artifacts"),
        ("get", "artifacts/{artifact_id}"),
        ("get", "artifacts/{artifact_id}/{archive_format}"),
    }


def test_artifact_operations_fit_the_description(github: GitHubFake) -> None:
    """The operations on artifacts, which redirect, fit the description too."""
    stored = github.artifact(9001, "review", b"PK")
    assert call(github, "GET", "/actions/runs/9001/artifacts").json()["total_count"] == 1
    assert call(github, "GET", f"/actions/artifacts/{stored.id}").status_code == 200
    assert call(github, "GET", f"/actions/artifacts/{stored.id}/zip").content == b"PK"


def _fits(template: str, method: str, called: tuple[str, str]) -> bool:
    names, parts = template.split("/"), called[1].split("/")
    pairs = zip(names, parts, strict=False)
    return method == called[0] and len(names) == len(parts) and all(a == b or a.startswith("{") for a, b in pairs)


@pytest.mark.parametrize(
    ("method", "path", "given", "says"),
    [
        ("POST", "/issues/7/comments", {}, "'body' is a required property"),
        ("POST", "/issues/7/comments", {"body": 1}, "at body: 1 is not"),
        ("POST", "/issues/7/comments", {"body": "a", "title": "b"}, "the request has 'title', which is not described"),
        ("POST", "/pulls/7/reviews", {"event": "SHOUT", "body": "a"}, "at event: 'SHOUT' is not one of"),
        ("POST", "/pulls/7/comments", {"body": "a", "path": "main.tf"}, "'commit_id' is a required property"),
        (
            "POST",
            "/pulls/7/reviews",
            {"event": "COMMENT", "comments": [{"path": "main.tf", "line": "2", "body": "a"}]},
            "at comments/0/line: '2' is not of type 'integer'",
        ),
        (
            "POST",
            "/pulls/7/reviews",
            {"event": "COMMENT", "comments": [{"path": "main.tf", "subject_type": "file", "body": "a"}]},
            "the request has 'comments.subject_type', which is not described",
        ),
        ("POST", "/statuses/abc", {"state": "green"}, "at state: 'green' is not one of"),
        ("GET", "/issues/7/comments?page=two", None, "the request does not fit"),
        ("GET", "/issues/7/comments?sorted=up", None, "the request has ?sorted, which is not described"),
        ("POST", "/issues/7/assignees", {"assignees": ["a"]}, "there is no such operation in GitHub's description"),
        ("PUT", "/pulls/7/merge", {}, "there is no such operation in GitHub's description"),
    ],
)
def test_invalid_request_is_detected(faulty: GitHubFake, method: str, path: str, given: object, says: str) -> None:
    """A request that does not fit the description is reported with its location."""
    call(faulty, method, path, given)
    assert [says in each for each in faulty.violations] == [True], faulty.violations


def test_too_many_annotations_are_detected(faulty: GitHubFake) -> None:
    """More annotations than a request may have are reported and refused."""
    note = {"path": "main.tf", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "m"}
    output = {"title": "t", "summary": "s", "annotations": [note] * 51}
    given = {"name": "passrole", "head_sha": faulty.pull.head_sha, "conclusion": "failure", "output": output}
    assert call(faulty, "POST", "/check-runs", given).status_code == 422
    assert ["at output/annotations" in each for each in faulty.violations] == [True]


def test_invalid_response_is_detected(faulty: GitHubFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response of the fake with a missing or mistyped field is reported."""
    right = bodies.comment

    def wrong(*given: Any) -> dict[str, Any]:
        result = right(*given) | {"id": "1"}
        del result["html_url"]
        return result

    monkeypatch.setattr(bodies, "comment", wrong)
    call(faulty, "POST", "/issues/7/comments", {"body": "a"})
    assert faulty.violations == [
        "POST /repos/octo-org/infra/issues/7/comments: the answer 201 does not fit: "
        "at id: '1' is not of type 'integer'; at the top: 'html_url' is a required property"
    ]


def test_undescribed_status_is_detected(faulty: GitHubFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A status that the description of an operation lacks is reported."""
    monkeypatch.setattr(front, "handler_of", lambda *_: (lambda *_, **__: routing.Answer(206, {}), {}))
    call(faulty, "GET", "/pulls/7")
    assert faulty.violations == ["GET /repos/octo-org/infra/pulls/7: the answer 206 is not described"]


def test_error_in_the_fake_is_detected(faulty: GitHubFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error inside the fake is reported, and is no response of GitHub."""
    monkeypatch.setattr(bodies, "comment", lambda *_: 1 / 0)
    assert call(faulty, "POST", "/issues/7/comments", {"body": "a"}).status_code == 500
    assert ["ZeroDivisionError" in each for each in faulty.violations] == [True]


def test_scripted_response_is_not_checked(github: GitHubFake) -> None:
    """The response of a scripted fault may be anything."""
    github.fault("GET", r"/pulls/7$", status=418, body=b"teapot")
    assert call(github, "GET", "/pulls/7").status_code == 418
    assert call(github, "GET", "/pulls/7").status_code == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("query { viewer { shoeSize } }", "Cannot query field 'shoeSize' on type 'User'."),
        ("query { viewer { login }", "Syntax Error: Expected Name, found <EOF>."),
        ('mutation { resolveReviewThread(input: {thread: "x"}) { thread { id } } }', "threadId"),
        (
            'mutation { minimizeComment(input: {subjectId: "x", classifier: OLD}) { clientMutationId } }',
            "Value 'OLD' does not exist in 'ReportedContentClassifiers' enum.",
        ),
    ],
)
def test_invalid_query_is_detected(faulty: GitHubFake, query: str, says: str) -> None:
    """A query that GitHub's schema rejects is answered with an error and reported."""
    assert says in json.dumps(ask(faulty, query)["errors"])
    assert any(says in each for each in faulty.violations)


def test_slices_equal_the_packages(github: GitHubFake) -> None:
    """The slices equal the contents of the package versions in make_slice.py, and stay small."""
    assert contract.description()["info"]["version"] == "23.0.2"
    assert contract.SLICE.stat().st_size < 400_000
    assert queries.schema().query_type is not None
