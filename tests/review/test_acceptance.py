"""Comments that accept items: parsing, the people and states for which they count, and hostile comments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports_of_tests import EMPTY, NEW, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.acceptance import accept_items
from passrole_checks.review.forge import AttestedComment, Contributors, Discussion, ForgeTraits, Target
from passrole_checks.review.http import ForgeError
from passrole_checks.review.markdown.inline import comment_text
from passrole_checks.review.markdown.markers import FIXED, INLINE, SUMMARY, CommentMarker
from passrole_checks.review.markdown.summary import summary
from passrole_checks.review.report import Acceptance, Anchor, Item, ReviewReport

BOT = "bot"
TARGET = Target(7)
TRAITS = ForgeTraits("forge", "Forge", "pull request", 1, (), (), (), "write", "write")
ITEMS = tuple(
    replace(item, fingerprint=f"{number}" * 32) for number, item in enumerate((WIDENED, NEW, UNKNOWN), start=6)
)


@dataclass
class Forge:
    """A forge with these comments, and teams by name (None: not readable)."""

    given: Sequence[Discussion] = ()
    people: Contributors = field(default_factory=lambda: Contributors(frozenset({"Author"})))
    teams: dict[str, set[str] | None] = field(default_factory=dict)
    target: Target = TARGET
    traits: ForgeTraits = TRAITS
    looked_up: list[tuple[str, str]] = field(default_factory=list)

    def find_request(self) -> Target:
        return self.target

    def viewer(self) -> str:
        return BOT

    def discussions(self) -> Sequence[Discussion]:
        return self.given

    def contributors(self) -> Contributors:
        return self.people

    def read_team(self, team: str) -> None:
        if self.teams.get(team) is None:
            raise ForgeError("GET /team", 404, "Not Found")

    def is_member(self, team: str, comment: AttestedComment) -> bool:
        self.looked_up.append((team, comment.author))
        return comment.author in (self.teams[team] or set())


def by(author: str, body: str, *, is_edited: bool = False, is_bot: bool = False) -> AttestedComment:
    return AttestedComment(author, "1", is_bot, is_edited, body)


def marker(*items: Item, kind: str = INLINE, key: str = "default", **fields: tuple[str, ...]) -> str:
    states = tuple(item.fingerprint for item in items)
    keys = tuple(item.key for item in items)
    return replace(CommentMarker(kind, key, items=keys, states=states), **fields).prepend_to("text")


def thread(*replies: AttestedComment, first: AttestedComment | None = None) -> Discussion:
    return Discussion((first or by(BOT, marker(ITEMS[0])), *replies))


def alone(author: str, body: str) -> Discussion:
    return Discussion((by(author, body),))


def decided(*discussions: Discussion, owners: tuple[str, ...] = ("olive",), forge: Forge | None = None) -> ReviewReport:
    forge = forge or Forge()
    forge.given = discussions
    return accept_items(replace(EMPTY, items=ITEMS, owners=owners), forge, "default")


def accepted(report: ReviewReport) -> list[int]:
    """Return the numbers of the accepted items."""
    return [number for number, item in enumerate(report.items) if item.accepted]


# -- the command


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("passrole: accept a lab", "a lab"),
        ("PassRole:  Accept\ta  lab\r\nmore text", "a lab"),
        ("\n\n  passrole: accept a lab", "a lab"),
        ("> **High severity.**\r\n>\r\n> more\r\n\r\npassrole: accept a lab", "a lab"),
        ("passrole:\N{NO-BREAK SPACE}accept a lab", "a lab"),
        ("passrole: accept 1a2b3c4d5e6f has it", "1a2b3c4d5e6f has it"),
    ],
)
def test_command_is_the_first_line(body: str, reason: str) -> None:
    report = decided(thread(by("olive", body)))
    assert report.items[0].accepted == Acceptance("olive", reason)
    assert accepted(report) == [0]


@pytest.mark.parametrize(
    "body",
    [
        "> passrole: accept a lab",
        "> text that goes on in the next line\npassrole: accept a lab",
        "    passrole: accept a lab",
        "```\npassrole: accept a lab",
        "please do\npassrole: accept a lab",
        "`passrole: accept a lab`",
        "passrole: acceptable",
        "passrole: do not accept",
        "<!-- --> passrole: accept a lab",
    ],
)
def test_other_text_is_no_command(body: str) -> None:
    report = decided(thread(by("olive", body)))
    assert (accepted(report), report.notes) == ([], ())


@pytest.mark.parametrize("reason", ["", " ", "\u200b\u200b", "...", "\u2800"])
def test_reason_is_required(reason: str) -> None:
    report = decided(thread(by("olive", f"passrole: accept {reason}")))
    assert accepted(report) == []
    assert "no reason" in report.notes[0].reason


def test_short_keys_name_items() -> None:
    """Short keys name items in any comment but one in another's thread; several may be quoted."""
    first, second, _ = (item.short_key for item in ITEMS)
    assert accepted(decided(alone("olive", f"passrole: accept {first} `{second.upper()}` a lab"))) == [0, 1]
    assert accepted(decided(alone("olive", f"passrole: accept {first}, `{second}`: a lab"))) == [0, 1]
    assert accepted(decided(thread(by("olive", f"passrole: accept {second} a lab")))) == [1]
    summary_comment = by(BOT, marker(kind=SUMMARY), is_edited=True)  # we edit it ourselves
    reply = by("olive", f"passrole: accept {second} a lab")
    assert accepted(decided(thread(reply, first=summary_comment))) == [1]
    assert accepted(decided(alone("olive", f"passrole: accept {first}"))) == []


