"""Files and names taken from a version, tested with real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from git_repositories import ANY, APP, Repository, template, terraform

from passrole_checks import cli
from passrole_checks.diff import Side, compare_versions
from passrole_checks.git_versions import relocate, resolve_versions
from passrole_checks.git_versions.git import Repository as GitRepository
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.model.configuration import NO_INPUTS, NoteKind, Unreadable

ODD = [
    "a b.yaml", "quote'd.yaml", 'double"d.yaml', "new\nline.yaml", "tab\there.yaml", "ünï/ço∂é.yaml", "-dash.yaml",
    "--output=x.yaml", ":(top)magic.yaml", "back\\slash.yaml", "star*.yaml", "#hash.yaml", " lead.yaml", "$(id).yaml",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_unusual_file_names_are_reported_unchanged(repository: Repository, name: str) -> None:
    """A file may have any name that git can store; it is reported unchanged from commits, the index and the disk."""
    repository.commit({name: template(APP)})
    repository.put({name: template(ANY)})
    expected = {"widened": [f"{name} Pass"]}
    assert repository.diff("HEAD").changes == expected
    repository.git("add", "--all")
    assert repository.diff("--staged").changes == expected
    repository.commit()
    assert repository.diff("HEAD~", "HEAD").changes == expected


def test_file_name_that_is_not_utf8(repository: Repository) -> None:
    """A file name of bytes that are no UTF-8 is one like others."""
    file = os.path.join(os.fsencode(repository.folder), b"caf\xe9.yaml")
    for roles in (APP, ANY):
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(template(roles))
        repository.commit()
    assert repository.diff("HEAD~", "HEAD").changes == {"widened": ["caf\udce9.yaml Pass"]}
    assert repository.diff("HEAD~", "HEAD", text=True).out.startswith("~ caf\\udce9.yaml:10  Pass  widened")


@pytest.mark.parametrize("where", ["commit", "index", "disk"])
def test_a_renamed_file(repository: Repository, where: str) -> None:
    """A template that is renamed and widened at the same time is widened, and neither new nor removed."""
    repository.commit({"old.yaml": template(APP)})
    repository.put({"old.yaml": None, "stacks/new.yaml": template(ANY)})
    arguments = {"commit": ("HEAD^", "HEAD"), "index": ("--staged",), "disk": ("HEAD",)}[where]
    if where == "index":
        repository.git("add", "--all")
    elif where == "commit":
        repository.commit()
    said = repository.diff(*arguments)
    assert said.changes == {"widened": ["stacks/new.yaml Pass"]}
    assert said.json["widened"][0]["before"]["file"] == "old.yaml"


@pytest.mark.parametrize("name", [*ODD, "carriage return\r"])
def test_renames_on_disk_take_one_call_of_git(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Any number of new files, with any names, is stored in one call to find renames."""
    new = f"stacks/{name}" if name.endswith(".yaml") else f"{name}/new.yaml"
    repository.commit({"old.yaml": template(APP)})
    repository.put({"old.yaml": None, new: template(ANY), **{f"{number}.txt": str(number) for number in range(9)}})
    commands: list[str] = []

    def recorded(self: GitRepository, arguments: list[str], extra: Any) -> Any:
        commands.append(arguments[0])
        return start(self, arguments, extra)

    start = GitRepository._start
    monkeypatch.setattr(GitRepository, "_start", recorded)
    assert repository.diff("HEAD").changes == {"widened": [f"{new} Pass"]}
    assert commands.count("hash-object") == 1


@pytest.mark.parametrize("where", ["commit", "index", "disk"])
def test_a_renamed_folder(repository: Repository, where: str) -> None:
    """A Terraform root whose folder is renamed is the same root, with what is changed in it."""
    more = 'variable "a" {\n  default = "1"\n}\n'
    repository.commit({"infra/main.tf": terraform(APP), "infra/vars.tf": more, "other/main.tf": terraform(APP)})
    repository.put({"infra/main.tf": None, "infra/vars.tf": None})
    repository.put({"live/prod/main.tf": terraform(ANY), "live/prod/vars.tf": more})
    arguments = {"commit": ("HEAD^", "HEAD"), "index": ("--staged",), "disk": ("HEAD",)}[where]
    if where == "index":
        repository.git("add", "--all")
    elif where == "commit":
        repository.commit()
    said = repository.diff(*arguments)
    assert said.changes == {"widened": ["live/prod/main.tf aws_iam_role_policy.pass"]}
    assert said.json["unchanged"] == 1


