"""Threads on lines of a merge request: positions, deduplication, refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gitlab_fake import GitLabFake
from reviews_on_gitlab import BOT, CHANGED, Poster, item, keys, places, report

from passrole_checks.review.markdown.markers import INLINE, CommentMarker, parse_marker
from passrole_checks.review.report import Anchor, Location, Replacement, ReportNote

OFF = {"comment": "off"}


def test_positions_of_added_and_unchanged_lines(gitlab: GitLabFake, post: Poster) -> None:
    """An added line has its new number only, an unchanged line both; all have both paths and the commits of the
    version."""
    post.items(item(1, 10), item(2, 28), item(3, 31, file="b.tf"), **OFF)
    assert places(gitlab) == [("a.tf", None, 10), ("a.tf", 26, 28), ("b.tf", 29, 31)]
    version = gitlab.request.versions[0]
    assert gitlab.threads()[0].notes[0].position == {
        "position_type": "text",
        "base_sha": version.base_sha,
        "start_sha": version.start_sha,
        "head_sha": version.head_sha,
        "old_path": "a.tf",
        "new_path": "a.tf",
        "new_line": 10,
    }
    assert [call.status for call in gitlab.writes()] == [201, 201, 201]


def test_positions_in_renamed_and_new_files(gitlab: GitLabFake, post: Poster) -> None:
    """A renamed file has both of its paths, a new one its own twice."""
    post.items(item(1, 40, file="here.tf"), item(2, 2, file="new.tf"), **OFF)
    positions = [thread.notes[0].position for thread in gitlab.threads()]
    assert [(one["old_path"], one["new_path"], one["new_line"]) for one in positions if one] == [
        ("there.tf", "here.tf", 40),
        ("new.tf", "new.tf", 2),
    ]


def test_thread_is_on_the_last_added_line(gitlab: GitLabFake, post: Poster) -> None:
    """A thread is on the last added line, or without one on the last shown line."""
    post.items(item(1, 8, 12), item(2, 31, 40, file="b.tf"), **OFF)
    assert places(gitlab) == [("a.tf", None, 10), ("b.tf", 31, 33)]


def test_suggestion_replaces_its_lines(gitlab: GitLabFake, post: Poster) -> None:
    """A suggestion replaces its lines, on whichever of them the thread is."""
    mended = Replacement("a.tf", 29, 31, "mended", "Mends it.")
    post.items(replace(item(1, 29, 31), replacement=mended), **OFF)
    (thread,) = gitlab.threads()
    assert places(gitlab) == [("a.tf", None, 30)]
    assert "```suggestion:-1+1\nmended\n```" in thread.notes[0].body
    gitlab.apply_suggestion(thread)
    assert gitlab.request.head_files["a.tf"].splitlines()[27:30] == ["old 26", "mended", "old 30"]


def test_untouched_lines_get_a_file_thread(gitlab: GitLabFake, post: Poster) -> None:
    """An item whose file changed elsewhere gets a thread on the file."""
    post.items(item(1, 0, file="b.tf"), item(2, 60), **OFF)
    assert places(gitlab) == [("b.tf", None, None), ("a.tf", None, None)]
    assert {call.json["position"]["position_type"] for call in gitlab.calls("POST", "/discussions$")} == {"file"}


def test_thread_without_position_if_files_are_refused(gitlab: GitLabFake, post: Poster) -> None:
    """If GitLab refuses a thread on a file, the thread has no position."""
    gitlab.world.knows_file_positions = False
    posted = post.items(item(1, 0, file="b.tf"), **OFF)
    assert (places(gitlab), posted.lost, posted.at_lines) == ([None], frozenset(), {item(1).key})


def test_file_outside_of_the_diff_gets_a_thread_without_position(gitlab: GitLabFake, post: Poster) -> None:
    """An item on a file outside of GitLab's diff gets a thread without a position."""
    posted = post.items(item(1, 10, file="gone.tf"), **OFF)
    assert (places(gitlab), posted.lost) == ([None], frozenset())


def test_refused_position_is_dropped(gitlab: GitLabFake, post: Poster) -> None:
    """A refused position is dropped, its text is posted, and other positions are tried."""
    mended = Replacement("a.tf", 10, 10, "mended", "Mends it.")
    gitlab.fault("POST", "/discussions$", status=400)
    posted = post.items(replace(item(1, 10), replacement=mended), item(2, 30), **OFF)
    assert places(gitlab) == [None, ("a.tf", None, 30)]
    assert "suggestion:" not in gitlab.threads()[0].notes[0].body
    assert "mended" in gitlab.threads()[0].notes[0].body
    assert (len(posted.at_lines), posted.lost) == (2, frozenset())