def test_comment_that_names_nothing_is_explained() -> None:
    """A comment outside of our threads without a key accepts nothing; a reply in another review is ignored."""
    report = decided(alone("olive", "passrole: accept a lab"))
    assert accepted(report) == []
    assert ["names no finding" in note.reason for note in report.notes] == [True]
    other = by(BOT, marker(ITEMS[0], key="other"))
    assert decided(thread(by("olive", "passrole: accept a lab"), first=other)).notes == ()


def test_short_key_of_another_state_does_not_count() -> None:
    key = f"{ITEMS[0].key[:8]}-{'a' * 20}"
    report = decided(alone("olive", f"passrole: accept {key} a lab"))
    assert accepted(report) == []
    assert ITEMS[0].short_key in report.notes[0].reason


def test_reply_accepts_all_items_that_a_comment_shows() -> None:
    """Items that the comment only counts are not accepted, and items in another state are not."""
    shown = marker(ITEMS[0], ITEMS[1], ITEMS[2], states=(ITEMS[0].fingerprint, "0" * 32))
    report = decided(thread(by("olive", "passrole: accept a lab"), first=by(BOT, shown)))
    assert accepted(report) == [0]
    assert len(report.notes) == 2


# -- what does not count


@pytest.mark.parametrize(
    ("comment", "says"),
    [
        (by("mallory", "passrole: accept a lab"), "not among the owners"),
        (by("AUTHOR", "passrole: accept a lab"), "author or committer"),
        (by("olive", "passrole: accept a lab", is_edited=True), "edited"),
        (by("olive", "passrole: accept a lab", is_bot=True), "not bots"),
        (by("Bot", "passrole: accept a lab"), "not bots"),
        (by("", "passrole: accept a lab"), "not bots"),
    ],
)
def test_refusals_are_explained(comment: AttestedComment, says: str) -> None:
    report = decided(thread(comment), owners=("olive", "author", "bot"))
    assert accepted(report) == []
    assert [says in note.reason for note in report.notes] == [True]


@pytest.mark.parametrize(
    "first",
    [
        by("mallory", marker(ITEMS[0])),
        by(BOT, "no marker"),
        by(BOT, marker(ITEMS[0], kind=FIXED)),
        by(BOT, marker(ITEMS[0], key="other")),
        by(BOT, marker(ITEMS[0]), is_edited=True),
        by(BOT, marker(ITEMS[0], states=())),
    ],
)
def test_reply_counts_only_to_a_comment_of_ours(first: AttestedComment) -> None:
    """The comment must be by our account, of the same review, and unedited, and name the state that it shows."""
    assert accepted(decided(thread(by("olive", "passrole: accept a lab"), first=first))) == []


def test_marker_in_a_reply_names_nothing() -> None:
    replies = by(BOT, marker(ITEMS[1])), by("olive", "passrole: accept a lab")
    assert accepted(decided(thread(*replies))) == [0]


@pytest.mark.parametrize("changed", [replace(ITEMS[0], fingerprint="a" * 32), replace(ITEMS[0], key="b" * 32)])
def test_changed_item_counts_again(changed: Item) -> None:
    forge = Forge([thread(by("olive", "passrole: accept a lab"))])
    report = replace(EMPTY, items=(changed,), owners=("olive",), fail_on=Severity.LOW)
    assert len(accept_items(report, forge, "default").failing) == 1


