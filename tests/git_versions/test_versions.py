"""Which versions of a repository ``diff`` compares, seen at real repositories."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from git_repositories import ANY, APP, Repository, template, terraform

WIDENED = {"widened": ["main.tf aws_iam_role_policy.pass"]}


def test_two_commits(repository: Repository) -> None:
    """Access that the second commit widens is reported under its path in the repository."""
    first = repository.commit({"main.tf": terraform(APP)})
    second = repository.commit({"main.tf": terraform(ANY)})
    said = repository.diff(first, second)
    assert (said.status, said.changes, said.err) == (1, WIDENED, "")
    assert said.json["base"] == {"name": first, "id": first}
    assert said.json["head"] == {"name": second, "id": second}
    assert said.json["widened"][0]["before"]["file"] == "main.tf"
    assert repository.diff(second, first).changes == {"narrowed": ["main.tf aws_iam_role_policy.pass"]}


@pytest.mark.parametrize("name", ["v1", "refs/tags/v1", "light", "side", "main~1", "HEAD^", ":/first"])
def test_names_of_commits(repository: Repository, name: str) -> None:
    """A commit may be named in every way that git knows: tags of both kinds, branches, ancestors, messages."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("commit", "--quiet", "--amend", "--message", "first")
    repository.git("tag", "--annotate", "--message", "one", "v1")
    repository.git("tag", "light")
    repository.git("branch", "side")
    repository.commit({"main.tf": terraform(ANY)})
    assert repository.diff(name, "HEAD").changes == WIDENED


def test_the_root_commit(repository: Repository) -> None:
    """The first commit is compared with the tree without files, which git knows everywhere; all is new."""
    empty = repository.git("hash-object", "-t", "tree", "--stdin", given=b"")
    root = repository.commit({"main.tf": terraform(APP)})
    assert repository.diff(empty, root).changes == {"new": ["main.tf aws_iam_role_policy.pass"]}
    assert repository.diff(f"{root}^", root).err == (f"{root}^: no such file or folder, and no commit, tag or branch\n")


def test_before_the_first_commit(repository: Repository) -> None:
    """Staged files before the first commit are compared with an empty tree."""
    repository.put({"main.tf": terraform(APP)})
    repository.git("add", "--all")
    assert repository.diff("--staged").changes == {"new": ["main.tf aws_iam_role_policy.pass"]}


@pytest.mark.parametrize("path", ["README.md", "src/app.py"])
def test_no_infrastructure_code_touched(repository: Repository, path: str) -> None:
    """A change of other files, and no change at all, are no change of access: exit status 0."""
    first = repository.commit({"main.tf": terraform(APP), path: "one"})
    second = repository.commit({path: "two"})
    assert repository.diff(first, second, text=True) == (0, "no change of PassRole access; 1 unchanged\n", "")
    assert repository.diff(first, first, text=True) == (0, "no change of PassRole access; 1 unchanged\n", "")


def test_no_infrastructure_code_at_all(repository: Repository) -> None:
    """A repository without infrastructure code has no access to compare: exit status 0."""
    first, second = repository.commit({"a.py": "1"}), repository.commit({"a.py": "2"})
    assert repository.diff(first, second, text=True) == (0, "no change of PassRole access; 0 unchanged\n", "")


def test_comments_and_layout_are_silent(repository: Repository) -> None:
    """A comment, another layout and other line ends are no change."""
    repository.commit({"main.tf": terraform(APP), "app.yaml": template(APP)})
    other = "# a comment\n\n" + terraform(APP).replace("  role   =", "\n  role =")
    repository.commit({"main.tf": other, "app.yaml": "# a comment\n" + template(APP).replace("Effect: ", "Effect:  ")})
    assert repository.diff("HEAD^", "HEAD", text=True).out == "no change of PassRole access; 2 unchanged\n"
    repository.commit({"main.tf": other.replace("\n", "\r\n"), "app.yaml": template(APP).replace("\n", "\r\n")})
    assert repository.diff("HEAD^", "HEAD", text=True).out == "no change of PassRole access; 2 unchanged\n"


