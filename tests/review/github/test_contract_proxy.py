"""Stoplight's Prism, as a proxy between clients and the fake, detects deviations on either side. Run by
``.ci/prism.sh``; skipped elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from github_fake import GitHubFake, bodies
from github_fake.proxy import Proxy

pytestmark = pytest.mark.skipif(Proxy.of_environment() is None, reason="needs Prism: .ci/prism.sh")


@pytest.fixture
def faulty() -> Iterator[GitHubFake]:
    """A fake that may be called or may answer wrongly."""
    fake = GitHubFake()
    fake.start()
    yield fake
    fake.stop()


def post(fake: GitHubFake, path: str, given: object) -> requests.Response:
    headers = {"authorization": f"Bearer {fake.token}"}
    return requests.post(f"{fake.url}/repos/octo-org/infra{path}", json=given, headers=headers, timeout=10)


@pytest.mark.parametrize(
    ("path", "given", "says"),
    [
        ("/issues/7/comments", {}, "Request body must have required property 'body'"),
        (
            "/pulls/7/reviews",
            {"event": "SHOUT"},
            "Request body property event must be equal to one of the allowed values",
        ),
        ("/statuses/abc", {"state": "green"}, "Request body property state must be equal to one of the allowed values"),
    ],
)
def test_prism_refuses_an_invalid_request(faulty: GitHubFake, path: str, given: object, says: str) -> None:
    """A request that GitHub does not describe does not reach the fake, and is reported."""
    answer = post(faulty, path, given)
    assert answer.status_code == 422
    assert says in answer.json()["validation"][0]["message"]
    assert faulty.calls() == []
    with pytest.raises(AssertionError, match="prism/errors#UNPROCESSABLE_ENTITY"):
        faulty.assert_described()


def test_prism_refuses_an_invalid_response(faulty: GitHubFake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A response that GitHub would not send does not reach the client, and is reported."""
    right = bodies.comment

    def wrong(*given: Any) -> dict[str, Any]:
        return {name: value for name, value in right(*given).items() if name != "html_url"}

    monkeypatch.setattr(bodies, "comment", wrong)
    answer = post(faulty, "/issues/7/comments", {"body": "a"})
    assert answer.status_code == 500
    assert [each["message"] for each in answer.json()["validation"]] == [
        "Response body must have required property 'html_url'"
    ]
    with pytest.raises(AssertionError, match="prism/errors#VIOLATIONS"):
        faulty.assert_described()


def test_valid_call_passes(github: GitHubFake) -> None:
    """A valid call passes, and nothing is reported."""
    assert post(github, "/issues/7/comments", {"body": "a"}).status_code == 201
    assert github.proxy is not None
    assert github.proxy.complaints() == []