def test_a_file_that_moves_within_its_root(repository: Repository) -> None:
    """A resource that moves to another file of its Terraform root is unchanged."""
    repository.commit({"main.tf": terraform(APP), "b.tf": terraform(APP, "other")})
    repository.commit({"main.tf": None, "iam.tf": terraform(APP)})
    assert repository.diff("HEAD^", "HEAD").changes == {}


@pytest.mark.parametrize("where", ["commit", "index", "disk"])
def test_symbolic_links_are_not_followed(repository: Repository, tmp_path: Path, where: str) -> None:
    """A link is not followed, wherever it leads, neither is one in the way to a file; it is named, and what is said is
    not that nothing has changed."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "main.tf").write_text(terraform(ANY), "utf-8")
    repository.commit({"main.tf": terraform(APP)})
    (repository.folder / "link.tf").symlink_to(tmp_path / "outside" / "main.tf")
    (repository.folder / "folder").symlink_to(tmp_path / "outside")
    arguments = {"commit": ("HEAD^", "HEAD"), "index": ("--staged",), "disk": ("HEAD",)}[where]
    if where == "index":
        repository.git("add", "--all")
    elif where == "commit":
        repository.commit()
    said = repository.diff(*arguments)
    assert (said.status, said.changes) == (0, {})
    assert [(entry["file"], entry["reason"]) for entry in said.json["not_evaluated"]] == [
        ("folder", "a symbolic link, which is not followed"), ("link.tf", "a symbolic link, which is not followed")
    ]  # fmt: skip
    assert repository.diff(*arguments, text=True).out.endswith(
        "no change seen; 1 unchanged; 2 changed files not evaluated\n"
    )


def test_a_link_in_the_place_of_a_template(repository: Repository) -> None:
    """A template that becomes a link, or a link that becomes one, is not compared: neither removed nor new; and what
    was read before, and is not now, could not be read."""
    repository.commit({"app.yaml": template(APP), "other.txt": "x"})
    (repository.folder / "app.yaml").unlink()
    (repository.folder / "app.yaml").symlink_to("other.txt")
    repository.commit()
    reasons = {"a symbolic link, which is not followed", "not compared: its counterpart cannot be read"}
    lost = {"was infrastructure code before, and is no longer read: a symbolic link, which is not followed"}
    for arguments, status, more in ((("HEAD^", "HEAD"), 2, lost), (("HEAD", "HEAD^"), 0, set[str]())):
        said = repository.diff(*arguments)
        assert (said.status, said.changes) == (status, {})
        assert {entry["reason"] for entry in said.json["not_evaluated"]} == reasons | more


def test_symlink_or_broken_file_does_not_hide_new_root(repository: Repository) -> None:
    """A new root is reported as new, even if there is a symlink or a broken file below it."""
    (repository.folder / "docs").mkdir()
    (repository.folder / "docs" / "latest").symlink_to("v1")
    repository.commit({"tests/broken.yaml": "Resources:\n  A: {Type: AWS::IAM::Role, Properties: [\n"})
    repository.commit({"main.tf": terraform(ANY)})
    said = repository.diff("HEAD^", "HEAD")
    assert (said.status, said.changes) == (1, {"new": ["main.tf aws_iam_role_policy.pass"]})


def test_a_link_in_the_way(repository: Repository, tmp_path: Path) -> None:
    """A folder of tracked files that has become a link on the disk is not looked into."""
    repository.commit({"infra/main.tf": terraform(APP), "a.tf": terraform(APP)})
    (repository.folder / "infra").rename(tmp_path / "moved")
    (tmp_path / "moved" / "main.tf").write_text(terraform(ANY), "utf-8")
    (repository.folder / "infra").symlink_to(tmp_path / "moved")
    said = repository.diff("HEAD")
    assert (said.status, said.changes) == (2, {})
    assert {entry["file"] for entry in said.json["not_evaluated"]} == {"infra", "infra/main.tf"}


def test_submodules_are_not_read(repository: Repository, tmp_path: Path) -> None:
    """A submodule is named and not read, and its moving to another commit is no "no change"."""
    inner = Repository(tmp_path / "inner", repository._capture)
    inner.commit({"main.tf": terraform(APP)})
    repository.commit({"main.tf": terraform(APP)})
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.folder.as_uri(), "vendored")
    first = repository.commit()
    second = inner.commit({"main.tf": terraform(ANY)})
    repository.git("-C", "vendored", "-c", "protocol.file.allow=always", "fetch", "--quiet", "origin")
    repository.git("-C", "vendored", "checkout", "--quiet", second)
    repository.commit()
    for arguments in ((first, "HEAD"), (first,)):
        said = repository.diff(*arguments)
        assert (said.status, said.changes) == (0, {})
        assert [(entry["file"], entry["reason"]) for entry in said.json["not_evaluated"]] == [
            ("vendored", "a submodule; its files are not in this repository")
        ]
    assert "no change seen; 1 unchanged; 1 changed file not evaluated" in repository.diff(first, "HEAD", text=True).out


def test_line_ends(repository: Repository) -> None:
    """Only the widened line of a CRLF file is reported."""
    repository.commit({"main.tf": terraform(APP).replace("\n", "\r\n")})
    repository.commit({"main.tf": terraform(ANY).replace("\n", "\r\n")})
    assert repository.diff("HEAD^", "HEAD").changes == {"widened": ["main.tf aws_iam_role_policy.pass"]}


@pytest.mark.parametrize("side", ["old", "new"])
def test_unreadable_changed_file_is_an_error(repository: Repository, side: str) -> None:
    """If a changed file is unreadable in either version, the exit status is 2 and nothing counts as unchanged."""
    broken = "Resources:\n  A: {Type: AWS::IAM::Role, Properties: [\n"
    contents = (broken, template(APP)) if side == "old" else (template(APP), broken)
    for content in contents:
        repository.commit({"app.yaml": content})
    said = repository.diff("HEAD^", "HEAD", text=True)
    assert said.status == 2
    assert said.err.startswith("app.yaml:")
    assert said.out.endswith("ERROR: 1 of 1 file could not be read; nothing was checked; 0 changes; 0 unchanged\n")


def test_file_unreadable_in_both_versions_is_a_note(repository: Repository) -> None:
    """An unchanged file that cannot be read is a note; the other files are compared."""
    repository.commit({"tests/broken.yaml": "Resources:\n  A: {Type: AWS::IAM::Role, Properties: [\n", "a.md": "1"})
    repository.commit({"a.md": "2"})
    said = repository.diff("HEAD^", "HEAD")
    assert (said.status, said.err) == (0, "")
    (entry,) = said.json["not_evaluated"]
    assert (entry["file"], entry["reason"].split(":")[0]) == ("tests/broken.yaml", "as before, cannot be read")


def test_notes_common_to_both_versions_are_summarized(repository: Repository) -> None:
    """Items not evaluated in either version are one line of text, and one entry each in JSON."""
    module = 'module "%s" {\n  source = "acme/%s/aws"\n}\n'
    repository.commit({"a/main.tf": module % ("a", "a"), "b/main.tf": module % ("b", "b"), "c.tf": terraform(APP)})
    (repository.folder / "link").symlink_to("c.tf")
    repository.commit()
    repository.commit({"b/main.tf": module % ("b", "b") + module % ("c", "c")})
    said = repository.diff("HEAD^", "HEAD")
    assert [entry["file"] for entry in said.json["not_evaluated"]] == ["b/main.tf", "b/main.tf", "a/main.tf", "link"]
    assert repository.diff("HEAD^", "HEAD", text=True).out == (
        "note: not evaluated: 2 unresolved modules (--verbose lists them)\n"
        "note: 2 items could not be evaluated in either version (--verbose lists them)\n"
        "\n"
        "no change of PassRole access; 1 unchanged\n"
    )


def test_broken_terraform_counts_where_its_root_changes(repository: Repository) -> None:
    """An unreadable Terraform file may hide what a change of another one of its root does: exit status 2; in another
    root it is a note."""
    repository.commit({"a/main.tf": terraform(APP), "a/broken.tf": 'resource "a" "b" {\n', "b/main.tf": terraform(APP)})
    repository.commit({"b/main.tf": terraform("arn:aws:iam::111122223333:role/app-x")})
    repository.commit({"a/main.tf": terraform("arn:aws:iam::111122223333:role/app-x")})
    said = repository.diff("HEAD~2", "HEAD~1")
    assert (said.status, said.changes) == (0, {"narrowed": ["b/main.tf aws_iam_role_policy.pass"]})
    (entry,) = said.json["not_evaluated"]
    assert (entry["file"], entry["reason"].split(":")[0]) == ("a/broken.tf", "as before, cannot be read")
    assert repository.diff("HEAD~1", "HEAD").status == 2


def test_files_that_are_too_large(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file above the limit is not read: exit status 2 where it may hold access, and has changed."""
    monkeypatch.setattr("passrole_checks.git_versions.snapshot.LARGEST_FILE", 1000)
    large = template(APP) + "# " + "x" * 1000 + "\n"
    repository.commit({"app.yaml": template(APP), "photo.jpg": "x" * 2000})
    repository.commit({"app.yaml": large, "photo.jpg": "y" * 2000})
    repository.commit({"a.md": "1"})
    said = repository.diff("HEAD~2", "HEAD~1")
    assert (said.status, said.err) == (2, "app.yaml: not read, because it is larger than 1,000 bytes\n")
    assert repository.diff("HEAD~1", "HEAD").status == 0


