"""``passrole-checks review``: what it writes, where, and its exit statuses."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, VARIABLE, Reviews, policy

from passrole_checks import cli
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.report import ReviewReport
from passrole_checks.review.report_json import MEMBER

ROLES = "arn:aws:iam::111122223333:role/app-*"


def test_text(repository: Reviews) -> None:
    """As text an item says who may pass what, before and after, because of what, and what to write instead."""
    before = {"main.tf": policy(FROM_VARIABLE, OPEN), "variables.tf": VARIABLE % ROLES}
    said = repository.between(before, {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % "*"}, text=True)
    assert said.status == 1
    assert (
        said.out
        == f"""\
+ main.tf:5  aws_iam_role_policy.pass  new, wider access
    who       deployer
  - roles     {ROLES}
  + roles     * (any role)
    services  lambda.amazonaws.com
    because of variables.tf:3
  high    PASSROLE_015 new-access
          deployer could pass {ROLES} to
          lambda.amazonaws.com, and now any role of the account.
  medium  PASSROLE_001 any-role
          Any role of the account can be passed, also one that can do more than
          the policy's holder. It is limited to lambda.amazonaws.com. By default
          (var.roles).
          Suggestion for variables.tf:3: takes back the change of this line.
            - default = "*"
            + default = "{ROLES}"

- main.tf:6  aws_iam_role_policy.pass  PASSROLE_002 any-service  fixed
- main.tf:6  aws_iam_role_policy.pass  removed

1 new, 1 fixed; 0 unchanged; 1 fails (medium or more)
"""
    )


def test_more_access_as_text(repository: Reviews) -> None:
    """Access that grows and is not flagged is told, a line each, and is no reason to fail."""
    more = APP.replace('"lambda.amazonaws.com"', '["lambda.amazonaws.com", "ec2.amazonaws.com"]')
    said = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(more)}, text=True)
    assert (said.status, said.out) == (
        0,
        "Also gives more, none of it flagged:\n"
        "  main.tf:5  aws_iam_role_policy.pass  services lambda.amazonaws.com -> lambda.amazonaws.com, "
        "ec2.amazonaws.com\n\nnothing new to flag; 0 unchanged\n",
    )


@pytest.mark.parametrize(
    ("before", "after", "arguments", "status"),
    [
        (APP, APP, (), 0),
        (ANY, ANY, (), 0),
        (ANY, APP, (), 0),
        (APP, ANY, (), 1),
        (APP, ANY, ("--fail-on", "never"), 0),
        (APP, OPEN.replace("app-*", "app"), ("--skip-check", "015"), 0),
        (APP, OPEN.replace("app-*", "app"), ("--skip-check", "015", "--fail-on", "low"), 1),
        (APP, "{", (), 2),
        (APP, ANY, ("--fail-on", "fatal"), 2),
        (APP, ANY, ("third",), 2),
    ],
)
def test_exit_status(repository: Reviews, before: str, after: str, arguments: tuple[str, ...], status: int) -> None:
    """0 where nothing new is as severe as asked for, 1 where something is, 2 where something cannot be read or used."""
    assert repository.between({"main.tf": policy(before)}, {"main.tf": policy(after)}, *arguments).status == status


def test_two_paths_are_no_versions(repository: Reviews) -> None:
    """Two folders are compared by another command, which is named."""
    repository.commit({"a/main.tf": policy(APP), "b/main.tf": policy(ANY)})
    said = repository.review("a", "b")
    assert (said.status, said.err) == (
        2, "review: compares versions of a git repository; passrole-checks diff compares paths\n",
    )  # fmt: skip


def test_staged_and_the_working_tree(repository: Reviews) -> None:
    """What is staged, and what is in the working tree, is reviewed without being touched."""
    repository.commit({"main.tf": policy(APP)})
    repository.put({"main.tf": policy(ANY)})
    repository.git("add", "main.tf")
    repository.put({"main.tf": policy(OPEN)})
    before = repository.state()
    assert [checks for *_, checks in repository.review("--staged").items] == [["015", "001"]]
    assert [checks for *_, checks in repository.review("HEAD").items] == [["015", "002"]]
    assert repository.state() == before


def test_a_baseline_is_that_of_base(repository: Reviews) -> None:
    """What BASE's baseline accepts is not told; one that the change brings counts later; a change of it is told."""
    repository.put({"main.tf": policy(ANY)})
    cli.main(["scan", ".", "--write-baseline", "accepted.json", "--fail-on", "never"])
    content = Path("accepted.json").read_text("utf-8")
    repository._capture.readouterr()
    start = repository.commit({"main.tf": policy(APP), "accepted.json": content})
    repository.commit({"main.tf": policy(ANY)})
    assert [checks for *_, checks in repository.review(start, "HEAD").items] == [["015", "001"]]
    assert [checks for *_, checks in repository.review(start, "HEAD", "--baseline", "accepted.json").items] == [["015"]]
    repository.commit({"accepted.json": json.dumps({"version": 1, "entries": []}), "x.tf": "# x\n"})
    said = repository.review(start, "HEAD", "--baseline", "accepted.json")
    assert [checks for *_, checks in said.items] == [["015"]]
    assert [(note.file, note.reason) for note in said.report.notes] == [
        ("accepted.json", f"the baseline differs from that of {start}, which is used")
    ]
    empty = repository.git("hash-object", "-t", "tree", "/dev/null")
    said = repository.review(empty, start, "--baseline", "accepted.json")
    assert [note.reason for note in said.report.notes] == ["the baseline is new here, and counts when it is merged"]