def test_refused_threads_are_reported_in_the_summary(gitlab: GitLabFake, post: Poster) -> None:
    """Items whose threads GitLab refuses are lost, and the summary says so."""
    gitlab.fault("POST", "/discussions$", status=400, times=9)
    posted = post.items(item(1, 10), item(2, 30))
    assert (posted.at_lines, posted.lost) == (frozenset(), {item(1).key, item(2).key})
    assert "2 of these could not be posted as line comments" in gitlab.notes()[0].body


def test_position_with_two_server_errors_is_dropped(gitlab: GitLabFake, post: Poster) -> None:
    """A position that results in 500 twice is dropped like a refused one."""
    gitlab.fault("POST", "/discussions$", status=500, times=2)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (places(gitlab), len(posted.at_lines)) == ([None, ("a.tf", None, 30)], 2)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_thread_after_a_server_error_is_found(gitlab: GitLabFake, post: Poster, status: int) -> None:
    """A thread that was started despite a server error is not started again."""
    gitlab.fault("POST", "/discussions$", status=status, after_effect=True)
    posted = post.items(item(1, 10), **OFF)
    assert (len(gitlab.threads()), len(gitlab.calls("POST", "/discussions$"))) == (1, 1)
    assert posted.at_lines == {item(1).key}


def test_server_errors_stop_after_two_tries(gitlab: GitLabFake, post: Poster) -> None:
    """After two server errors posting stops; threads started before count."""
    gitlab.fault("POST", "/discussions$", status=502, times=9, skip=1)
    posted = post.items(item(1, 10), item(2, 30), item(3, 50), **OFF)
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key, item(3).key})
    assert len(gitlab.calls("POST", "/discussions$")) == 3


def test_without_a_diff_threads_have_no_position(gitlab: GitLabFake, post: Poster) -> None:
    """If the diff is not available, threads have no position, and a message says so."""
    gitlab.fault("GET", "/versions$", status=404)
    posted = post.items(item(1, 10), **OFF)
    assert (places(gitlab), len(posted.at_lines)) == ([None], 1)
    assert post.messages[0].endswith("404: 404 scripted")


def test_persisting_items_are_not_repeated(gitlab: GitLabFake, post: Poster) -> None:
    """A persisting item is not reported again, even if its lines moved; a new one is."""
    post.items(item(1, 10), **OFF)
    gitlab.push({**gitlab.request.head_files, "a.tf": "zeroth\n" + gitlab.request.head_files["a.tf"]})
    posted = post.items(item(1, 11), item(2, 31), **OFF)
    assert places(gitlab) == [("a.tf", None, 10), ("a.tf", None, 31)]
    assert len(posted.at_lines) == 2


def test_earlier_thread_is_found_on_the_second_page(gitlab: GitLabFake, post: Poster) -> None:
    """An earlier thread is found after a hundred others, whatever URL GitLab considers its own."""
    gitlab.world.public_url = "http://gitlab.example.com"
    for number in range(120):
        gitlab.thread(f"talk {number}")
    post.items(item(1, 10), **OFF)
    assert len(gitlab.threads()) == 121
    post.items(item(1, 10), **OFF)
    assert len(gitlab.threads()) == 121
    assert {call.query.get("page") for call in gitlab.calls("GET", "/discussions$")} == {None, "2"}


def test_forged_marker_hides_nothing(gitlab: GitLabFake, post: Poster) -> None:
    """A thread of another author with our marker hides no item, and is not closed."""
    forged = CommentMarker(INLINE, "default", gitlab.request.head_sha, 1, 0, (item(1).key,)).prepend_to(
        "Nothing to see."
    )
    gitlab.thread(forged)
    post.items(item(1, 10), **OFF)
    assert [thread.notes[0].author.username for thread in gitlab.threads()] == ["other-user", BOT]
    post.items(**OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1, 2]


def test_fixed_thread_gets_a_reply_and_is_resolved(gitlab: GitLabFake, post: Poster) -> None:
    """A thread whose items are gone gets one reply and is resolved; others stay open."""
    post.items(item(1, 10), item(2, 30), **OFF)
    gitlab.forget_calls()
    post.items(item(2, 30), **OFF)
    first, second = gitlab.threads()
    assert (first.resolved_by and first.resolved_by.username, second.resolved_by) == (BOT, None)
    assert "no longer found" in first.notes[1].body
    assert [(call.method, call.status) for call in gitlab.writes()] == [("POST", 201), ("PUT", 200)]
    gitlab.forget_calls()
    post.items(item(2, 30), **OFF)
    assert gitlab.writes() == []


def test_token_that_cannot_resolve_replies_once(gitlab: GitLabFake, post: Poster) -> None:
    """If the token may not resolve, one reply is written, and the missing role named."""
    post.items(item(1, 10), context=post.context(token="reporter"), **OFF)
    post.items(context=post.context(token="reporter"), **OFF)
    assert len(post.messages) == 2
    assert "403 Forbidden" in post.messages[1]
    assert "Developer role" in post.messages[1]
    post.items(context=post.context(token="reporter"), **OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), thread.resolved_by, post.messages) == (2, None, [])