@pytest.mark.parametrize(
    ("limit", "value", "complaint"),
    [
        ("trees.MOST_FILES", 1, "more than 1 files in one version"),
        ("snapshot.LARGEST_VERSION", 100, "the files up to this one exceed 100 bytes"),
    ],
)
def test_versions_that_are_too_large(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, complaint: str
) -> None:
    """A version above the limits is not read at all: exit status 2."""
    monkeypatch.setattr(f"passrole_checks.git_versions.{limit}", value)
    repository.commit({"main.tf": terraform(APP), "b.tf": terraform(APP, "b")})
    repository.commit({"main.tf": terraform(ANY)})
    said = repository.diff("HEAD^", "HEAD")
    assert said.status == 2
    assert said.err.endswith(f": {complaint}\n")


@pytest.mark.parametrize(
    ("leaf", "name", "complaint"),
    [
        ("f{}.tf", "d{}", "more than 2,000 files in one version"),
        ("", "d{}", "more than 2,000 folders in one version"),
        ("f{}.tf", "d{}" + 20_000 * "x", "prints more than 100,000,000 bytes"),
    ],
    ids=["files", "empty_folders", "long_names"],
)
@pytest.mark.parametrize(
    "command", ["diff base main", "diff main base", "diff main", "diff --staged main", "review base main"]
)
def test_few_objects_that_list_many_files(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    leaf: str,
    name: str,
    complaint: str,
) -> None:
    """Twelve trees of ten entries each list 10^12 files: git is stopped at the limit, with exit status 2."""
    entry = leaf and f"100644 blob {repository.git('hash-object', '-w', '--stdin', given=b'locals {}')}\t{leaf}\n"
    for _ in range(12):
        tree = repository.git("mktree", given="".join(entry.format(number) for number in range(10)).encode())
        entry = f"040000 tree {tree}\t{name}\n"
    base = repository.git("commit-tree", "-m", "base", repository.git("mktree", given=b""))
    head = repository.git("commit-tree", "-m", "head", "-p", base, tree)
    for branch, commit in (("base", base), ("main", head)):
        repository.git("update-ref", f"refs/heads/{branch}", commit)
    monkeypatch.setattr("passrole_checks.git_versions.trees.MOST_FILES", 2_000)
    calls: list[subprocess.Popen[bytes]] = []

    class RecordedCall(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            calls.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr("subprocess.Popen", RecordedCall)
    status = cli.main(command.split())
    said = capsys.readouterr().err
    assert (status, said.count("\n")) == (2, 1)
    assert said.endswith(f": {complaint}\n")
    assert all(call.returncode is not None for call in calls)
    assert calls[-1].returncode < 0  # killed, because nothing else ends a listing of 10^12 entries


@pytest.mark.parametrize("command", ["diff base main", "diff main base", "diff main", "review base main"])
@pytest.mark.parametrize("most", [2, 3])
def test_many_paths_of_one_object(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, most: int
) -> None:
    """Files that may contain code and have the same content are limited in number, in one folder or several."""
    names = [f"{folder}/{name}" for folder in "ab" for name in ("1.tf", "2.tf", "1.md", "2.md")]
    repository.commit(dict.fromkeys(names, ""))
    repository.git("branch", "base")
    repository.commit(dict.fromkeys(names, 'variable "a" {}\n'))
    monkeypatch.setattr("passrole_checks.git_versions.snapshot.MOST_COPIES", most)
    status = cli.main(command.split())
    complaint = f"more than {most} files with the content of another in one version\n"
    assert (status, capsys.readouterr().err.endswith(f": {complaint}")) == ((2, True) if most == 2 else (0, False))


def test_files_in_git_lfs(repository: Repository) -> None:
    """A template that git-lfs keeps elsewhere is named, and not taken for one that is gone."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
    repository.commit({"app.yaml": template(APP)})
    repository.commit({"app.yaml": pointer})
    said = repository.diff("HEAD^", "HEAD")
    assert said.changes == {}
    assert "stored in Git LFS; its content is not in the repository" in {
        entry["reason"] for entry in said.json["not_evaluated"]
    }


def test_a_repository_of_sha256(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repositories with the longer ids are read like others, from commits and from the disk."""
    folder = tmp_path / "long"
    folder.mkdir()
    repository.git("init", "--quiet", "--object-format=sha256", str(folder))
    other = Repository(folder, repository._capture)
    monkeypatch.chdir(folder)
    other.commit({"main.tf": terraform(APP), "old.yaml": template(APP)})
    other.put({"main.tf": terraform(ANY), "old.yaml": None, "new.yaml": template(APP)})
    assert other.diff("HEAD").changes == {"widened": ["main.tf aws_iam_role_policy.pass"]}
    other.commit()
    assert other.diff("HEAD^", "HEAD").changes == {"widened": ["main.tf aws_iam_role_policy.pass"]}


def test_skipped_symlinks_and_submodules_are_reported(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed symlinks and submodules are reported once each, with the reason; unchanged ones and
    other changes are not."""
    (repository.folder / "same.tf").symlink_to("main.tf")
    (repository.folder / "moved.tf").symlink_to("main.tf")
    (repository.folder / "gone.tf").symlink_to("main.tf")
    repository.commit({"main.tf": terraform(APP), "file.tf": ""})
    for name in ("moved.tf", "gone.tf", "file.tf"):
        (repository.folder / name).unlink()
    (repository.folder / "moved.tf").symlink_to("other.tf")
    (repository.folder / "file.tf").symlink_to("main.tf")
    (repository.folder / "new.tf").symlink_to("main.tf")
    repository.commit({"main.tf": terraform(ANY)})
    monkeypatch.chdir(repository.folder)
    asked = resolve_versions(["HEAD^", "HEAD"], staged=False, folder=repository.folder)
    assert asked is not None
    with asked.snapshots() as snapshots:
        old, new = (
            Side(folder, NO_INPUTS, tuple(unreadable), tuple(skipped), sealed=True)
            for folder, unreadable, skipped in zip(
                snapshots.folders, snapshots.unreadable, snapshots.skipped, strict=True
            )
        )
        changed = [(change.old, change.new) for change in snapshots.changed]
        found = compare_versions(old, new, ScanOptions(), changed=changed, trusted=False)
        known = relocate(found, {str(folder): "" for folder in snapshots.folders})
    reason = "a symbolic link, which is not followed"
    assert known.left_out_files == tuple(
        Unreadable(name, reason, kind=NoteKind.SKIPPED_PATH) for name in ("file.tf", "gone.tf", "moved.tf", "new.tf")
    )
    assert known.left_out == 4


def test_moved_note_is_reported_once(repository: Repository) -> None:
    """An item not evaluated in either version, at a shifted line, is reported once at its new line."""
    stack = (
        'resource "aws_cloudformation_stack" "s" {\n  name = "s"\n  template_url = "https://example.com/t.yaml"\n}\n'
    )
    repository.commit({"old.tf": terraform(APP) + stack})
    repository.git("mv", "old.tf", "main.tf")
    repository.commit({"main.tf": "\n\n" + terraform(APP) + stack})
    (entry,) = repository.diff("HEAD^", "HEAD").json["not_evaluated"]
    assert (entry["file"], entry["line"]) == ("main.tf", 3 + len(terraform(APP).splitlines()))
