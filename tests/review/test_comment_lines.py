"""Lines that a comment can be on."""

from __future__ import annotations

import itertools
import random

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, START, VARIABLE, Reviews, policy

from passrole_checks.git_versions import asked_for
from passrole_checks.review.comment_lines import Anchors, text_hunks
from passrole_checks.review.report import Anchor, Location

LINES = [f"line {number}\n" for number in range(1, 101)]


def text(changes: dict[int, str]) -> str:
    """A hundred lines, of which some (1-based) say something else."""
    return "".join(changes.get(number, line) for number, line in enumerate(LINES, 1))


CASES = {
    "a line": text({50: "changed\n"}),
    "two hunks": text({10: "changed\n", 90: "changed\n"}),
    "two lines that are near": text({10: "changed\n", 16: "changed\n"}),
    "two lines that are not": text({10: "changed\n", 18: "changed\n"}),
    "more lines": text({50: "line 50\nmore\nmore\n"}),
    "fewer lines": text({50: "", 51: ""}),
    "at the top": text({1: "changed\n"}),
    "at the end": text({100: "changed"}),
    "nothing left": "",
}


def hunks_of(repository: Reviews, before: str, after: str) -> list[tuple[int, int, list[int], list[tuple[int, int]]]]:
    repository.commit({"a.tf": before})
    repository.commit({"a.tf": after})
    asked = asked_for(["HEAD^", "HEAD"], staged=False, folder=repository.folder)
    assert asked is not None
    with asked.snapshots() as snapshots:
        found = Anchors(snapshots).hunks("a.tf")
    return [(one.first, one.last, sorted(one.changed), list(one.gone)) for one in found]


@pytest.mark.parametrize("after", CASES.values(), ids=CASES.keys())
def test_computed_hunks_equal_those_of_git(repository: Reviews, after: str) -> None:
    """Hunks are those of git, with three context lines; computed ones are equal."""
    before = "".join(LINES)
    own = text_hunks(before.encode().splitlines(keepends=True), after.encode().splitlines(keepends=True))
    found = hunks_of(repository, before, after)
    assert found == [(one.first, one.last, sorted(one.changed), list(one.gone)) for one in own]
    printed = repository.git("diff", "-U3", "HEAD^", "HEAD")
    heads = [line.split("+")[1].split(" ")[0] for line in printed.splitlines() if line.startswith("@@")]
    expected = []
    for head in heads:
        first, _, count = head.partition(",")
        length = int(count or 1)
        expected.append((int(first) + (length == 0), int(first) + (length == 0) + length - 1))
    assert [(first, last) for first, last, _, _ in found] == expected


def test_git_configuration_does_not_change_hunks(repository: Reviews) -> None:
    """Git's configuration of context, algorithm, colors and blank lines does not affect hunks."""
    before = "".join([*LINES[:20], "\n", *LINES[21:]])
    after = before.replace("line 20\n", "changed\n").replace("line 40\n", "changed\n")
    expected = hunks_of(repository, before, after)
    result = {
        "context": "10",
        "interHunkContext": "30",
        "suppressBlankEmpty": "true",
        "algorithm": "patience",
        "noprefix": "true",
    }
    for name, value in result.items():
        repository.git("config", f"diff.{name}", value)
    repository.git("config", "color.ui", "always")
    repository.git("config", "diff.external", "false")
    assert hunks_of(repository, before, after) == expected
    assert [(first, last) for first, last, _, _ in expected] == [(17, 23), (37, 43)]


def test_hunks_of_random_changes() -> None:
    """Lines outside of hunks are equal in both texts, and all differing lines are in hunks."""
    chance = random.Random(5)
    for _ in range(200):
        old = [b"%d\n" % chance.randrange(5) for _ in range(chance.randrange(30))]
        new = [line for line in old if chance.random() < 0.8]
        for _ in range(chance.randrange(4)):
            new.insert(chance.randrange(len(new) + 1), b"new %d\n" % chance.randrange(3))
        found = list(text_hunks(old, new))
        changed = set().union(*(one.changed for one in found))
        gone = {line for one in found for line, _ in one.gone}
        assert [line for number, line in enumerate(old, 1) if number not in gone] == [
            line for number, line in enumerate(new, 1) if number not in changed
        ]
        assert all(one.first <= line <= one.last for one in found for line in one.changed)
        assert all(one.last + 1 < other.first for one, other in itertools.pairwise(found))


def anchors(repository: Reviews, before: dict[str, str | None], after: dict[str, str | None]) -> list[Anchor | None]:
    return [item.anchor for item in repository.between(before, after).report.items]


