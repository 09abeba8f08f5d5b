"""A whole review on Gitea and Forgejo: writes, threads, replies, and messages about refusals."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from gitea_fake import BOT, GiteaFake, Review
from reports_of_tests import ALL_KINDS
from reviews_on_gitea import Poster, places, report
from reviews_on_github import item

from passrole_checks.review.markdown.markers import FIXED, INLINE, CommentMarker, parse_marker
from passrole_checks.review.posting import Posted
from passrole_checks.review.report import Anchor, Replacement

GITEA, OLD_GITEA, FORGEJO = "1.27.3", "1.25.5", "15.0.1+gitea-1.22.0"
OFF = {"comment": "off", "status": False}


def kinds(gitea: GiteaFake) -> list[str]:
    """Return the kind of each comment on a line, "" for one of a person."""
    markers = [parse_marker(comment.body) for comment in gitea.code_comments()]
    return [marker.kind if marker is not None else "" for marker in markers]


def test_first_run_makes_three_writes(gitea: GiteaFake, post: Poster) -> None:
    """The first run makes three writes, a second apart: one review, the summary, the status."""
    found = [item(1, 10), item(2, 30), item(3, 49, 51), item(4, 0)]
    posted = post.items(*found)
    assert [(call.method, call.path.removeprefix("/repos/acme/infra")) for call in gitea.writes()] == [
        ("POST", "/pulls/7/reviews"),
        ("POST", "/issues/7/comments"),
        ("POST", f"/statuses/{gitea.pull.head_sha}"),
    ]
    gitea.assert_spaced(1.0)
    assert places(gitea) == [("a.tf", 10), ("a.tf", 30), ("a.tf", 51), ("a.tf", 1)]
    assert posted == Posted(7, frozenset(one.key for one in found), frozenset(), True)
    assert [(status["status"], status["context"]) for status in gitea.statuses] == [("failure", "passrole-checks")]


def test_second_run_repeats_nothing(gitea: GiteaFake, post: Poster) -> None:
    """With an equal result only the status is set again, and the summary names the new run."""
    found = [item(1, 10), item(2, 30)]
    first = post.items(*found)
    gitea.forget_calls()
    assert post.items(*found) == first
    assert [call.path.split("/")[4] for call in gitea.writes()] == ["issues", "statuses"]
    assert "actions/runs/2)" in gitea.comments[0].body


def test_workflow_of_a_fork_sets_no_status(gitea: GiteaFake, post: Poster) -> None:
    """A fork can change the workflow that scans, and so the report, which must not open a gate."""
    context = replace(post.context(), event="workflow_run", is_fork=True)
    post.items(context=context, comment="off")
    assert gitea.writes() == []
    assert post.messages == ["No status is set: the report comes from a workflow of a fork."]


def test_all_pages_are_read(gitea: GiteaFake, post: Poster) -> None:
    """All reviews are read, also from a server with smaller pages than requested."""
    gitea.page_size = 2
    for number in range(5):
        post.items(*(item(each, 10 * each + 1) for each in range(1, number + 2)), **OFF)
    assert len(places(gitea)) == 5


@pytest.mark.parametrize("version", [GITEA, OLD_GITEA, FORGEJO])
def test_fixed_thread_is_answered(gitea: GiteaFake, post: Poster, version: str) -> None:
    """A fixed thread gets one reply, and is resolved where the API can do that; a person's comment stays."""
    gitea.version = version
    post.items(item(1, 10), item(2, 30), **OFF)
    gitea.code_comment("a.tf", 10, "Is that wanted?")
    assert post.items(item(2, 30), **OFF).at_lines == {item(2).key}
    assert kinds(gitea) == [INLINE, INLINE, "", FIXED]
    assert places(gitea)[-1] == ("a.tf", 10)
    resolvers = [comment.resolver for comment in gitea.code_comments()]
    assert resolvers == [BOT if version == GITEA else None, None, None, None]
    assert post.messages == ["Replied in 1 fixed thread."]
    gitea.forget_calls()
    post.items(item(2, 30), **OFF)
    assert gitea.writes() == []