def test_the_configuration_is_that_of_base(repository: Reviews) -> None:
    """A change of the configuration does not change by what it is judged, and is told."""
    repository.commit({"main.tf": policy(APP), "pyproject.toml": '[tool.passrole_checks]\nfail_on = "high"\n'})
    repository.commit({"main.tf": policy(ANY), "pyproject.toml": '[tool.passrole_checks]\nfail_on = "never"\n'})
    said = repository.review("HEAD^", "HEAD")
    assert (said.report.fail_on, said.status) == ("high", 1)
    assert [note.file for note in said.report.notes] == ["pyproject.toml"]


@pytest.mark.parametrize(
    "line", ['output = "x.json"', 'var_file = "../x.tfvars"', 'parameters = "/etc/passwd"', 'baseline = "../b.json"']
)
def test_a_configuration_of_base_reaches_no_other_files(repository: Reviews, line: str) -> None:
    """As in a scan; what HEAD says does not count, so that it is no error there."""
    first = repository.commit({"main.tf": policy(APP)})
    second = repository.commit({"main.tf": policy(ANY), "pyproject.toml": f"[tool.passrole_checks]\n{line}\n"})
    assert repository.review(first, second).status == 1
    said = repository.review(second, second)
    assert (said.status, said.out) == (2, "")
    assert said.err.startswith("pyproject.toml: ")
    assert [path.name for path in repository.folder.iterdir() if path.suffix == ".json"] == []


def test_what_the_configuration_of_base_switches_off_is_named(repository: Reviews) -> None:
    """On standard error, also where the review finds nothing."""
    repository.commit({"main.tf": policy(APP), "pyproject.toml": '[tool.passrole_checks]\nskip_check = "any-role"\n'})
    repository.commit({"main.tf": policy(ANY)})
    said = repository.review("HEAD^", "HEAD")
    assert "PASSROLE_001" in said.err
    assert said.err.startswith("pyproject.toml: note: ")
    assert repository.review("HEAD^", "HEAD", "--quiet").err == ""