def test_changed_statement_is_the_anchor(repository: Reviews) -> None:
    """The anchor of a changed statement is all of its lines in the hunk."""
    assert anchors(repository, {"main.tf": policy(APP)}, {"main.tf": policy(ANY)}) == [Anchor("main.tf", 5, 5)]


def test_a_long_statement_is_cut_to_one_hunk(repository: Reviews) -> None:
    """The anchor of a statement in several hunks is its lines in the first one."""
    notes = "".join(f"      # {number}\n" for number in range(20))
    long = f'{{\n      Effect = "Allow"\n{notes}      Action = "iam:PassRole"\n      Resource = "%s" }}'
    before = policy(long % "arn:aws:iam::111122223333:role/app-*")
    after = policy(long % "*").replace('Effect = "Allow"', 'Effect =   "Allow"')
    assert anchors(repository, {"main.tf": before}, {"main.tf": after}) == [Anchor("main.tf", 5, 9)]


def test_cause_is_the_anchor_of_an_unchanged_statement(repository: Reviews) -> None:
    """The anchor of an unchanged statement is the changed line that is its cause."""
    roles = "arn:aws:iam::111122223333:role/app-*"
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % roles}
    assert anchors(repository, before, {"variables.tf": VARIABLE % "*"}) == [Anchor("variables.tf", 3, 3)]


def test_cause_takes_precedence_over_context_lines(repository: Reviews) -> None:
    """A statement that is only context of a change does not get the comment; the changed line does."""
    roles = "arn:aws:iam::111122223333:role/app-*"
    one, other = (policy(FROM_VARIABLE) + VARIABLE % value for value in (roles, "*"))
    assert anchors(repository, {"main.tf": one}, {"main.tf": other}) == [Anchor("main.tf", 11, 11)]


def test_line_after_a_removed_cause_is_the_anchor(repository: Reviews) -> None:
    """The anchor of a removed Deny is the line at its position."""
    deny = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
    before, after = ({"main.tf": policy(*those)} for those in ((OPEN, deny, START), (OPEN, START)))
    assert anchors(repository, before, after) == [Anchor("main.tf", 6, 6)]


def test_file_is_the_anchor_of_other_changes(repository: Reviews) -> None:
    """The anchor is the file if it changed elsewhere and no cause is known."""
    asked = None
    repository.commit({"main.tf": "".join(LINES)})
    repository.commit({"main.tf": CASES["a line"]})
    asked = asked_for(["HEAD^", "HEAD"], staged=False, folder=repository.folder)
    assert asked is not None
    with asked.snapshots() as snapshots:
        found = Anchors(snapshots)
        assert found.anchor(Location("main.tf", 5, 9)) == Anchor("main.tf", 0, 0)
        assert found.anchor(Location("main.tf", 45, 48)) == Anchor("main.tf", 47, 48)
        assert found.anchor(Location("main.tf", 1, 100)) == Anchor("main.tf", 47, 53)
        assert found.anchor(Location("other.tf", 5, 9)) is None
        assert found.anchor(Location("other.tf", 5, 9), Location("main.tf", 50, 50)) == Anchor("main.tf", 50, 50)
        assert found.anchor(Location("other.tf", 5, 9), Location("main.tf", 5, 5)) is None


def test_names_that_are_not_utf8_have_no_anchor(repository: Reviews) -> None:
    """A file whose name is not UTF-8 has no anchor; odd names that are UTF-8 have one."""
    name = "odd \u00e4 [x] 'n\".tf"
    assert anchors(repository, {name: policy(APP)}, {name: policy(ANY)}) == [Anchor(name, 5, 5)]
    (repository.folder / "x").mkdir()
    for content in (policy(APP), policy(ANY)):
        with open(b"x/\xff.tf", "wb") as stream:
            stream.write(content.encode())
        repository.commit()
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert (item.at.file, item.anchor) == ("x/\udcff.tf", None)


def test_anchors_in_renamed_and_new_files(repository: Reviews) -> None:
    """In a renamed file changed lines are anchors, in a new file all lines."""
    notes = "".join(f"# {number}\n" for number in range(50))
    before, after = notes + policy(APP), notes + policy(ANY)
    assert anchors(repository, {"a/main.tf": before}, {"a/main.tf": None, "b/main.tf": after}) == [
        Anchor("b/main.tf", 55, 55)
    ]
    assert anchors(repository, {}, {"c/main.tf": policy(OPEN)}) == [Anchor("c/main.tf", 5, 5)]


def test_working_tree_has_hunks(repository: Reviews) -> None:
    """Files that are not git objects have hunks too."""
    repository.commit({"main.tf": policy(APP)})
    repository.put({"main.tf": "# more\n" + policy(ANY)})
    assert [item.anchor for item in repository.review("HEAD").report.items] == [Anchor("main.tf", 6, 6)]
