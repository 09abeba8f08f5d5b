"""Threads at lines of a merge request: where they stand, once each, and what becomes of those that GitLab refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gitlab_fake import GitLabFake
from reviews_on_gitlab import BOT, CHANGED, Poster, item, keys, places, report

from passrole_checks.review.markdown.markers import INLINE, CommentMarker, parse_marker
from passrole_checks.review.report import Anchor, Location, Replacement, ReportNote

OFF = {"comment": "off"}


def test_added_and_unchanged_lines(gitlab: GitLabFake, post: Poster) -> None:
    """An added line is named by its new number alone, an unchanged one by both; all with both paths and the commits of
    the version."""
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


def test_renamed_and_new_files(gitlab: GitLabFake, post: Poster) -> None:
    """A renamed file is named by both of its names, a new one twice by its own."""
    post.items(item(1, 40, file="here.tf"), item(2, 2, file="new.tf"), **OFF)
    positions = [thread.notes[0].position for thread in gitlab.threads()]
    assert [(one["old_path"], one["new_path"], one["new_line"]) for one in positions if one] == [
        ("there.tf", "here.tf", 40),
        ("new.tf", "new.tf", 2),
    ]


def test_added_line_of_several(gitlab: GitLabFake, post: Poster) -> None:
    """Of several lines the last added one bears the thread, and the last one that is shown where none was added."""
    post.items(item(1, 8, 12), item(2, 31, 40, file="b.tf"), **OFF)
    assert places(gitlab) == [("a.tf", None, 10), ("b.tf", 31, 33)]


def test_suggestion(gitlab: GitLabFake, post: Poster) -> None:
    """A suggestion replaces its lines, wherever among them the thread stands."""
    mended = Replacement("a.tf", 29, 31, "mended", "Mends it.")
    post.items(replace(item(1, 29, 31), replacement=mended), **OFF)
    (thread,) = gitlab.threads()
    assert places(gitlab) == [("a.tf", None, 30)]
    assert "```suggestion:-1+1\nmended\n```" in thread.notes[0].body
    gitlab.apply_suggestion(thread)
    assert gitlab.request.head_files["a.tf"].splitlines()[27:30] == ["old 26", "mended", "old 30"]


def test_at_a_file(gitlab: GitLabFake, post: Poster) -> None:
    """An item whose file is touched, though not at its lines, is a thread at the file."""
    post.items(item(1, 0, file="b.tf"), item(2, 60), **OFF)
    assert places(gitlab) == [("b.tf", None, None), ("a.tf", None, None)]
    assert {call.json["position"]["position_type"] for call in gitlab.calls("POST", "/discussions$")} == {"file"}


def test_gitlab_that_knows_no_threads_at_files(gitlab: GitLabFake, post: Poster) -> None:
    """Where GitLab takes no thread at a file, the same is said in one without a place."""
    gitlab.world.knows_file_positions = False
    posted = post.items(item(1, 0, file="b.tf"), **OFF)
    assert (places(gitlab), posted.lost, posted.at_lines) == ([None], frozenset(), {item(1).key})


def test_outside_of_the_difference(gitlab: GitLabFake, post: Poster) -> None:
    """An item whose file GitLab does not have in its difference is told in a thread without a place."""
    posted = post.items(item(1, 10, file="gone.tf"), **OFF)
    assert (places(gitlab), posted.lost) == ([None], frozenset())


def test_refused_position(gitlab: GitLabFake, post: Poster) -> None:
    """A place that GitLab refuses is given up, the text is not, and other places are tried all the same."""
    mended = Replacement("a.tf", 10, 10, "mended", "Mends it.")
    gitlab.fault("POST", "/discussions$", status=400)
    posted = post.items(replace(item(1, 10), replacement=mended), item(2, 30), **OFF)
    assert places(gitlab) == [None, ("a.tf", None, 30)]
    assert "suggestion:" not in gitlab.threads()[0].notes[0].body
    assert "mended" in gitlab.threads()[0].notes[0].body
    assert (len(posted.at_lines), posted.lost) == (2, frozenset())


def test_nothing_is_taken(gitlab: GitLabFake, post: Poster) -> None:
    """What GitLab takes at no place is named in the summary as what could not be told at its lines."""
    gitlab.fault("POST", "/discussions$", status=400, times=9)
    posted = post.items(item(1, 10), item(2, 30))
    assert (posted.at_lines, posted.lost) == (frozenset(), {item(1).key, item(2).key})
    assert "2 of these could not be posted as line comments" in gitlab.notes()[0].body


def test_position_that_the_server_fails_at(gitlab: GitLabFake, post: Poster) -> None:
    """A place at which the server fails twice with 500 is given up like one that it refuses."""
    gitlab.fault("POST", "/discussions$", status=500, times=2)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (places(gitlab), len(posted.at_lines)) == ([None, ("a.tf", None, 30)], 2)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_error_after_success(gitlab: GitLabFake, post: Poster, status: int) -> None:
    """A thread that was begun although the server failed is found, and not begun again."""
    gitlab.fault("POST", "/discussions$", status=status, after_effect=True)
    posted = post.items(item(1, 10), **OFF)
    assert (len(gitlab.threads()), len(gitlab.calls("POST", "/discussions$"))) == (1, 1)
    assert posted.at_lines == {item(1).key}


def test_server_that_stays_away(gitlab: GitLabFake, post: Poster) -> None:
    """A server that fails at two tries is not asked a third time; what was begun before counts."""
    gitlab.fault("POST", "/discussions$", status=502, times=9, skip=1)
    posted = post.items(item(1, 10), item(2, 30), item(3, 50), **OFF)
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key, item(3).key})
    assert len(gitlab.calls("POST", "/discussions$")) == 3


def test_version_that_is_not_there(gitlab: GitLabFake, post: Poster) -> None:
    """Where the difference cannot be had, threads are without a place, and that is said."""
    gitlab.fault("GET", "/versions$", status=404)
    posted = post.items(item(1, 10), **OFF)
    assert (places(gitlab), len(posted.at_lines)) == ([None], 1)
    assert post.said[0].endswith("404: 404 scripted")


def test_persisting_ones_are_not_repeated(gitlab: GitLabFake, post: Poster) -> None:
    """What is wrong still is not said again, though its lines have moved; what is new is said beside it."""
    post.items(item(1, 10), **OFF)
    gitlab.push({**gitlab.request.head_files, "a.tf": "zeroth\n" + gitlab.request.head_files["a.tf"]})
    posted = post.items(item(1, 11), item(2, 31), **OFF)
    assert places(gitlab) == [("a.tf", None, 10), ("a.tf", None, 31)]
    assert len(posted.at_lines) == 2


def test_persisting_ones_on_the_second_page(gitlab: GitLabFake, post: Poster) -> None:
    """An earlier thread is found behind a hundred others, at whatever address GitLab takes for its own."""
    gitlab.world.public_url = "http://gitlab.example.com"
    for number in range(120):
        gitlab.thread(f"talk {number}")
    post.items(item(1, 10), **OFF)
    assert len(gitlab.threads()) == 121
    post.items(item(1, 10), **OFF)
    assert len(gitlab.threads()) == 121
    assert {call.query.get("page") for call in gitlab.calls("GET", "/discussions$")} == {None, "2"}


def test_forged_marker(gitlab: GitLabFake, post: Poster) -> None:
    """A thread with our marker by somebody else keeps nothing from being said, and is not ended."""
    forged = CommentMarker(INLINE, "default", gitlab.request.head_sha, 1, 0, (item(1).key,)).prepend_to(
        "Nothing to see."
    )
    gitlab.thread(forged)
    post.items(item(1, 10), **OFF)
    assert [thread.notes[0].author.username for thread in gitlab.threads()] == ["somebody", BOT]
    post.items(**OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1, 2]


def test_fixed(gitlab: GitLabFake, post: Poster) -> None:
    """A thread whose items are gone gets an answer and is resolved, once; others stay."""
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


def test_fixed_and_may_not_resolve(gitlab: GitLabFake, post: Poster) -> None:
    """A token that may not resolve answers all the same, once, and the role that it lacks is named."""
    post.items(item(1, 10), context=post.context(token="reporter"), **OFF)
    post.items(context=post.context(token="reporter"), **OFF)
    assert len(post.said) == 2
    assert "403 Forbidden" in post.said[1]
    assert "Developer role" in post.said[1]
    post.items(context=post.context(token="reporter"), **OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), thread.resolved_by, post.said) == (2, None, [])


def test_not_readable_is_not_fixed(gitlab: GitLabFake, post: Poster) -> None:
    """Where the head cannot be read, no thread is ended."""

    post.items(item(1, 10), **OFF)
    post(report(gitlab, unreadable=(ReportNote("a.tf", 3, "is no HCL"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]


@pytest.mark.parametrize(("file", "ended"), [("a.tf", 1), ("b.tf", 2), ("", 2)])
def test_not_evaluated_is_not_fixed(gitlab: GitLabFake, post: Poster, file: str, ended: int) -> None:
    """A thread at a file that was not evaluated is not ended; what concerns another file, or none, keeps no thread."""
    post.items(item(1, 10), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote(file, 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [ended]


def test_a_whole_file_that_is_not_evaluated(gitlab: GitLabFake, post: Poster) -> None:
    """While a whole file is not evaluated no thread is ended: what it is about may have been moved there."""
    post.items(item(1, 10), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote("b.tf", 0, "too large"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]


@pytest.mark.parametrize(("file", "ended"), [("main.tf", 1), ("other.tf", 2)])
def test_at_a_cause(gitlab: GitLabFake, post: Poster, file: str, ended: int) -> None:
    """A thread at the cause, in another file, is not ended while the statement's file was not evaluated."""
    post.items(replace(item(1, 10), at=Location("main.tf", 4, 4)), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote(file, 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [ended]


def test_thread_without_a_place_and_something_not_evaluated(gitlab: GitLabFake, post: Poster) -> None:
    """A thread without a place may be about any file, so that it is ended only when all of them were evaluated."""
    post.items(item(1, 10, file="gone.tf"), **OFF)
    post(report(gitlab, not_evaluated=(ReportNote("b.tf", 3, "module x is not here"),)), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1]
    post.items(**OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [2]


@pytest.mark.parametrize("after_effect", [False, True])
def test_error_while_resolving(gitlab: GitLabFake, post: Poster, after_effect: bool) -> None:
    """A thread whose resolving failed is resolved by a second try; a reply that came through is not repeated."""
    post.items(item(1, 10), **OFF)
    gitlab.fault("POST", "/notes$", status=502, after_effect=after_effect)
    gitlab.fault("PUT", "/discussions/", status=502, after_effect=after_effect)
    post.items(**OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), thread.resolved_by and thread.resolved_by.username) == (2, BOT)
    assert ["1 fixed thread" in words for words in post.said] == [True]


def test_resolved_by_a_person(gitlab: GitLabFake, post: Poster) -> None:
    """A thread that a person resolved, though nothing is fixed, is neither reopened nor repeated."""
    post.items(item(1, 10), **OFF)
    gitlab.resolve(gitlab.threads()[0])
    gitlab.forget_calls()
    posted = post.items(item(1, 10), **OFF)
    assert (gitlab.writes(), posted.at_lines) == ([], {item(1).key})
    post.items(**OFF)
    assert gitlab.writes() == []


def test_deleted_meanwhile(gitlab: GitLabFake, post: Poster) -> None:
    """A thread that somebody deletes before it is ended is no trouble."""
    post.items(item(1, 10), item(2, 30), **OFF)
    gitlab.when("POST", "/notes$", lambda fake: fake.request.discussions.remove(fake.threads()[0]))
    post.items(**OFF)
    (thread,) = gitlab.threads()
    assert (len(thread.notes), ["1 fixed thread" in words for words in post.said]) == (2, [True])


def test_back_again(gitlab: GitLabFake, post: Poster) -> None:
    """What comes back after it was said to be fixed is told anew."""
    for found in ((item(1, 10),), (), (item(1, 10),), (item(1, 10),)):
        post.items(*found, **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [2, 1]


def test_most(gitlab: GitLabFake, post: Poster) -> None:
    """No more than ``max_inline`` threads are open at a time, earlier ones among them."""
    found = [item(number, line) for number, line in enumerate(CHANGED, start=1)]
    assert len(post.items(*found, max_inline=3, **OFF).at_lines) == 3
    assert len(post.items(*found, max_inline=3, **OFF).at_lines) == 3
    assert len(post.items(*found[2:], max_inline=3, **OFF).at_lines) == 3
    assert len(gitlab.threads()) == 5


def test_two_runs_at_the_same_time(gitlab: GitLabFake, post: Poster) -> None:
    """Of two runs that both find no thread, the one that came second takes its own back."""

    def of_another_run(fake: GitLabFake) -> None:
        body = CommentMarker(INLINE, "default", fake.request.head_sha, 8, 0, (item(1).key,)).prepend_to("Wrong.")
        fake.thread(body, fake.tokens["project"].user)

    gitlab.when("POST", "/discussions$", of_another_run)
    posted = post.items(item(1, 10), item(2, 30), context=post.context(run=9), **OFF)
    assert [keys(thread) for thread in gitlab.threads()] == [(item(1).key,), (item(2).key,)]
    assert posted.at_lines == {item(1).key, item(2).key}


def told_by(fake: GitLabFake, run: int, *, body: str = "Wrong.") -> None:
    """Puts a thread about the first item, of another run."""
    marker = CommentMarker(INLINE, "default", fake.request.head_sha, run, 0, (item(1).key,))
    fake.thread(marker.prepend_to(body), fake.tokens["project"].user)


def test_repeated_threads_that_stay(gitlab: GitLabFake, post: Poster) -> None:
    """Only what this very run began is taken back, and not when somebody has answered it already."""
    told_by(gitlab, 7)
    told_by(gitlab, 7, body="Wrong again.")
    assert post.items(item(2, 30), item(1, 10), context=post.context(run=7), **OFF).lost == frozenset()
    assert len(gitlab.threads()) == 3  # of two old ones that say the same, both stay

    gitlab.request.discussions.clear()
    gitlab.when("POST", "/discussions$", lambda fake: told_by(fake, 7))
    gitlab.when("POST", "/discussions$", lambda fake: fake.reply(fake.threads()[-1], "Oh."), after=True)
    post.items(item(1, 10), context=post.context(run=9), **OFF)
    assert [len(thread.notes) for thread in gitlab.threads()] == [1, 2]


def test_repeated_by_a_later_run(gitlab: GitLabFake, post: Poster) -> None:
    """A thread of another run that came after this one's is left to that run."""
    gitlab.when("POST", "/discussions$", lambda fake: told_by(fake, 10), after=True)
    post.items(item(1, 10), context=post.context(run=9), **OFF)
    assert (len(gitlab.threads()), gitlab.calls("DELETE")) == (2, [])


def test_found_out_later(gitlab: GitLabFake, post: Poster) -> None:
    """A thread of which it cannot be seen at first whether it stands, and can a moment later, is not lost."""
    gitlab.fault("POST", "/discussions$", status=502, after_effect=True)
    gitlab.fault("GET", "/discussions$", status=502, times=3, skip=1)
    posted = post.items(item(1, 10), item(2, 30), **OFF)
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key})


def test_version_of_another_commit(gitlab: GitLabFake, post: Poster) -> None:
    """A version of the difference that is not of the commit that was reviewed gives no places."""
    gitlab.request.head_sha = "e" * 40
    posted = post.items(item(1, 10), **OFF)
    assert (places(gitlab), posted.at_lines) == ([None], {item(1).key})


def test_newer_commit_in_the_middle(gitlab: GitLabFake, post: Poster) -> None:
    """A push between two threads ends the writing where GitLab refuses a place: nothing is said on an old commit."""
    gitlab.fault("POST", "/discussions$", status=400, skip=1)
    gitlab.when("POST", "/discussions$", lambda fake: fake.push(fake.request.head_files), after=True)
    posted = post.items(item(1, 10), item(2, 30), item(3, 50))
    assert (posted.at_lines, posted.lost) == ({item(1).key}, {item(2).key, item(3).key})
    assert (len(gitlab.threads()), gitlab.notes()) == (1, [])
    assert any("newer commit" in words for words in post.said)


def test_spaced(gitlab: GitLabFake, post: Poster) -> None:
    """Writes are one after the other, a second apart."""
    post.items(*(item(number, line) for number, line in enumerate(CHANGED, start=1)))
    assert len(gitlab.writes()) == 6
    gitlab.assert_spaced(1.0)


def test_hostile_names(gitlab: GitLabFake, post: Poster) -> None:
    """No name is a command, a mention or a marker of ours, in threads or in the summary; nothing is said twice."""
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