@pytest.mark.parametrize("version", [GITEA, OLD_GITEA, FORGEJO])
def test_returned_item_has_a_new_thread_on_its_line(gitea: GiteaFake, post: Poster, version: str) -> None:
    """An item that returns on the same line after it was fixed has a new thread, which is fixed by a reply of its
    own."""
    gitea.version = version
    for found in ([item(1, 10)], [], [item(1, 10)], []):
        post.items(*found, **OFF)
    assert kinds(gitea) == [INLINE, FIXED, INLINE, FIXED]


@pytest.mark.parametrize("version", [GITEA, OLD_GITEA, FORGEJO])
def test_threads_on_one_line_are_fixed_apart(gitea: GiteaFake, post: Poster, version: str) -> None:
    """Of two threads on one line, the reply belongs to the one whose item is fixed; the other stays open."""
    gitea.version = version
    for found in ([item(1, 10)], [item(1, 10), item(2, 10)], [item(2, 10)]):
        post.items(*found, **OFF)
    assert kinds(gitea) == [INLINE, INLINE, FIXED]
    gitea.forget_calls()
    assert post.items(item(2, 10), **OFF).at_lines == {item(2).key}
    assert gitea.writes() == []
    post.items(**OFF)
    assert kinds(gitea) == [INLINE, INLINE, FIXED, FIXED]


def test_forged_marker_starts_no_thread(gitea: GiteaFake, post: Poster) -> None:
    """A line comment of another user with our marker neither reports an item, nor separates our reply from its
    thread."""
    post.items(item(1, 10), **OFF)
    gitea.code_comment("a.tf", 10, gitea.code_comments()[0].body.replace(f"{1:032x}", f"{2:032x}"))
    assert post.items(item(2, 30), **OFF).at_lines == {item(2).key}
    assert kinds(gitea) == [INLINE, INLINE, INLINE, FIXED]
    gitea.forget_calls()
    post.items(item(2, 30), **OFF)
    assert gitea.writes() == []


def test_failed_review_leaves_nothing_pending(gitea: GiteaFake, post: Poster) -> None:
    """If a comment of a review fails, no comment stays pending, the others are posted, and the failed item is lost."""
    gitea.broken_paths = {"b.tf"}
    posted = post.items(item(1, 10), item(2, 30, file="b.tf"), item(3, 50), status=False)
    assert posted.lost == {item(2).key}
    assert sorted(places(gitea)) == [("a.tf", 10), ("a.tf", 50)]
    assert [review.state for review in gitea.reviews] == ["COMMENT", "COMMENT"]
    assert "Could not post 1 item as line comments." in post.messages


@pytest.mark.parametrize("status", [403, 422, 502])
def test_pending_review_is_never_published(gitea: GiteaFake, post: Poster, status: int) -> None:
    """If the remains of a failed review cannot be deleted, nothing more is written, and the next run deletes them
    first."""
    gitea.broken_paths = {"b.tf"}
    gitea.fault("DELETE", "/reviews/", status=status)
    found = [item(1, 10), item(2, 30, file="b.tf")]
    assert post.items(*found, **OFF).lost == {one.key for one in found}
    assert places(gitea) == []
    gitea.broken_paths = set()
    assert post.items(*found, **OFF).lost == frozenset()
    assert places(gitea) == [("a.tf", 10), ("b.tf", 30)]


def test_pending_review_of_a_person_is_kept(gitea: GiteaFake, post: Poster) -> None:
    """A pending review with a comment of a person is not deleted, even if the token is theirs."""
    user = gitea.tokens["personal"].user
    comment = gitea.code_comment("a.tf", 3, "Draft.", user)
    gitea.reviews[0].state = "PENDING"
    gitea.fault("POST", "/reviews$", status=422, times=9)
    post.items(item(1, 10), context=post.context(token="personal"), **OFF)
    assert [review.comments for review in gitea.reviews] == [[comment]]