def test_a_merge(repository: Repository) -> None:
    """A merge commit brings what it brings to its first parent; A...B leaves out what A has got meanwhile."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("switch", "--quiet", "--create", "side")
    repository.commit({"side.yaml": template(ANY)})
    repository.git("switch", "--quiet", "main")
    repository.commit({"main.tf": terraform(ANY)})
    assert repository.diff("main...side").changes == {"new": ["side.yaml Pass"]}
    assert repository.diff("main..side").changes == {
        "new": ["side.yaml Pass"], "narrowed": ["main.tf aws_iam_role_policy.pass"]
    }  # fmt: skip
    assert repository.diff("main...side").json["base"]["name"] == "the merge base of main and side"
    repository.git("merge", "--quiet", "--no-edit", "side")
    assert repository.diff("HEAD^1", "HEAD").changes == {"new": ["side.yaml Pass"]}
    assert repository.diff("HEAD^2", "HEAD").changes == WIDENED
    assert repository.diff("side...").changes == WIDENED
    assert repository.diff("...side").changes == {}


def test_several_merge_bases(repository: Repository) -> None:
    """After a criss-cross merge one merge base is taken, and it is said that there are several."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("branch", "side")
    first = repository.commit({"one.txt": "1"})
    repository.git("switch", "--quiet", "side")
    second = repository.commit({"two.txt": "2"})
    repository.git("merge", "--quiet", "--no-edit", first)
    repository.git("switch", "--quiet", "main")
    repository.git("merge", "--quiet", "--no-edit", second)
    repository.commit({"main.tf": terraform(ANY)})
    said = repository.diff("side...main")
    best = repository.git("merge-base", "side", "main")
    assert said.changes == WIDENED
    assert best in (first, second)
    assert said.json["base"]["id"] == best
    assert said.json["notes"] == [f"side and main have 2 merge bases; compared with the best, {best[:12]}"]
    text = repository.diff("side...main", text=True).out
    assert f"note: side and main have 2 merge bases; compared with the best, {best[:12]}\n" in text


def test_no_merge_base(repository: Repository) -> None:
    """Unrelated histories have no merge base: exit status 2, with what can be done."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("switch", "--quiet", "--orphan", "other")
    repository.commit({"other.tf": terraform(APP, "other")})
    assert repository.diff("main...other") == (
        2,
        "",
        "main...other: no merge base, because the histories are unrelated; to compare the two directly:"
        " passrole-checks diff main other\n",
    )


def test_a_shallow_clone(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the history that is needed: exit status 2, with the command that gets it; then it works."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("switch", "--quiet", "--create", "side")
    repository.commit({"main.tf": terraform(ANY)})
    repository.git("switch", "--quiet", "main")
    repository.commit({"README.md": "more"})
    clone = tmp_path / "clone"
    source = repository.folder.as_uri()
    repository.git("clone", "--quiet", "--depth=1", "--no-single-branch", source, str(clone))
    monkeypatch.chdir(clone)
    assert repository.diff("origin/main...origin/side") == (
        2, "", "origin/main...origin/side: no merge base in this shallow clone: git fetch --unshallow\n"
    )  # fmt: skip
    assert repository.diff("origin/main~1", "origin/side").err == (
        "origin/main~1: no such file or folder, and no commit, tag or branch"
        " (a shallow clone: git fetch --unshallow, or fetch that branch)\n"
    )
    assert repository.diff("origin/main", "origin/side").changes == WIDENED
    repository.git("-C", str(clone), "fetch", "--quiet", "--unshallow")
    assert repository.diff("origin/main...origin/side").changes == WIDENED


def test_a_partial_clone(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched behind one's back: exit status 2, with the command that gets the files; then it works. Files
    that did not change are not missed."""
    repository.commit({"main.tf": terraform(APP)})
    repository.commit({"main.tf": terraform(ANY)})
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--bare", "--filter=blob:none", repository.folder.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    said = repository.diff("main~1", "main")
    assert (said.status, said.changes, said.err) == (
        2, {}, "main.tf: its content is not in this clone; in a partial clone, run git fetch --refetch --no-filter\n"
    )  # fmt: skip
    repository.git("-C", str(clone), "fetch", "--quiet", "--refetch", "--no-filter", "origin", "main")
    assert repository.diff("main~1", "main").changes == WIDENED


