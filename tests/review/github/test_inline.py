"""Line comments on GitHub: positions, deduplication, refusals."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from github_fake import GitHubFake
from reviews_on_github import BOT, CHANGED, Poster, give_files, item, report

from passrole_checks.review.markdown.markers import INLINE, CommentMarker, parse_marker
from passrole_checks.review.report import Anchor, Replacement

PLACES = (("a.tf", 10), ("a.tf", 30), ("b.tf", 10), ("b.tf", 30))
OFF = {"comment": "off", "status": False}


@pytest.fixture
def post(github: GitHubFake, tmp_path: Path) -> Poster:
    give_files(github)
    return Poster.on(github, tmp_path)


def places(github: GitHubFake) -> list[tuple[str, int | None, int | None, str]]:
    return [(each.path, each.start_line, each.line, each.subject_type) for each in github.review_comments()]


def many(count: int, *, bad: tuple[int, ...] = ()) -> list:
    """Return items on different lines of both files; those with numbers in ``bad`` on a line outside of all hunks."""
    lines = [
        (file, line + offset) for file in ("a.tf", "b.tf") for line in CHANGED for offset in (0, 1, 2, -1, -2, -3, 3)
    ]
    found = []
    for number, (file, line) in enumerate(lines[:count], start=1):
        found.append(item(number, 20 if number in bad else line, file=file))
    return found


def test_comments_are_one_review(github: GitHubFake, post: Poster) -> None:
    """All comments are one review of event COMMENT, on the scanned commit, each with its marker first."""
    post.items(item(1, 10), item(2, 29, 31), **OFF)
    (review,) = github.reviews()
    assert (review.state, review.body, review.commit_id) == ("COMMENTED", "", github.pull.head_sha)
    assert places(github) == [("a.tf", None, 10, "line"), ("a.tf", 29, 31, "line")]
    markers = [parse_marker(each.body) for each in github.review_comments()]
    assert [marker and (marker.kind, marker.items) for marker in markers] == [
        (INLINE, (item(1).key,)),
        (INLINE, (item(2).key,)),
    ]


def test_single_line_has_no_start_line(github: GitHubFake, post: Poster) -> None:
    """A comment on one line has no start line, since GitHub refuses a range of one line."""
    post.items(item(1, 10), item(2, 29, 31), **OFF)
    (call,) = github.calls("POST", "/reviews$")
    assert [sorted(set(one) - {"body"}) for one in call.json["comments"]] == [
        ["line", "path", "side"],
        ["line", "path", "side", "start_line", "start_side"],
    ]


def test_suggestion_is_on_its_lines(github: GitHubFake, post: Poster) -> None:
    """A suggestion is on the lines that it replaces, and can be applied."""
    mended = Replacement("a.tf", 30, 31, "mended", "Mends it.")
    post.items(replace(item(1, 29, 32), replacement=mended), **OFF)
    (comment,) = github.review_comments()
    assert places(github) == [("a.tf", 30, 31, "line")]
    github.apply_suggestion(comment)
    assert github.pull.head_files["a.tf"].splitlines()[28:31] == ["old 29", "mended", "old 32"]


def test_persisting_items_are_not_repeated(github: GitHubFake, post: Poster) -> None:
    """A persisting item is not reported again, even if its lines moved; a new one is."""
    post.items(item(1, 10), **OFF)
    github.push(github.pull, {**github.pull.head_files, "a.tf": "first\n" + github.pull.head_files["a.tf"]})
    post.items(item(1, 11), item(2, 31), **OFF)
    assert places(github) == [("a.tf", None, 11, "line"), ("a.tf", None, 31, "line")]
    assert len(github.reviews()) == 2


def test_earlier_comment_is_found_on_the_second_page(github: GitHubFake, post: Poster) -> None:
    """An earlier comment is found after a hundred others."""
    for number in range(120):
        github.review_comment(github.pull, "a.tf", 10, f"talk {number}")
    post.items(item(1, 10), **OFF)
    post.items(item(1, 10), **OFF)
    assert len(github.review_comments()) == 121


def test_forged_marker_hides_nothing(github: GitHubFake, post: Poster) -> None:
    """A comment of another author with our marker hides no item."""
    forged = CommentMarker(INLINE, "default", github.pull.head_sha, 1, 0, (item(1).key,)).prepend_to("Nothing to see.")
    github.review_comment(github.pull, "a.tf", 10, forged, user="contributor")
    post.items(item(1, 10), **OFF)
    assert [each.user.login for each in github.review_comments()] == ["contributor", BOT]


def test_thread_resolved_by_a_person_is_not_repeated(github: GitHubFake, post: Poster) -> None:
    """An unfixed thread that a person resolved is neither reopened nor repeated."""
    post.items(item(1, 10), **OFF)
    github.resolve(github.review_comments()[0])
    github.push(github.pull, github.pull.head_files)
    github.forget_calls()
    posted = post.items(item(1, 10), **OFF)
    assert (github.writes(), posted.at_lines) == ([], {item(1).key})
    assert [thread.resolved_by.login for thread in github.threads() if thread.resolved_by] == ["other-user"]


def test_open_threads_are_limited(github: GitHubFake, post: Poster) -> None:
    """At most ``max_inline`` threads are open at a time, including earlier ones; no item is lost."""
    found = many(6)
    assert len(post.items(*found, max_inline=4, **OFF).at_lines) == 4
    again = post.items(*found, max_inline=4, **OFF)
    assert (len(again.at_lines), again.lost, len(github.review_comments())) == (4, frozenset(), 4)
    assert len(post.items(*found[2:], max_inline=4, **OFF).at_lines) == 4  # two are fixed


def test_max_inline_zero_disables_line_comments(github: GitHubFake, post: Poster) -> None:
    """With ``max_inline`` 0, as beside code scanning, there are no calls for line comments."""
    post.items(item(1), max_inline=0, status=False)
    assert github.calls("GET", "/pulls/7/comments") == []
    assert (github.review_comments(), len(github.comments())) == ([], 1)


def test_reviews_have_at_most_thirty_comments(github: GitHubFake, post: Poster) -> None:
    """More than thirty comments are several reviews."""
    posted = post.items(*many(40), max_inline=40, **OFF)
    assert [len(call.json["comments"]) for call in github.calls("POST", "/reviews$")] == [30, 10]
    assert (len(posted.at_lines), posted.lost) == (40, frozenset())
    github.assert_spaced(1.0)


def test_untouched_lines_get_a_file_comment(github: GitHubFake, post: Poster) -> None:
    """An item whose file changed elsewhere gets a comment on the file."""
    post.items(item(1, 10), item(2, 0, file="b.tf"), **OFF)
    assert places(github) == [("a.tf", None, 10, "line"), ("b.tf", None, None, "file")]
    (call,) = github.calls("POST", "/pulls/7/comments$")
    assert set(call.json) == {"body", "commit_id", "path", "subject_type"}


def test_item_without_anchor_is_only_in_the_summary(github: GitHubFake, post: Poster) -> None:
    """An item without an anchor is only in the summary, and not lost."""
    result = report(github, replace(item(1), anchor=None))
    posted = post(result, status=False)
    assert (posted.at_lines, posted.lost, github.review_comments()) == (frozenset(), frozenset(), [])
    assert "1 new problem" in github.comments()[0].body


@pytest.mark.parametrize("bad", [1, 5, 10])
def test_one_refused_line_becomes_a_file_comment(github: GitHubFake, post: Poster, bad: int) -> None:
    """Of ten comments with one refused line nine are on their lines, and one on its file."""
    posted = post.items(*many(10, bad=(bad,)), **OFF)
    kinds = [kind for _, _, _, kind in places(github)]
    assert (kinds.count("line"), kinds.count("file")) == (9, 1)
    assert (len(posted.at_lines), posted.lost) == (10, frozenset())
    (at_file,) = [each for each in github.review_comments() if each.subject_type == "file"]
    marker = parse_marker(at_file.body)
    assert marker is not None and marker.items == (item(bad).key,)


def test_refused_file_is_reported_in_the_summary(github: GitHubFake, post: Poster) -> None:
    """Items on a file outside of the diff are lost, and the summary says so."""
    found = [item(number, 10, file="gone.tf") for number in range(1, 4)]
    posted = post.items(*found, status=False)
    assert (posted.at_lines, github.review_comments()) == (frozenset(), [])
    assert posted.lost == {one.key for one in found}
    assert "3 of these could not be posted as line comments" in github.comments()[0].body


def test_file_comment_has_no_suggestion(github: GitHubFake, post: Poster) -> None:
    """A comment that ends up on the file has no suggestion block, which would have no lines to replace."""
    mended = Replacement("a.tf", 20, 20, "mended", "Mends it.")
    post.items(replace(item(1), replacement=mended, anchor=Anchor("a.tf", 20, 20)), **OFF)
    (comment,) = github.review_comments()
    assert comment.subject_type == "file"
    assert "```suggestion" not in comment.body
    assert "mended" in comment.body


@pytest.mark.parametrize("fault", [{"status": 502}, {"drop": True}])
def test_review_after_a_server_error_is_found(github: GitHubFake, post: Poster, fault: dict[str, object]) -> None:
    """A review that was created despite a server error is not created again."""
    github.fault("POST", "/reviews$", after_effect=True, **fault)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (len(github.review_comments()), len(posted.at_lines)) == (2, 2)
    assert len(github.calls("POST", "/reviews$")) == 1


def test_review_is_retried_once(github: GitHubFake, post: Poster) -> None:
    """A review that was not created is created by a second call, without a third."""
    github.fault("POST", "/reviews$", status=502)
    assert len(post.items(item(1, 10), **OFF).at_lines) == 1
    github.fault("POST", "/reviews$", status=502, times=5)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key})
    assert len(github.calls("POST", "/reviews$")) == 4


def test_file_comment_after_a_server_error_is_written_once(github: GitHubFake, post: Poster) -> None:
    """The same for a comment on a file."""
    github.fault("POST", "/pulls/7/comments$", status=502, after_effect=True)
    posted = post.items(item(1, 0), **OFF)
    assert (len(github.review_comments()), len(posted.at_lines)) == (1, 1)


def test_refusal_in_the_middle_loses_only_the_rest(github: GitHubFake, post: Poster) -> None:
    """Comments written before a refusal count as written, the others as lost."""
    github.fault("POST", "/reviews$", status=403, skip=1)
    posted = post.items(*many(40), max_inline=40, **OFF)
    assert (len(posted.at_lines), len(posted.lost), len(github.review_comments())) == (30, 10, 30)
    assert any("pull-requests: write" in message for message in post.messages)


def of_another_run(github: GitHubFake, run: int, *keys: str) -> None:
    """Add a line comment of another run."""
    body = CommentMarker(INLINE, "default", github.pull.head_sha, run, 0, keys).prepend_to("Wrong.")
    github.review_comment(github.pull, "a.tf", 10, body, user=BOT)


def test_second_of_two_concurrent_runs_deletes_its_duplicates(github: GitHubFake, post: Poster) -> None:
    """Of two runs that both find no comment, the later one deletes its duplicates."""
    github.when("POST", "/reviews$", lambda fake: of_another_run(fake, 8, item(1).key))
    posted = post.items(item(1, 10), item(2, 30), context=post.context(run=9), **OFF)
    markers = [parse_marker(each.body) for each in github.review_comments()]
    assert [marker and (marker.run, marker.items) for marker in markers] == [(8, (item(1).key,)), (9, (item(2).key,))]
    assert posted.at_lines == {item(1).key, item(2).key}
    assert any("concurrent run" in message for message in post.messages)


def test_the_first_of_two_runs_keeps_its_comments(github: GitHubFake, post: Poster) -> None:
    """The earlier of two concurrent runs deletes nothing."""
    github.when("POST", "/reviews$", lambda fake: of_another_run(fake, 8, item(1).key), after=True)
    post.items(item(1, 10), context=post.context(run=9), **OFF)
    assert (len(github.review_comments()), github.calls("DELETE", "")) == (2, [])


def test_three_concurrent_runs_leave_one_comment_each(github: GitHubFake, post: Poster) -> None:
    """Three runs in three threads leave one comment per item."""
    found = report(github, item(1, 10), item(2, 30), item(3, 0, file="b.tf"))
    posters = [Poster.on(github, post.folder) for _ in range(3)]
    runs = [
        threading.Thread(target=poster, args=(found,), kwargs={"context": post.context(run=number), **OFF})
        for number, poster in enumerate(posters, start=1)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    markers = [parse_marker(each.body) for each in github.review_comments()]
    assert sorted(key for marker in markers if marker for key in marker.items) == [item(n).key for n in (1, 2, 3)]


def test_hostile_names_do_not_break_deduplication(github: GitHubFake, post: Poster) -> None:
    """With any names our comments are found again, and nothing is repeated."""
    hostile = "<!-- passrole-checks:inline v=1 key=default items=x -->\n@octo-org closes #1 ```suggestion\nx"
    found = [replace(item(1, 10), resource=hostile, sid=hostile), replace(item(2, 30), advice=hostile)]
    post.items(*found, status=False)
    post.items(*found, status=False)
    assert (len(github.review_comments()), len(github.comments())) == (2, 1)
    assert all(each.body.count("<!--") == 1 for each in (*github.review_comments(), *github.comments()))


def test_same_check_in_several_files_has_a_comment_each(github: GitHubFake, post: Poster) -> None:
    """Findings of one check in two files have a comment each; beyond the maximum the last ones share one, and are not
    repeated by the next run."""
    found = [item(number, line, file=file, rule="PASSROLE_001") for number, (file, line) in enumerate(PLACES)]
    assert len(post.items(*found, **OFF).at_lines) == 4
    assert [(one.path, one.line) for one in github.review_comments()] == [*PLACES]
    more = [item(10 + number, line, rule="PASSROLE_001") for number, line in enumerate((49, 50, 51))]
    assert len(post.items(*found, *more, max_inline=6, **OFF).at_lines) == 7
    assert [(one.path, one.line) for one in github.review_comments()][4:] == [("a.tf", 49), ("a.tf", 50)]
    assert len(post.items(*found, *more, max_inline=6, **OFF).at_lines) == 7
    assert len(github.review_comments()) == 6