def test_lost_response_is_not_repeated(gitea: GiteaFake, post: Poster) -> None:
    """A review that was written although the response was an error is not written again."""
    gitea.fault("POST", "/reviews$", status=502, after_effect=True)
    assert post.items(item(1, 10), item(2, 30), **OFF).lost == frozenset()
    assert len(places(gitea)) == 2


@pytest.mark.parametrize("version", [GITEA, FORGEJO])
def test_duplicates_of_a_concurrent_run_are_deleted(gitea: GiteaFake, post: Poster, version: str) -> None:
    """Line comments that a concurrent run has posted too are deleted."""
    gitea.version = version
    body = CommentMarker(INLINE, run=4, items=(item(1).key,)).prepend_to("Wrong 1.")
    gitea.when("POST", "/reviews$", lambda fake: fake.code_comment("a.tf", 10, body, BOT))
    assert post.items(item(1, 10), context=post.context(run=5), **OFF).at_lines == {item(1).key}
    assert [comment.body for comment in gitea.code_comments()] == [body]


@pytest.mark.parametrize(("version", "left"), [(GITEA, 2), (FORGEJO, 1)])
def test_duplicate_beside_another_comment(gitea: GiteaFake, post: Poster, version: str, left: int) -> None:
    """A duplicate among several comments of a review can be deleted on Forgejo only; a message says so."""
    gitea.version = version
    body = CommentMarker(INLINE, run=4, items=(item(1).key,)).prepend_to("Wrong 1.")
    gitea.when("POST", "/reviews$", lambda fake: fake.code_comment("a.tf", 10, body, BOT))
    post.items(item(1, 10), item(2, 30), context=post.context(run=5), **OFF)
    assert places(gitea).count(("a.tf", 10)) == left
    assert any("cannot be deleted" in message for message in post.messages) is (version == GITEA)


def test_suggestion_is_readable(gitea: GiteaFake, post: Poster) -> None:
    """Gitea cannot apply suggestions: the replacement is a readable block. Links are those of Gitea."""
    replacement = Replacement("a.tf", 10, 10, '  default = "x"', "Name the role.", old='  default = "*"')
    post.items(replace(item(1, 10), replacement=replacement, anchor=Anchor("a.tf", 10, 10)), **OFF)
    body = gitea.code_comments()[0].body
    assert "```suggestion" not in body
    link = f"https://gitea.example.com/acme/infra/src/commit/{gitea.pull.head_sha}/a.tf#L10"
    assert f"**Suggestion** for [`a.tf:10`]({link}): name the role.\n" in body


def test_hidden_summary_is_folded(gitea: GiteaFake, post: Poster) -> None:
    """With ``hide-and-new`` the earlier summary is folded, since Gitea cannot hide it."""
    post.items(item(1, 10), comment="hide-and-new", status=False)
    post.items(item(1, 10), item(2, 30), comment="hide-and-new", status=False)
    assert ["<details><summary>Outdated" in comment.body for comment in gitea.comments] == [True, False]


# -- tokens and refusals


def test_missing_token_is_reported(gitea: GiteaFake, post: Poster) -> None:
    """Without a token nothing is called, and a message names its variables."""
    assert post.items(item(1), context=post.context(token="")) == Posted()
    assert gitea.calls() == []
    assert post.messages == ["Nothing posted on Gitea: no token (GITEA_TOKEN or FORGEJO_TOKEN or GITHUB_TOKEN)."]


def test_read_only_token_names_all_permissions(gitea: GiteaFake, post: Poster) -> None:
    """With a read-only token, as a fork's, one warning names all missing permissions, and all items are lost."""
    assert post.items(item(1), context=post.context(token="read_only")).lost == {item(1).key}
    (warning,) = [message for message in post.messages if message.startswith("warning: ")]
    for words in ("pull-requests: write", "for line comments and the summary", "contents: write", "Gitea answered 403"):
        assert words in warning


def test_token_without_code_posts_comments(gitea: GiteaFake, post: Poster) -> None:
    """A token that may comment but not set a status posts the comments."""
    posted = post.items(item(1), context=post.context(token="comments_only"))
    assert (posted.summary, len(posted.at_lines), gitea.statuses) == (True, 1, [])
    (warning,) = [message for message in post.messages if message.startswith("warning: ")]
    assert "for the commit status" in warning and "pull-requests" not in warning