def test_unchanged_files_of_a_partial_clone(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file that a partial clone lacks is not missed where it did not change."""
    repository.commit({"main.tf": terraform(APP), "data.json": "x" * 5_000})
    repository.commit({"main.tf": terraform(ANY)})
    repository.commit({"data.json": "y" * 5_000})
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repository.git("clone", "--quiet", "--bare", "--filter=blob:limit=4k", repository.folder.as_uri(), str(clone))
    monkeypatch.chdir(clone)
    said = repository.diff("main~2", "main~1")
    assert (said.status, said.changes) == (1, WIDENED)
    said = repository.diff("main~1", "main")
    assert (said.status, said.err.partition(":")[0]) == (2, "data.json")


def test_a_bare_repository(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two commits can be compared where there is no working tree; with a working tree they cannot."""
    repository.commit({"main.tf": terraform(APP)})
    repository.commit({"main.tf": terraform(ANY)})
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    monkeypatch.chdir(tmp_path / "bare")
    assert repository.diff("main~1", "main").changes == WIDENED
    assert repository.diff("main").status == 2


def test_the_working_tree(repository: Repository) -> None:
    """BASE alone is compared with what is on the disk, with new files that are not ignored; nothing is changed."""
    repository.commit({"main.tf": terraform(APP), "gone/main.tf": terraform(APP), ".gitignore": "ignored*\n"})
    repository.put({"main.tf": terraform(ANY), "gone/main.tf": None})
    repository.put({"new.yaml": template(ANY), "ignored.yaml": template(ANY)})
    before = repository.state()
    said = repository.diff("HEAD")
    assert said.changes == {"widened": ["main.tf aws_iam_role_policy.pass", "new.yaml Pass"]}
    assert (said.json["head"], repository.state()) == ({"name": "the working tree", "id": None}, before)


def test_what_is_staged(repository: Repository) -> None:
    """--staged compares the index and not the files on the disk, with HEAD or the commit that is named."""
    first = repository.commit({"main.tf": terraform(APP), "other.yaml": template(APP)})
    repository.commit({"other.yaml": template(ANY)})
    repository.put({"main.tf": terraform(ANY)})
    repository.git("add", "main.tf")
    repository.put({"main.tf": terraform(APP), "late.yaml": template(ANY)})
    before = repository.state()
    assert repository.diff("--staged").changes == WIDENED
    assert repository.diff("--staged", first).changes == {
        "widened": ["main.tf aws_iam_role_policy.pass", "other.yaml Pass"]
    }
    assert repository.state() == before


def test_the_index_of_a_hook(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hook git names the index to commit in the environment, and that one is compared."""
    repository.commit({"main.tf": terraform(APP)})
    other = repository.folder / ".git" / "other-index"
    repository.put({"main.tf": terraform(ANY)})
    repository.git("read-tree", "HEAD", env={"GIT_INDEX_FILE": str(other)})
    repository.git("add", "main.tf", env={"GIT_INDEX_FILE": str(other)})
    assert repository.diff("--staged").changes == {}
    monkeypatch.setenv("GIT_INDEX_FILE", str(other))
    assert repository.diff("--staged").changes == WIDENED


def test_conflicts_in_the_index(repository: Repository) -> None:
    """An index with conflicts is no version: exit status 2, with the file."""
    repository.commit({"main.tf": terraform(APP)})
    repository.git("switch", "--quiet", "--create", "side")
    repository.commit({"main.tf": terraform("arn:aws:iam::111122223333:role/b-*")})
    repository.git("switch", "--quiet", "main")
    repository.commit({"main.tf": terraform(ANY)})
    with pytest.raises(AssertionError):
        repository.git("merge", "--quiet", "side")
    assert repository.diff("--staged") == (
        2, "", "main.tf: unresolved merge conflict; resolve it and run git add first\n"
    )  # fmt: skip


def test_a_sparse_checkout(repository: Repository) -> None:
    """Files that a sparse checkout omits are not deleted."""
    repository.commit({"a/main.tf": terraform(APP), "b/main.tf": terraform(APP)})
    repository.git("sparse-checkout", "set", "--cone", "a")
    assert not (repository.folder / "b").exists()
    repository.put({"a/main.tf": terraform(ANY)})
    assert repository.diff("HEAD").changes == {"widened": ["a/main.tf aws_iam_role_policy.pass"]}


def test_announced_files(repository: Repository) -> None:
    """A file that is only announced (add --intent-to-add) is empty in the index, and full on the disk."""
    repository.commit({"a.txt": ""})
    repository.put({"main.tf": terraform(ANY)})
    repository.git("add", "--intent-to-add", "main.tf")
    assert repository.diff("--staged").changes == {}
    assert repository.diff("HEAD").changes == {"new": ["main.tf aws_iam_role_policy.pass"]}


def test_from_a_folder_below(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever in the repository it runs, the whole repository is compared, and files are named from its top."""
    repository.commit({"infra/main.tf": terraform(APP), "docs/a.md": ""})
    repository.commit({"infra/main.tf": terraform(ANY)})
    monkeypatch.chdir(repository.folder / "docs")
    said = repository.diff("HEAD^", "HEAD", text=True)
    assert said.out.startswith("~ infra/main.tf:5  aws_iam_role_policy.pass  widened  (medium)\n")


def test_a_path_wins(repository: Repository) -> None:
    """Two paths that exist are compared as paths, also where commits bear their names."""
    repository.commit({"old.yaml": template(APP), "new.yaml": template(ANY)})
    repository.git("tag", "old.yaml")
    repository.git("tag", "new.yaml")
    assert repository.diff("old.yaml", "new.yaml").changes == {"widened": ["new.yaml Pass"]}
    assert repository.diff("refs/tags/old.yaml", "refs/tags/new.yaml").changes == {}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "passrole-checks diff: expected BASE HEAD, BASE, --staged, or two paths (passrole-checks diff --help)"),
        (("a", "b", "c"), "passrole-checks diff: expected at most two versions, got 3 (passrole-checks diff --help)"),
        (("--staged", "a", "b"), "diff --staged: takes at most one commit, to compare with the index"),
        (("missing", "HEAD"), "missing: no such file or folder, and no commit, tag or branch"),
        (("HEAD", "main.tf"), "diff: main.tf is a path and HEAD a commit; give two of one kind, or omit main.tf"
         " to compare with the working tree"),
        (("main.tf",), "diff: main.tf is an existing path, which takes precedence; a second path is missing"
         " (a branch of this name is refs/heads/main.tf)"),
        (("--", "--output=x", "HEAD"), "--output=x: no such file or folder, and no commit, tag or branch"),
        (("HEAD:main.tf", "HEAD"), "HEAD:main.tf: no such file or folder, and no commit, tag or branch"),
    ],
)  # fmt: skip
def test_unresolvable_names_are_errors(repository: Repository, arguments: tuple[str, ...], complaint: str) -> None:
    """Names that cannot be compared give one error line and exit status 2."""
    repository.commit({"main.tf": terraform(APP)})
    assert repository.diff(*arguments) == (2, "", f"{complaint}\n")


def test_outside_of_a_repository(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a repository two names are paths, and one is not enough."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path.parent))
    assert repository.diff("main", "other").err == "main: no such file or folder\nother: no such file or folder\n"
    assert repository.diff("main").err == (
        f"{tmp_path}: not in a git repository; give two paths to compare without one\n"
    )


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_repository_of_another_user_exits_with_2(repository: Repository) -> None:
    """A repository that git does not trust is exit status 2, with the command by which one says that it is right."""
    repository.commit({"main.tf": terraform(APP)})
    for path in (repository.folder, repository.folder / ".git"):
        os.chown(path, 12345, 12345)
    said = repository.diff("HEAD", "HEAD")
    assert (said.status, said.err) == (
        2,
        f"{repository.folder}: git: detected dubious ownership in repository at '{repository.folder}':"
        f" git config --global --add safe.directory {repository.folder}\n",
    )


def test_without_git(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git, paths are still compared, and commits give exit status 2."""
    repository.commit({"old.yaml": template(APP), "new.yaml": template(ANY)})
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert repository.diff("HEAD") == (2, "", "git: not installed; it is needed to compare commits\n")
    assert repository.diff("old.yaml", "new.yaml").changes == {"widened": ["new.yaml Pass"]}
