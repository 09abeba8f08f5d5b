"""Nothing of what is proposed is run, believed, or changed: seen at real repositories that try."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from git_repositories import ANY, APP, Repository, template, terraform

WIDENED = {"widened": ["main.tf aws_iam_role_policy.pass"]}
SUPPRESSED = "# passrole:skip=PASSROLE_015 as agreed\n"


def test_no_code_of_the_repository_runs(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks, filters, external diffs, text conversions, monitors, pagers and transports do not run, whatever the
    repository's attributes and configuration say."""
    marker = tmp_path / "was-run"
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\necho "$0 $*" >> {marker}\ncat\n', "utf-8")
    script.chmod(0o755)
    repository.commit({"main.tf": terraform(APP), "old.yaml": template(APP)})
    repository.commit({".gitattributes": "* filter=evil diff=evil merge=evil text\n", "main.tf": terraform(ANY)})
    for hook in ("pre-commit", "post-checkout", "post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (repository.folder / ".git" / "hooks" / hook).write_bytes(script.read_bytes())
        (repository.folder / ".git" / "hooks" / hook).chmod(0o755)
    for name in (
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.command", "diff.evil.textconv",
        "diff.external", "core.fsmonitor", "core.pager", "core.sshCommand", "pager.diff", "pager.ls-tree",
        "core.editor",
    ):  # fmt: skip
        repository.git("config", name, str(script))
    repository.git("config", "filter.evil.required", "true")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", str(script))
    monkeypatch.setenv("GIT_PAGER", str(script))
    marker.unlink(missing_ok=True)
    assert repository.diff("HEAD^", "HEAD").changes == WIDENED
    (repository.folder / "old.yaml").rename(repository.folder / "new.yaml")
    (repository.folder / "new.yaml").write_text(template(ANY), "utf-8")
    assert repository.diff("HEAD").changes == {"widened": ["new.yaml Pass"]}
    assert repository.diff("--staged").changes == {}
    assert not marker.exists(), marker.read_text("utf-8")


def test_repository_is_unchanged(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A dirty tree with staged and new files is as before afterwards, bit by bit, and no temporary file is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    repository.commit({"main.tf": terraform(APP), "a.yaml": template(APP)})
    repository.put({"main.tf": terraform(ANY)})
    repository.git("add", "main.tf")
    repository.put({"main.tf": terraform(APP) + "# more\n", "a.yaml": None, "b.yaml": template(ANY)})
    os.utime(repository.folder / "main.tf", (1, 1))  # git would like to write this into its index
    objects = sorted((repository.folder / ".git").rglob("*"))
    before = repository.state()
    index = (repository.folder / ".git" / "index").stat().st_mtime_ns
    for arguments in (("HEAD",), ("--staged",), ("HEAD", "HEAD"), ("HEAD", "nothing")):
        repository.diff(*arguments)
    assert (repository.folder / ".git" / "index").stat().st_mtime_ns == index
    assert sorted((repository.folder / ".git").rglob("*")) == objects
    assert repository.state() == before
    assert list((tmp_path / "temporary").iterdir()) == []


def test_git_takes_no_locks(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """git is always told to take no locks and to fetch, prompt and run nothing; while another git holds the lock of the
    index versions are compared all the same, and its lock stays."""
    git = shutil.which("git")
    log = tmp_path / "log"
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "git"
    told = "$GIT_OPTIONAL_LOCKS $GIT_NO_LAZY_FETCH $GIT_TERMINAL_PROMPT $GIT_ALLOW_PROTOCOL"
    wrapper.write_text(f'#!/bin/sh\necho "{told} $*" >> {log}\nexec {git} "$@"\n', "utf-8")
    wrapper.chmod(0o755)
    repository.commit({"main.tf": terraform(APP)})
    repository.commit({"main.tf": terraform(ANY)})
    repository.put({"main.tf": terraform(ANY, service="ec2.amazonaws.com"), "new.tf": terraform(APP, "new")})
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "1")
    lock = repository.folder / ".git" / "index.lock"
    lock.write_text("held", "utf-8")
    for arguments in (("HEAD^", "HEAD"), ("HEAD",), ("HEAD^...HEAD",), ("--staged", "HEAD^")):
        assert repository.diff(*arguments).status == 1, arguments
    assert lock.read_text("utf-8") == "held"
    calls = log.read_text("utf-8").splitlines()
    assert {line.partition(" --no-pager ")[0] for line in calls} == {"0 1 0 none"}
    assert all("core.fsmonitor=false" in line and "core.hooksPath=/dev/null" in line for line in calls)
    assert len(calls) > 20


@pytest.mark.parametrize(
    "path", ["../outside.yaml", "a/../../outside.yaml", ".git/config.yaml", ".GIT/x.yaml", "./x.yaml"]
)
def test_paths_outside_the_folder_are_skipped(repository: Repository, path: str) -> None:
    """A tree made by hand with names that git would not add is read without going where they lead."""
    first = repository.commit({"main.tf": terraform(APP)})
    blob = repository.git("hash-object", "-w", "--stdin", given=template(ANY).encode())
    parts = path.split("/")
    entry, mode = blob, "100644"
    for part in reversed(parts):
        raw = f"{mode} {part}".encode() + b"\0" + bytes.fromhex(entry)
        entry = repository.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw)
        mode = "40000"
    said = repository.diff(first, entry)
    assert said.changes == {"removed": ["main.tf aws_iam_role_policy.pass"]}
    assert [entry["reason"] for entry in said.json["not_evaluated"]] == ["its path leaves the folder or is too deep"]


@pytest.mark.parametrize("folder", ["...", "/".join(["a"] * 101)])
def test_change_at_a_skipped_path_is_reported(repository: Repository, folder: str) -> None:
    """A change at a path that is not written is reported, and an unchanged path is not, except in the working tree,
    where it is unknown.
    """
    path = f"{folder}/main.tf"
    repository.commit({path: terraform(APP)})
    repository.put({path: terraform(ANY)})

    def told(*arguments: str) -> bool:
        reasons = {one["file"]: one["reason"] for one in repository.diff(*arguments).json["not_evaluated"]}
        assert reasons[path] == "its path leaves the folder or is too deep"
        return "; 1 changed file not evaluated" in repository.diff(*arguments, text=True).out

    assert told("HEAD")
    repository.git("add", "--all")
    assert told("--staged")
    repository.commit()
    assert told("HEAD^", "HEAD")
    repository.commit({"other.tf": terraform(APP, "other")})
    assert not told("HEAD^", "HEAD")
    assert told("HEAD")
    repository.put({f"{folder}/new.tf": terraform(ANY)})
    assert "; 2 changed files not evaluated" in repository.diff("HEAD", text=True).out


def test_modules_outside_of_the_repository_are_unresolved(repository: Repository, tmp_path: Path) -> None:
    """A module outside of the repository is not evaluated, and none of its content is printed."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "main.tf").write_text(terraform(ANY, "secret"), "utf-8")
    up = "../" * 20
    repository.commit({"main.tf": terraform(APP)})
    repository.commit({"more.tf": f'module "m" {{\n  source = "{up}{(tmp_path / "secret").relative_to("/")}"\n}}\n'})
    said = repository.diff("HEAD^", "HEAD")
    assert [(note["kind"], note["file"], note["line"]) for note in said.json["not_evaluated"]] == [
        ("module", "more.tf", 1)
    ]
    assert "any_role" not in said.out
    assert '"secret"' not in said.out


def test_pipe_in_place_of_a_tracked_file_is_unreadable(repository: Repository) -> None:
    """In the working tree it is not a file that was removed."""
    repository.commit({"main.tf": terraform(APP), "other.tf": ""})
    (repository.folder / "main.tf").unlink()
    os.mkfifo(repository.folder / "main.tf")
    said = repository.diff("HEAD")
    assert (said.status, said.err.partition(": ")[0]) == (2, "main.tf")


def test_the_configuration_is_that_of_base(repository: Repository) -> None:
    """HEAD's pyproject.toml is ignored, with a note; BASE's applies."""
    quiet = '[tool.passrole_checks]\nfail_on = "never"\n'
    first = repository.commit({"main.tf": terraform(APP)})
    second = repository.commit({"main.tf": terraform(ANY), "pyproject.toml": quiet})
    said = repository.diff(first, second)
    assert (said.status, said.changes) == (1, WIDENED)
    assert [(entry["file"], entry["reason"]) for entry in said.json["not_evaluated"]] == [
        ("pyproject.toml", f"[tool.passrole_checks] differs from that of {first}, which is used")
    ]
    repository.commit({"main.tf": terraform(APP)})
    repository.commit({"main.tf": terraform(ANY), "pyproject.toml": None})
    assert repository.diff("HEAD^", "HEAD").status == 0
    assert repository.diff("HEAD^", "HEAD", "--fail-on", "medium").status == 1


def test_the_configuration_of_a_folder_below(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is BASE's pyproject.toml in the folder that one is in, as with the other commands."""
    repository.commit({"main.tf": terraform(APP), "in/pyproject.toml": '[tool.passrole_checks]\nfail_on = "never"\n'})
    repository.commit({"main.tf": terraform(ANY)})
    assert repository.diff("HEAD^", "HEAD").status == 1
    monkeypatch.chdir(repository.folder / "in")
    assert repository.diff("HEAD^", "HEAD").status == 0


@pytest.mark.parametrize(
    "content", ["[tool.passrole_checks]\nnonsense = 1\n", "not TOML", "[tool]\npassrole_checks = 1\n"]
)
def test_a_broken_configuration(repository: Repository, content: str) -> None:
    """A configuration of BASE that cannot be used is exit status 2; one of HEAD or the working tree is not used."""
    first = repository.commit({"main.tf": terraform(APP)})
    second = repository.commit({"pyproject.toml": content})
    assert repository.diff(second, second).err.startswith("pyproject.toml: ")
    assert repository.diff(second, second).status == 2
    assert repository.diff(first, second).status == 0


@pytest.mark.parametrize("kind", ["main.tf", "app.yaml", "app.yaml of one resource"])
def test_only_suppressions_of_base_are_honored(repository: Repository, kind: str) -> None:
    """A suppression added by the change is ignored, and that is reported; an existing one is honored."""
    file = kind.split()[0]
    make = terraform if file == "main.tf" else template

    def content(roles: str, suppressed: bool) -> str:
        text = make(roles)
        if not suppressed:
            return text
        if file == "main.tf":
            return text.replace("  role ", f"  {SUPPRESSED}  role ")
        return text.replace("    Type:", f"    {SUPPRESSED}    Type:") if "one" in kind else SUPPRESSED + text

    repository.commit({file: content(APP, suppressed=False)})
    repository.commit({file: content(ANY, suppressed=True)})
    repository.commit({file: "# moved down\n\n" + content(APP, suppressed=True)})
    repository.commit({file: content(ANY, suppressed=True)})
    said = repository.diff("HEAD~3", "HEAD~2")
    assert said.status == 1
    assert [entry["reason"] for entry in said.json["not_evaluated"]] == [
        "the suppression of PASSROLE_015 is ignored: it is new in this version"
    ]
    said = repository.diff("HEAD~1", "HEAD")
    assert (said.status, len(said.json["widened"]), said.json["not_evaluated"]) == (0, 1, [])


def test_a_suppression_cannot_move_to_another_statement(repository: Repository) -> None:
    """A suppression of one block says nothing of another one with the same header."""

    def values(first: str, second: str, roles: str) -> str:
        statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "%s" }'
        return (
            f"locals {{\n  {first}\n  one = {statement % APP}\n}}\n"
            f"locals {{\n  {second}\n  two = {statement % roles}\n}}\n"
            'resource "aws_iam_role_policy" "pass" {\n  role   = "deployer"\n'
            "  policy = jsonencode({ Statement = [local.one, local.two] })\n}\n"
        )

    repository.commit({"main.tf": values("", SUPPRESSED, APP)})
    repository.commit({"main.tf": values("", SUPPRESSED, ANY)})
    repository.commit({"main.tf": values(SUPPRESSED, "", APP)})
    repository.commit({"main.tf": values("", SUPPRESSED, ANY)})
    assert repository.diff("HEAD~1", "HEAD").status == 1