@pytest.mark.parametrize(("version", "login"), [(GITEA, "gitea-actions"), (FORGEJO, "forgejo-actions")])
def test_token_that_may_not_ask_is_that_of_a_job(gitea: GiteaFake, post: Poster, version: str, login: str) -> None:
    """If the token may not ask whose it is, comments of the job's user are ours."""
    gitea.version, gitea.may_ask_for_user = version, False
    post.items(item(1))
    found = gitea.reviews[0]
    gitea.reviews[0] = Review(found.id, replace(BOT, login=login), found.state, "", found.commit, found.comments)
    gitea.reviews[0].comments[0].user = replace(BOT, login=login)
    gitea.comments[0].user = replace(BOT, login=login)
    gitea.forget_calls()
    post.items(item(1), **OFF)
    assert gitea.writes() == []


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"is_archived": True}, "the repository is archived, hence read-only (423: acme/infra is archived)"),
        ({"is_locked": True}, "the conversation is locked (403: You cannot comment on a locked issue.)"),
    ],
)
def test_refusals_have_their_cause(gitea: GiteaFake, post: Poster, change: dict[str, bool], cause: str) -> None:
    """An archived repository and a locked conversation are no missing permissions."""
    gitea.is_archived, gitea.pull.is_locked = change.get("is_archived", False), change.get("is_locked", False)
    post.items(item(1))
    assert any(f"to Gitea: {cause}." in message for message in post.messages)
    assert not any(message.startswith("warning: ") for message in post.messages)


def test_rate_limit_names_its_end(gitea: GiteaFake, post: Poster) -> None:
    """A rate limit, as that of a proxy, is reported with its end."""
    gitea.fault("GET", "", status=429, headers={"Retry-After": "3600"}, times=99)
    post.items(item(1))
    (message,) = [message for message in post.messages if "rate limit" in message]
    assert message.startswith("Could not post comments and the commit status to Gitea: the rate limit is used up")


def test_newer_head_and_closed_request_get_nothing(gitea: GiteaFake, post: Poster) -> None:
    """Nothing is written on a pull request that is closed or has a newer head."""
    context, result = post.context(), report(gitea, item(1))
    gitea.push({"a.tf": ""})
    assert post(result, context=context, status=False) == Posted()
    gitea.pull.is_open = False
    assert post.items(item(1), status=False) == Posted()
    assert gitea.writes() == []


def test_clean_pull_request_gets_only_a_status(gitea: GiteaFake, post: Poster) -> None:
    """A pull request without any finding gets no comment, and a success status."""
    assert post(report(gitea, more=ALL_KINDS.more)) == Posted(7)
    assert (gitea.comments, gitea.reviews) == ([], [])
    assert [status["status"] for status in gitea.statuses] == ["success"]


def test_check_run_option_is_explained(gitea: GiteaFake, post: Poster) -> None:
    """Gitea has no check runs, which a message says."""
    gitea.version = FORGEJO
    post.items(item(1), check_run=True)
    assert post.messages[0] == "Forgejo has no check runs: the commit status is the verdict."


def test_label_is_not_supported(gitea: GiteaFake, post: Poster) -> None:
    """No label is set, which a message says."""
    post.items(item(1), label=True)
    assert "No label is set: not supported for Gitea." in post.messages


@pytest.mark.parametrize("token", ["", "job"])
def test_dry_run_prints_writes(gitea: GiteaFake, post: Poster, token: str) -> None:
    """A dry run prints the writes and makes none."""
    post.items(item(1), dry_run=True, context=post.context(token=token))
    assert [json.loads(line)["path"].removeprefix("/repos/acme/infra") for line in post.printed] == [
        "/pulls/7/reviews",
        "/issues/7/comments",
        f"/statuses/{gitea.pull.head_sha}",
    ]
    assert gitea.writes() == []