@pytest.mark.parametrize("option", ["--var-file", "--parameters", "--baseline"])
@pytest.mark.parametrize("path", ["values", "folder/values"])
def test_a_planted_link_in_the_place_of_a_file_of_values_is_not_read(
    repository: Reviews, option: str, path: str, tmp_path: Path
) -> None:
    """The working tree is HEAD's, and its link leads out of the repository."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "values").write_text('secret = "correct horse"\nnonsense {')
    start = repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(ANY)})
    (repository.folder / "values").symlink_to("../outside/values")
    (repository.folder / "folder").symlink_to("../outside")
    head = repository.commit()
    said = repository.review(start, head, option, path)
    assert said.status == 2
    assert said.err.startswith(f"{path}: not read")
    assert "horse" not in said.out + said.err


@pytest.mark.parametrize(("arguments", "status"), [((), 0), (("--strict",), 2)])
def test_what_is_not_evaluated(repository: Reviews, arguments: tuple[str, ...], status: int) -> None:
    """A link that comes is named; with --strict it is as if it could not be read."""
    repository.commit({"a/notes.md": "x", "b/main.tf": policy(ANY), "b/notes.md": "x"})
    (repository.folder / "a" / "main.tf").symlink_to("../b/main.tf")
    (repository.folder / "b" / "notes.md").unlink()
    (repository.folder / "b" / "notes.md").symlink_to("main.tf")
    repository.commit()
    said = repository.review("HEAD^", "HEAD", *arguments)
    report = said.report
    told = report.unreadable if arguments else report.not_evaluated
    assert "a/main.tf" in [note.file for note in told]
    assert "b/notes.md" not in [note.file for note in report.unreadable]
    assert (said.status, report.items, report.fixed) == (status, (), ())


def test_submodules_are_not_followed(repository: Reviews) -> None:
    """A submodule that comes is named, and nothing of it is fetched."""
    repository.commit({"main.tf": policy(APP)})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repository.git("commit", "--quiet", "--message", "submodule")
    report = repository.review("HEAD^", "HEAD").report
    assert [(note.file, note.reason) for note in report.not_evaluated] == [
        ("sub", "a submodule; its files are not in this repository")
    ]


def test_several_formats(repository: Reviews) -> None:
    """Each format goes to a file of its own."""
    repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)})
    formats = ("json", "markdown", "sarif", "github", "gitlab")
    arguments = [part for name in formats for part in ("--format", name, "--output", f"out.{name}")]
    said = repository.review("HEAD^", "HEAD", *arguments, "--format", "text", text=True)
    assert said.status == 1 and said.out.startswith("+ main.tf:5")
    assert "PASSROLE_001" in Path("out.markdown").read_text("utf-8")
    assert Path("out.github").read_text("utf-8").startswith("::error file=main.tf,line=5")
    assert {one["location"]["path"] for one in json.loads(Path("out.gitlab").read_text("utf-8"))} == {"main.tf"}


def sarif(said: str) -> list[tuple[str, str, str, bool]]:
    """Of each result: its check, its place, its state, and whether it is suppressed."""
    found = []
    for one in json.loads(said)["runs"][0]["results"]:
        at = one["locations"][0]["physicalLocation"]
        place = f"{at['artifactLocation']['uri']}:{at['region']['startLine']}"
        found.append((one["ruleId"][-3:], place, one["baselineState"], bool(one["suppressions"])))
    return sorted(found)


def test_sarif_compares(repository: Reviews) -> None:
    """In SARIF all findings of HEAD are new, updated or unchanged, those of BASE that are gone are absent, and
    suppressed ones stay suppressed."""
    skip = "# passrole:skip=PASSROLE_001 known\n"
    before = {
        "a.tf": policy(ANY, name="a"), "b.tf": policy(OPEN, name="b"), "c.tf": policy(OPEN, name="c"),
        "d.tf": policy(ANY, name="d", before=skip), "e.tf": policy(APP, name="e"),
    }  # fmt: skip
    after = {
        "a.tf": "\n" + policy(ANY, name="a"), "b.tf": policy(APP, name="b"), "e.tf": policy(ANY, name="e"),
        "c.tf": policy(OPEN.replace('"iam:PassRole"', '["iam:PassRole", "iam:GetRole"]'), name="c"),
    }  # fmt: skip
    said = repository.between(before, after, "--format", "sarif", text=True)
    assert sarif(said.out) == [
        ("001", "a.tf:6", "unchanged", False),
        ("001", "d.tf:6", "unchanged", True),
        ("001", "e.tf:5", "new", False),
        ("002", "b.tf:5", "absent", False),
        ("002", "c.tf:5", "updated", False),
    ]


def test_reports_of_the_scan_say_what_could_not_be_read(repository: Reviews) -> None:
    """SARIF and Code Quality of a version that could not be read in full say so, once for each file."""
    said = repository.between({"main.tf": policy(ANY)}, {"main.tf": "resource {{"}, "--format", "sarif", text=True)
    (invocation,) = json.loads(said.out)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (told,) = [one for one in invocation["toolExecutionNotifications"] if one["level"] == "error"]
    assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "main.tf"
    quality = json.loads(repository.review("HEAD^", "HEAD", "--format", "gitlab", text=True).out)
    assert [(one["check_name"], one["location"]["path"]) for one in quality] == [("unreadable", "main.tf")]


def test_sarif_of_nothing_changed(repository: Reviews) -> None:
    """Where nothing differs SARIF still holds all findings of HEAD: code scanning would take them for fixed."""
    said = repository.between({"main.tf": policy(ANY)}, {}, "--format", "sarif", text=True)
    assert (sarif(said.out), said.status) == ([("001", "main.tf:5", "unchanged", False)], 0)


def test_a_bundle(repository: Reviews) -> None:
    """A report that is written to a file is told again from that file, with what fails decided by whoever reads it."""
    repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)}, "--offline-bundle", MEMBER)
    told = repository.review("HEAD^", "HEAD", text=True)
    again = repository.review("--from-bundle", MEMBER, text=True)
    assert (again.out, again.status) == (told.out, 1)
    assert repository.review("--from-bundle", MEMBER, "--fail-on", "never").status == 0
    refused = repository.review("--from-bundle", MEMBER, "--format", "sarif", text=True)
    assert (refused.status, refused.out) == (2, "")
    Path("other.json").write_text("{}", "utf-8")
    assert repository.review("--from-bundle", "other.json").err == (
        "other.json: no bundle of a review: of version None, only 1 is known\n"
    )
    assert repository.review("--from-bundle", "none.json").err == "none.json: No such file or directory\n"
    assert repository.review("--from-bundle", MEMBER, "HEAD").status == 2


def test_accounts_are_masked_where_that_is_asked_for(repository: Reviews) -> None:
    """With --mask-accounts no account id is told, but in the lines that are to be written."""
    said = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(OPEN)}, "--mask-accounts")
    (item,) = said.report.items
    assert item.access is not None and item.access.roles == ("arn:aws:iam::ACCOUNT-1:role/app-*",)
    assert item.replacement is not None
    assert "111122223333" not in said.out.replace(json.dumps(item.replacement.text), "")


class Forge:
    """What is given to be posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[ReviewReport, Context, PostOptions]] = []
        self.at_lines: tuple[str, ...] = ()
        self.fault: Exception | None = None

    def post(self, report: ReviewReport, context: Context, options: PostOptions, say: Any) -> object:
        self.posted.append((report, context, options))
        if self.fault is not None:
            raise self.fault
        say("one comment")
        return types.SimpleNamespace(at_lines=self.at_lines)