def test_files_of_values_are_those_of_each_version(repository: Repository, tmp_path: Path) -> None:
    """--var-file and --parameters name files of the repository: each version has its own. One from elsewhere, or one
    that git ignores, is for both. A file that no option names is compared as a variant."""
    main = 'variable "roles" {}\n' + terraform("${var.roles}")
    stack = "Parameters:\n  Roles: {Type: String}\n" + template("!Ref Roles").replace('"!Ref Roles"', "!Ref Roles")
    files = {"main.tf": main, "app.yaml": stack, ".gitignore": "local.*\n"}
    repository.commit({**files, "prod.tfvars": f'roles = "{APP}"\n', "prod.json": f'{{"Roles": "{APP}"}}'})
    repository.commit({"prod.tfvars": f'roles = "{ANY}"\n', "prod.json": f'{{"Roles": "{ANY}"}}'})
    said = repository.diff("HEAD^", "HEAD", "--var-file", "prod.tfvars")
    both = {"widened": ["app.yaml Pass", *WIDENED["widened"]]}
    assert said.changes == both
    causes = {entry["file"]: entry.get("cause") for entry in said.json["widened"]}
    assert causes == {"main.tf": {"file": "prod.tfvars", "line": 1}, "app.yaml": None}
    assert repository.diff("HEAD^", "HEAD", "--parameters", "prod.json").changes == both
    (repository.folder / "local.tfvars").write_text(f'roles = "{APP}"\n', "utf-8")
    (tmp_path / "outside.tfvars").write_text(f'roles = "{APP}"\n', "utf-8")
    for path in ("local.tfvars", str(tmp_path / "outside.tfvars")):
        said = repository.diff("HEAD^", "HEAD", "--var-file", path, "--parameters", f"Roles={APP}")
        assert (said.status, said.changes, said.err) == (0, {}, "")
    repository.commit({"new.tfvars": f'roles = "{ANY}"\n'})
    said = repository.diff("HEAD^", "HEAD", "--var-file", "new.tfvars")
    assert (said.status, said.changes, said.err) == (0, WIDENED, "")
    assert repository.diff("HEAD^", "HEAD", "--var-file", "none.tfvars").err.startswith("none.tfvars: ")