def test_first_valid_comment_counts() -> None:
    """Comments that do not count are not reported once another one does."""
    report = decided(
        thread(by("mallory", "passrole: accept x"), by("olive", "passrole: accept"), by("olive", "passrole: accept y"))
    )
    assert (report.items[0].accepted, report.notes) == (Acceptance("olive", "y"), ())


def test_comments_about_gone_items_are_ignored() -> None:
    gone = replace(ITEMS[0], key="c" * 32)
    report = decided(thread(by("mallory", "passrole: accept x"), first=by(BOT, marker(gone))))
    assert report.notes == ()


# -- owners


@pytest.mark.parametrize(("owner", "is_owner"), [("@Olive", True), ("OLIVE", True), ("oliv", False), ("olive*", False)])
def test_logins_are_compared_without_case(owner: str, is_owner: bool) -> None:
    assert bool(accepted(decided(thread(by("olive", "passrole: accept x")), owners=(owner,)))) is is_owner


def test_teams_are_looked_up_once_for_each_person() -> None:
    forge = Forge(teams={"acme/a": {"olive"}, "acme/b": set(), "acme/c": None})
    replies = [
        by(name, f"passrole: accept {ITEMS[1].short_key} x") for name in ("mallory", "mallory", "olive", "olive")
    ]
    report = decided(thread(*replies), owners=("acme/b", "acme/a", "acme/c", "a b"), forge=forge)
    assert accepted(report) == [1]
    assert forge.looked_up == [(team, name) for name in ("mallory", "olive") for team in ("acme/b", "acme/a")]
    assert [note.reason.split(" is ")[0] for note in report.notes] == [
        f"accept_owners: {'a b'!r}",
        "The owner acme/c in accept_owners",
    ]


def test_flood_of_comments_is_bounded() -> None:
    """Look-ups and notes are bounded, and the owner's comment still counts."""
    forge = Forge(teams={"acme/a": set()})
    flood = [by(f"user{number}", "passrole: accept x") for number in range(300)]
    second = [by(f"user{number}", f"passrole: accept {ITEMS[1].short_key} x") for number in range(300)]
    report = decided(
        thread(*flood, *second, by("olive", "passrole: accept y")), owners=("acme/a", "olive"), forge=forge
    )
    assert (accepted(report), len(forge.looked_up), len(report.notes)) == ([0], 50, 21)


@given(st.text(), st.text(), st.text())
def test_any_comment_is_harmless(author: str, body: str, reason: str) -> None:
    """With any comments only an owner accepts, and the summary has no marker of theirs."""
    discussions = [thread(by(author, body), by(author, f"passrole: accept {reason}")), alone(author, body)]
    report = decided(*discussions, thread(by("olive", f"passrole: accept x{reason}")))
    assert accepted(report) == [0]
    assert report.items[0].accepted is not None
    text = summary(report, Links())
    assert "<!--" not in text


# -- reports


def test_accepted_items_do_not_fail() -> None:
    report = decided(thread(by("olive", "passrole: accept x")))
    assert ITEMS[0].key not in {item.key for item in report.failing}
    assert (len(report.open), len(report.accepted)) == (2, 1)
    text = summary(report, Links())
    assert "## iam:PassRole: 2 new problems, 1 accepted" in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "<br>" in line]
    assert ["accepted" in row for row in rows] == [False, False, True]


def test_only_owners_make_comments_mention_acceptance() -> None:
    anchor = Anchor("a.tf", 0, 0)
    report = replace(EMPTY, items=ITEMS)
    assert "passrole: accept" not in comment_text(ITEMS, report, Links(), anchor)[0] + summary(report, Links())
    report = replace(report, owners=("olive",))
    assert "passrole: accept REASON" in comment_text(ITEMS, report, Links(), anchor)[0]
    assert all(f"passrole: accept {item.short_key} REASON" in summary(report, Links()) for item in ITEMS)


def test_closed_request_has_no_acceptance() -> None:
    report = decided(thread(by("olive", "passrole: accept x")), forge=Forge(target=Target(0, "it is closed")))
    assert accepted(report) == []
    assert "unknown" in report.notes[0].reason and "it is closed" in report.notes[0].reason
