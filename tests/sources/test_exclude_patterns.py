"""Exclude patterns, compared with git, and our own rules."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from passrole_checks.errors import ConfigurationError
from passrole_checks.sources.detect import discover
from passrole_checks.sources.files import exclude_patterns as matching
from passrole_checks.sources.files.exclude_patterns import Exclusions, find_pattern_problem, make_exclusions

FILES = (
    "a.tf",
    "b.yaml",
    "vendor/a.tf",
    "vendor/keep/a.tf",
    "app/vendor/x.tf",
    "app/vendor.tf",
    "app/sub/vendor/deep/y.tf",
    "app/sub/a.tf",
    "app/x y.tf",
    "app/#hash.json",
    "app/bad.tf",
    "app/bad.tf.json",
    "app/[b].tf",
    "app/é.tf",
    "app/line\nfeed/a.tf",
    "app/vendor\n/b.tf",
    "app/vendor.tf\n.tf",
)
PATTERNS = (
    ("vendor/",),
    ("vendor",),
    ("/vendor",),
    ("app/vendor",),
    ("vendor/*", "!vendor/keep/"),
    ("vendor/", "!vendor/keep/a.tf"),
    ("*.tf", "!a.tf"),
    ("!a.tf", "*.tf"),
    ("app/**/a.tf",),
    ("**/vendor/deep",),
    ("app/**",),
    ("/*", "!/app"),
    ("bad.t?",),
    ("[ab].tf",),
    (r"app/\[b\].tf",),
    (r"\#hash.json",),
    ("app/x y.tf",),
    ("é.tf",),
    ("sub/a.tf",),
    ("/app/sub/",),
    ("*.tf.json", "app/bad.*"),
    ("*", "!/app/", "!/app/**"),
    ("app/*", "!app/**/"),
    ("line?feed/",),
    ("app/vendor*",),
    ("**", "!*/", "!a.tf"),
    ("*.tf", "!vendor/"),
    ("**/[!a]*/**/a.tf", "a/!b", "a/#b"),
    ("vendor*", "!app/**", "sub/vendor/"),
    ("app/sub/**/",),
    ("app[!a]*.tf", "vendor[!b]a.tf"),
    (" a.tf", "a.tf /"),
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("Resources:\n  R: {Type: AWS::IAM::Role}\n" if name == "b.yaml" else "{}", "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path.resolve()


@pytest.mark.parametrize("patterns", PATTERNS, ids=" ".join)
def test_patterns_match_like_git(tree: Path, patterns: tuple[str, ...]) -> None:
    subprocess.run(["git", "init", "--quiet", "."], check=True)
    assert kept_by_us(tree, FILES, patterns) == kept_by_git(patterns)


def kept_by_us(top: Path, files: Collection[str], patterns: Sequence[str]) -> set[str]:
    exclusions = make_exclusions(patterns)
    return {name for name in files if not exclusions.excludes(top / name)}


def kept_by_git(patterns: Sequence[str]) -> set[str]:
    Path(".gitignore").write_text("\n".join(patterns) + "\n", "utf-8")
    listed = subprocess.run(
        ["git", "-c", "core.excludesFile=", "ls-files", "-z", "--others", "--exclude-per-directory=.gitignore"],
        capture_output=True,
        check=True,
    )
    return set(os.fsdecode(listed.stdout).split("\0")) - {"", ".gitignore"}


NAMES = ("a", "b", "ab", "a.tf", "b.tf", "x y", "[a]", "a*", " a", "a ")
PIECES = ("a", "b", "*", "?", "[ab]", "[!a]", r"\a", "a.tf", ".", "[", "]", " ", r"\*", "**")


def random_pattern(chance: random.Random) -> str:
    def part() -> str:
        return "".join(chance.choices(PIECES, k=chance.randint(1, 3)))

    parts = (chance.choice(["**", "a", "b", "*", part(), part()]) for _ in range(chance.randint(1, 3)))
    return (
        f"{chance.choice(['', '', '!'])}{chance.choice(['', '', '/'])}{'/'.join(parts)}{chance.choice(['', '', '/'])}"
    )


@pytest.mark.parametrize("seed", range(int(os.environ.get("EXCLUDE_FUZZ", "2"))))
def test_random_patterns_match_like_git(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of patterns that are accepted, nothing is hidden that git does not hide, and the other way around."""
    chance = random.Random(seed)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet", "."], check=True)
    for _ in range(60):
        path = tmp_path.joinpath(*chance.choices(NAMES, k=chance.randint(1, 4)))
        if not any(one.is_file() for one in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", "utf-8")
    files = kept_by_git([])
    compared = 0
    for _ in range(150):
        patterns = [random_pattern(chance) for _ in range(chance.randint(1, 3))]
        if find_pattern_problem(patterns) is None:
            compared += 1
            assert kept_by_us(tmp_path.resolve(), files, patterns) == kept_by_git(patterns), patterns
    assert compared > 75


@pytest.mark.parametrize("patterns", PATTERNS, ids=" ".join)
def test_exclusion_applies_to_walks_and_given_files(tree: Path, patterns: tuple[str, ...]) -> None:
    """A file is left out whether it is found in its folder or given by name."""
    exclusions = make_exclusions(patterns)
    by_walk = discover([tree], exclusions).excluded
    by_name = discover([tree / name for name in FILES], exclusions).excluded
    named = {path for path in by_name if not any(path.startswith(folder) for folder in by_walk if folder[-1] == "/")}
    assert named == {path for path in by_walk if path[-1] != "/"}
    assert {name for name in FILES if exclusions.excludes(tree / name)} == {os.path.relpath(path) for path in by_name}


def test_an_excluded_folder_is_not_listed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    scandir = os.scandir

    def noted(path: str) -> object:
        listed.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    found = discover([tree], make_exclusions(["vendor/"]))
    assert set(found.excluded) == {f"{tree}/{name}/" for name in ("vendor", "app/vendor", "app/sub/vendor")}
    assert listed and not any("vendor" in Path(path).parts for path in listed)


def test_only_excluded_infrastructure_is_reported(tree: Path) -> None:
    for name in ("notes.md", "picture.png"):
        (tree / name).write_text("", "utf-8")
    found = discover([tree], make_exclusions(["*.md", "*.png", "b.yaml"]))
    assert found.excluded == (str(tree / "b.yaml"),)


def test_patterns_outside_are_relative_to_the_given_path(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of the working directory, to the given folder or the folder of the given file."""
    (tree / "here").mkdir()
    monkeypatch.chdir(tree / "here")
    exclusions = make_exclusions(["/vendor", "/vendor.tf"], [tree, tree / "app" / "a.tf"])
    assert exclusions.excludes(tree / "vendor" / "a.tf")
    assert not exclusions.excludes(tree / "app" / "sub" / "vendor" / "deep" / "y.tf")
    assert not exclusions.excludes(tree / "app" / "vendor.tf")  # the first folder that contains it counts
    assert make_exclusions(["/vendor.tf"], [tree / "app" / "a.tf"]).excludes(tree / "app" / "vendor.tf")
    assert not make_exclusions(["*"], []).excludes(tree / "a.tf")


def test_link_is_excluded_by_its_name_and_its_target(tree: Path) -> None:
    (tree / "link.tf").symlink_to(tree / "a.tf")
    for pattern in ("link.tf", "/a.tf"):
        assert discover([tree / "link.tf"], make_exclusions([pattern])).units == ()


def test_relocated_exclusions_match_the_copy(tree: Path, tmp_path: Path) -> None:
    """Where a folder around the copied one is what patterns are relative to, or one within it."""
    copy = str(tmp_path / "copy")
    outer = make_exclusions(["/app/vendor"]).relocated(str(tree / "app"), copy)
    assert outer.excludes(f"{copy}/vendor/x.tf") and not outer.excludes(f"{copy}/sub/vendor/x.tf")
    inner = Exclusions(("/vendor",), ((str(tree / "app"), ""),)).relocated(str(tree), copy)
    assert inner.excludes(f"{copy}/app/vendor/x.tf") and not inner.excludes(f"{copy}/vendor/x.tf")
    beside = Exclusions(("/vendor",), ((str(tree / "app"), ""),)).relocated(str(tree / "vendor"), copy)
    assert not beside.excludes(f"{copy}/vendor/x.tf")


def test_exclusions_apply_in_other_processes(tree: Path) -> None:
    exclusions = make_exclusions(["vendor/"])
    assert exclusions.excludes(tree / "vendor" / "a.tf")
    assert pickle.loads(pickle.dumps(exclusions)) == exclusions


@pytest.mark.parametrize(
    "pattern",
    [
        "", " ", "# note", "!", "/", "[", "[a", "a\\", "[z-a]", "./vendor", "../x", "a/../b", "a/./b",
        "a*a*a*a*b", "****", "a/" * 40 + "b", "x" * 5_000, "***", "a/***/b", "[a/b]", "a//b",
        "a//", "a\nb", "a\0b",
    ],
)  # fmt: skip
def test_invalid_pattern_is_rejected(pattern: str) -> None:
    assert find_pattern_problem([pattern])
    with pytest.raises(ConfigurationError):
        make_exclusions(["vendor/", pattern])


@pytest.mark.parametrize(
    "pattern", ["**/a*a*a*/**/a*a*a*/**/a*a*a*b", "a*a*a*b", "a/**/a/a/**/b", "**/" + "a/" * 14 + "b"]
)
def test_matching_time_grows_with_the_path_length(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not exponentially with the number of wildcards."""
    steps: list[str] = []
    match = matching._part_matches
    monkeypatch.setattr(matching, "_part_matches", lambda part, name: steps.append(name) or match(part, name))

    def steps_for(depth: int) -> int:
        steps.clear()
        assert not matching._Pattern.of(pattern).matches(["aaaa"] * depth, False)
        return len(steps)

    assert steps_for(400) <= 2.2 * max(steps_for(200), 1)


def test_too_many_patterns_are_rejected() -> None:
    assert find_pattern_problem(["a"] * 1_000) is None
    assert find_pattern_problem(["a"] * 1_001)


def test_pathspec_is_imported_only_for_patterns(tree: Path) -> None:
    """Without patterns a scan does not pay for the library."""
    for options, wanted in (([], False), (["--exclude", "vendor/"], True)):
        code = (
            "import sys\nfrom passrole_checks.cli import main\n"
            f"main(['scan', 'b.yaml', '-q', *{options!r}])\nprint('pathspec' in sys.modules)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
        assert done.stdout.split()[-1] == str(wanted)