@pytest.fixture
def forge(repository: Reviews, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Forge:
    """GitHub Actions at a commit that widens a policy, with a stand-in for what writes on GitHub."""
    made = Forge()
    module = types.ModuleType("passrole_checks.review.github")
    module.post = made.post
    monkeypatch.setitem(sys.modules, "passrole_checks.review.github", module)
    start = repository.commit({"main.tf": policy(APP)})
    head = repository.commit({"main.tf": policy(ANY)})
    event = tmp_path / "event.json"
    sides = {"head": {"sha": head, "ref": "topic"}, "base": {"sha": start, "ref": "main"}}
    event.write_text(json.dumps({"number": 7, "pull_request": sides}), "utf-8")
    for name, value in {
        "ACTIONS": "true", "EVENT_NAME": "pull_request", "EVENT_PATH": str(event), "SHA": head,
        "REPOSITORY": "example/app", "STEP_SUMMARY": str(tmp_path / "summary.md"), "TOKEN": "secret",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"GITHUB_{name}", value)
    return made


def test_what_is_posted(repository: Reviews, forge: Forge, tmp_path: Path) -> None:
    """In a pipeline the report is posted with the options, and the summary of the step is written."""
    said = repository.review(
        "--comment", "new", "--max-inline", "3", "--no-status", "--check-run", "--key", "k", text=True
    )
    ((report, context, options),) = forge.posted
    assert (len(report.items), context.number, said.status) == (1, 7, 1)
    assert options == PostOptions("new", 3, False, True, False, "k", "")
    assert said.err == "one comment\n"
    assert "PASSROLE_001" in (tmp_path / "summary.md").read_text("utf-8")
    assert "secret" not in said.out + said.err


def test_annotations_where_nothing_is_told_at_lines(repository: Reviews, forge: Forge) -> None:
    """What is not told at the lines of the change is annotated, but not within output for machines."""
    assert "::error file=main.tf,line=5" in repository.review(text=True).out
    forge.at_lines = ("key",)
    assert "::error" not in repository.review(text=True).out
    forge.at_lines = ()
    assert repository.review().items


@pytest.mark.parametrize("arguments", [("--post", "none"), ("--post", "gitlab")])
def test_what_is_not_posted(repository: Reviews, forge: Forge, arguments: tuple[str, ...]) -> None:
    """Nothing is posted where that is not asked for, or where it is another forge; the result stands."""
    said = repository.review(*arguments, text=True)
    assert (forge.posted, said.status) == ([], 1)
    assert bool(said.err) is ("gitlab" in arguments)


def test_what_is_no_commit_is_not_posted(repository: Reviews, forge: Forge) -> None:
    """Of the working tree nothing is written on the forge."""
    repository.put({"main.tf": policy(OPEN)})
    assert (repository.review("HEAD", text=True).status, forge.posted) == (1, [])
    assert repository.review("HEAD^", "HEAD", text=True).status == 1
    assert len(forge.posted) == 1


def test_a_fault_in_posting(repository: Reviews, forge: Forge) -> None:
    """Whatever goes wrong in posting, the exit status is that of the review."""
    forge.fault = RuntimeError("broken")
    said = repository.review(text=True)
    assert (said.status, said.err) == (
        1,
        "writing on github failed (RuntimeError), which is a fault of this program; the result stands\n",
    )


def test_a_library_that_is_missing(repository: Reviews, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what posting needs it is said how to get it."""
    monkeypatch.setitem(sys.modules, "passrole_checks.review.github", None)
    said = repository.review(text=True)
    assert said.status == 1 and said.err.endswith("pip install passrole-checks[bot]\n")


def test_nothing_is_posted_locally(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a pipeline nothing is posted, whatever tokens there are."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    said = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)}, text=True)
    assert (said.status, said.err) == (1, "")