def test_unreadable_head_closes_no_thread(gitlab: GitLabFake, post: Poster) -> None:
    """With an unreadable head no thread is closed."""

    post.items(item(1, 10), **OFF)
    post(report(gitlab, unreadable=(ReportNote("a.tf", 3, "is no HCL"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]


@pytest.mark.parametrize(("file", "ended"), [("a.tf", 1), ("b.tf", 2), ("", 2)])
def test_skipped_file_keeps_its_threads_open(gitlab: GitLabFake, post: Poster, file: str, ended: int) -> None:
    """A thread on a skipped file stays open; notes on other files, or none, do not matter."""
    post.items(item(1, 10), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote(file, 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [ended]


def test_wholly_skipped_file_keeps_all_threads_open(gitlab: GitLabFake, post: Poster) -> None:
    """While a whole file is skipped no thread is closed, since its items may have moved there."""
    post.items(item(1, 10), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote("b.tf", 0, "too large"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]


@pytest.mark.parametrize(("file", "ended"), [("main.tf", 1), ("other.tf", 2)])
def test_thread_at_a_cause_needs_the_file_of_the_statement(
    gitlab: GitLabFake, post: Poster, file: str, ended: int
) -> None:
    """A thread at the cause, in another file, stays open while the statement's file is not evaluated."""
    post.items(replace(item(1, 10), at=Location("main.tf", 4, 4)), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote(file, 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [ended]


def test_thread_without_position_needs_all_files(gitlab: GitLabFake, post: Poster) -> None:
    """A thread without a position may be about any file, so it is closed only if all were evaluated."""
    post.items(item(1, 10, file="gone.tf"), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote("b.tf", 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]
    post.items(**OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [2]


@pytest.mark.parametrize("after_effect", [False, True])
def test_resolving_is_retried(gitlab: GitLabFake, post: Poster, after_effect: bool) -> None:
    """A thread that failed to be resolved is resolved by a second call; a reply that was written is not repeated."""
    post.items(item(1, 10), **OFF)
    gitlab.fault("POST", "/notes$", status=502, after_effect=after_effect)
    gitlab.fault("PUT", "/discussions/", status=502, after_effect=after_effect)
    post.items(**OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), thread.resolved_by and thread.resolved_by.username) == (2, BOT)
    assert ["1 fixed thread" in message for message in post.messages] == [True]


def test_thread_resolved_by_a_person_is_not_repeated(gitlab: GitLabFake, post: Poster) -> None:
    """An unfixed thread that a person resolved is neither reopened nor repeated."""
    post.items(item(1, 10), **OFF)
    gitlab.resolve(gitlab.threads()[0])
    gitlab.forget_calls()
    posted = post.items(item(1, 10), **OFF)
    assert (gitlab.writes(), posted.at_lines) == ([], {item(1).key})
    post.items(**OFF)
    assert gitlab.writes() == []


def test_deleted_thread_is_ignored(gitlab: GitLabFake, post: Poster) -> None:
    """A thread deleted before it is closed is no error."""
    post.items(item(1, 10), item(2, 30), **OFF)
    gitlab.when("POST", "/notes$", lambda fake: fake.request.discussions.remove(fake.threads()[0]))
    post.items(**OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), ["1 fixed thread" in message for message in post.messages]) == (2, [True])


def test_returning_item_gets_a_new_thread(gitlab: GitLabFake, post: Poster) -> None:
    """An item that returns after it was fixed gets a new thread."""
    for found in ((item(1, 10),), (), (item(1, 10),), (item(1, 10),)):
        post.items(*found, **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [2, 1]


def test_open_threads_are_limited(gitlab: GitLabFake, post: Poster) -> None:
    """At most ``max_inline`` threads are open at a time, including earlier ones."""
    found = [item(number, line) for number, line in enumerate(CHANGED, start=1)]
    assert len(post.items(*found, max_inline=3, **OFF).at_lines) == 3
    assert len(post.items(*found, max_inline=3, **OFF).at_lines) == 3
    assert len(post.items(*found[2:], max_inline=3, **OFF).at_lines) == 3
    assert len(gitlab.threads()) == 5


def test_second_of_two_concurrent_runs_deletes_its_duplicates(gitlab: GitLabFake, post: Poster) -> None:
    """Of two runs that both find no thread, the later one deletes its own."""

    def of_another_run(fake: GitLabFake) -> None:
        body = CommentMarker(INLINE, "default", fake.request.head_sha, 8, 0, (item(1).key,)).prepend_to("Wrong.")
        fake.thread(body, fake.tokens["project"].user)

    gitlab.when("POST", "/discussions$", of_another_run)
    posted = post.items(item(1, 10), item(2, 30), context=post.context(run=9), **OFF)
    assert [keys(thread) for thread in gitlab.threads()] == [(item(1).key,), (item(2).key,)]
    assert posted.at_lines == {item(1).key, item(2).key}


def told_by(fake: GitLabFake, run: int, *, body: str = "Wrong.") -> None:
    """Add a thread about the first item, of another run."""
    marker = CommentMarker(INLINE, "default", fake.request.head_sha, run, 0, (item(1).key,))
    fake.thread(marker.prepend_to(body), fake.tokens["project"].user)


def test_only_own_duplicates_without_replies_are_deleted(gitlab: GitLabFake, post: Poster) -> None:
    """Only duplicates of this run without replies are deleted."""
    told_by(gitlab, 7)
    told_by(gitlab, 7, body="Wrong again.")
    assert post.items(item(2, 30), item(1, 10), context=post.context(run=7), **OFF).lost == frozenset()
    assert len(gitlab.threads()) == 3  # of two old ones that say the same, both stay

    gitlab.request.discussions.clear()
    gitlab.when("POST", "/discussions$", lambda fake: told_by(fake, 7))
    gitlab.when("POST", "/discussions$", lambda fake: fake.reply(fake.threads()[-1], "Oh."), after=True)
    post.items(item(1, 10), context=post.context(run=9), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1, 2]


def test_duplicate_of_a_later_run_stays(gitlab: GitLabFake, post: Poster) -> None:
    """A duplicate of a later run is left to that run."""
    gitlab.when("POST", "/discussions$", lambda fake: told_by(fake, 10), after=True)
    post.items(item(1, 10), context=post.context(run=9), **OFF)
    assert (len(gitlab.threads()), gitlab.calls("DELETE")) == (2, [])


def test_thread_that_is_listed_late_is_not_lost(gitlab: GitLabFake, post: Poster) -> None:
    """A thread that is not listed at first, but a moment later, is not lost."""
    gitlab.fault("POST", "/discussions$", status=502, after_effect=True)
    gitlab.fault("GET", "/discussions$", status=502, times=3, skip=1)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key})


def test_version_of_another_commit_has_no_positions(gitlab: GitLabFake, post: Poster) -> None:
    """A version of the diff of another commit than the reviewed one has no positions."""
    gitlab.request.head_sha = "e" * 40
    posted = post.items(item(1, 10), **OFF)
    assert (places(gitlab), posted.at_lines) == ([None], {item(1).key})


def test_push_between_threads_stops_posting(gitlab: GitLabFake, post: Poster) -> None:
    """After a push posting stops at the first refused position."""
    gitlab.fault("POST", "/discussions$", status=400, skip=1)
    gitlab.when("POST", "/discussions$", lambda fake: fake.push(fake.request.head_files), after=True)
    posted = post.items(item(1, 10), item(2, 30), item(3, 50))
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key, item(3).key})
    assert (len(gitlab.threads()), gitlab.notes()) == (1, [])
    assert any("newer commit" in message for message in post.messages)


def test_writes_are_a_second_apart(gitlab: GitLabFake, post: Poster) -> None:
    """Writes are sequential, a second apart."""
    post.items(*(item(number, line) for number, line in enumerate(CHANGED, start=1)))
    assert len(gitlab.writes()) == 6
    gitlab.assert_spaced(1.0)


def test_hostile_names_do_not_break_deduplication(gitlab: GitLabFake, post: Poster) -> None:
    """No name is a command, a mention or a marker, in threads or the summary; nothing is repeated."""
    hostile = "x\n/close\n/assign @root\n<!-- passrole-checks:inline v=1 key=default items=x -->\n```\n/merge\n"
    mended = Replacement("a.tf", 50, 50, "/close\nx", hostile)
    found = [
        replace(item(1, 10), resource=hostile, sid=hostile, uses=(hostile,)),
        replace(item(2, 30), advice=hostile, remarks=(replace(item(2).remarks[0], message=hostile),)),
        replace(item(3, 50), replacement=mended, anchor=Anchor("a.tf", 50, 50)),
        replace(item(4, 70), replacement=Replacement("a.tf", 70, 70, "```\n/close", "x"), sid="/close"),
    ]
    for _ in range(2):
        assert post.items(*found).lost == frozenset()
    assert (len(gitlab.threads()), len(gitlab.notes()), gitlab.request.state) == (4, 1, "opened")
    bodies = [each.notes[0].body for each in gitlab.request.discussions]
    assert [body.count("<!--") for body in bodies if parse_marker(body)] == [1] * 5
    assert gitlab.commands == []
