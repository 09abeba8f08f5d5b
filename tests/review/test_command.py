"""``passrole-checks review``: outputs and exit statuses."""

from __future__ import annotations

import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from reviews_of_tests import ANY, APP, OPEN, OPEN_VARIABLE, VARIABLE, Reviews, policy

from passrole_checks import cli
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.report import ReviewReport
from passrole_checks.review.report_json import ZIP_MEMBER

ROLES = "arn:aws:iam::111122223333:role/app-*"


def test_text_describes_items(repository: Reviews) -> None:
    """The text of an item names the access before and after, the cause and the fix."""
    before = {"main.tf": policy(OPEN_VARIABLE, OPEN), "variables.tf": VARIABLE % ROLES}
    result = repository.between(before, {"main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % "*"}, text=True)
    assert result.status == 1
    assert (
        result.out
        == f"""\
! main.tf:5  aws_iam_role_policy.pass  worse, wider access
    who       deployer
  - roles     {ROLES}
  + roles     * (any role)
    services  any service
    cause      variables.tf:3
  high    PASSROLE_001 any-role
          This statement allows passing any role in the account, including roles
          more privileged than the principal itself. Using the default of
          `var.roles`.
  high    PASSROLE_015 new-access
          deployer could pass {ROLES} to any
          service, and now any role in the account.
          Suggestion for variables.tf:3: reverts the change of this line.
            - default = "*"
            + default = "{ROLES}"

- main.tf:6  aws_iam_role_policy.pass  PASSROLE_002 any-service  fixed

1 worse, 1 fixed; 0 unchanged in 2 affected files; 1 fails (medium or more)
"""
    )


def test_unflagged_access_is_listed_and_does_not_fail(repository: Reviews) -> None:
    """Wider access that no check flags is listed and does not fail."""
    more = APP.replace('"lambda.amazonaws.com"', '["lambda.amazonaws.com", "ec2.amazonaws.com"]')
    result = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(more)}, text=True)
    assert (result.status, result.out) == (
        0,
        "Wider access that no check flags:\n"
        "  main.tf:5  aws_iam_role_policy.pass  services lambda.amazonaws.com -> lambda.amazonaws.com, "
        "ec2.amazonaws.com\n\nnothing new to flag; 0 unchanged in 1 affected file\n",
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
    """0 if nothing new reaches the threshold, 1 if something does, 2 for unreadable or unusable input."""
    assert repository.between({"main.tf": policy(before)}, {"main.tf": policy(after)}, *arguments).status == status


def test_two_paths_are_refused(repository: Reviews) -> None:
    """Two folders are refused, and the error names the command for them."""
    repository.commit({"a/main.tf": policy(APP), "b/main.tf": policy(ANY)})
    result = repository.review("a", "b")
    assert (result.status, result.err) == (
        2, "review: expected git versions, not paths (to compare paths: passrole-checks diff)\n",
    )  # fmt: skip


def test_staged_and_the_working_tree(repository: Reviews) -> None:
    """Staged changes and the working tree are reviewed without being modified."""
    repository.commit({"main.tf": policy(APP)})
    repository.put({"main.tf": policy(ANY)})
    repository.git("add", "main.tf")
    repository.put({"main.tf": policy(OPEN)})
    before = repository.state()
    assert [checks for *_, checks in repository.review("--staged").items] == [["001", "015"]]
    assert [checks for *_, checks in repository.review("HEAD").items] == [["002", "015"]]
    assert repository.state() == before


def test_baseline_of_base_applies(repository: Reviews) -> None:
    """The baseline of BASE applies; a new one applies once it is merged, and a changed one is noted."""
    repository.put({"main.tf": policy(ANY)})
    cli.main(["scan", ".", "--write-baseline", "accepted.json", "--fail-on", "never"])
    content = Path("accepted.json").read_text("utf-8")
    repository._capture.readouterr()
    start = repository.commit({"main.tf": policy(APP), "accepted.json": content})
    repository.commit({"main.tf": policy(ANY)})
    assert [checks for *_, checks in repository.review(start, "HEAD").items] == [["001", "015"]]
    assert [checks for *_, checks in repository.review(start, "HEAD", "--baseline", "accepted.json").items] == [["015"]]
    repository.commit({"accepted.json": json.dumps({"version": 1, "entries": []}), "x.tf": "# x\n"})
    result = repository.review(start, "HEAD", "--baseline", "accepted.json")
    assert [checks for *_, checks in result.items] == [["015"]]
    assert [(note.file, note.reason) for note in result.report.notes] == [
        ("accepted.json", f"the baseline differs from that of {start[:12]}, which is used")
    ]
    empty = repository.git("hash-object", "-t", "tree", "/dev/null")
    result = repository.review(empty, start, "--baseline", "accepted.json")
    assert [note.reason for note in result.report.notes] == ["the baseline is new and applies once it is merged"]


def test_configuration_of_base_applies(repository: Reviews) -> None:
    """A changed configuration does not affect the review of the change, and is noted."""
    repository.commit({"main.tf": policy(APP), "pyproject.toml": '[tool.passrole_checks]\nfail_on = "low"\n'})
    repository.commit({"main.tf": policy(ANY), "pyproject.toml": '[tool.passrole_checks]\nfail_on = "never"\n'})
    result = repository.review("HEAD^", "HEAD")
    assert (result.report.fail_on, result.status) == ("low", 1)
    assert [note.file for note in result.report.notes] == ["pyproject.toml"]


@pytest.mark.parametrize(
    "line", ['output = "x.json"', 'var_file = "../x.tfvars"', 'parameters = "/etc/passwd"', 'baseline = "../b.json"']
)
def test_a_configuration_of_base_reaches_no_other_files(repository: Reviews, line: str) -> None:
    """As in a scan; the configuration of HEAD is ignored, so it is no error there."""
    first = repository.commit({"main.tf": policy(APP)})
    second = repository.commit({"main.tf": policy(ANY), "pyproject.toml": f"[tool.passrole_checks]\n{line}\n"})
    assert repository.review(first, second).status == 1
    result = repository.review(second, second)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("pyproject.toml: ")
    assert [path.name for path in repository.folder.iterdir() if path.suffix == ".json"] == []


def test_disabled_checks_are_named(repository: Reviews) -> None:
    """Checks that BASE disables are named on standard error, also if nothing is found."""
    repository.commit({"main.tf": policy(APP), "pyproject.toml": '[tool.passrole_checks]\nskip_check = "any-role"\n'})
    repository.commit({"main.tf": policy(ANY)})
    result = repository.review("HEAD^", "HEAD")
    assert "PASSROLE_001" in result.err
    assert result.err.startswith("pyproject.toml: note: ")
    assert repository.review("HEAD^", "HEAD", "--quiet").err == ""


@pytest.mark.parametrize("option", ["--var-file", "--parameters", "--baseline"])
@pytest.mark.parametrize("path", ["values", "folder/values"])
def test_planted_link_to_a_value_file_is_not_read(repository: Reviews, option: str, path: str, tmp_path: Path) -> None:
    """A link of HEAD out of the repository is not followed."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "values").write_text('secret = "correct horse"\nnonsense {')
    start = repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(ANY)})
    (repository.folder / "values").symlink_to("../outside/values")
    (repository.folder / "folder").symlink_to("../outside")
    head = repository.commit()
    result = repository.review(start, head, option, path)
    assert result.status == 2
    assert result.err.startswith(f"{path}: not read")
    assert "horse" not in result.out + result.err


@pytest.mark.parametrize(("arguments", "status"), [((), 0), (("--strict",), 2)])
def test_new_link_is_noted_and_strict_fails(repository: Reviews, arguments: tuple[str, ...], status: int) -> None:
    """A new link is noted; with --strict it counts as unreadable."""
    repository.commit({"a/notes.md": "x", "b/main.tf": policy(ANY), "b/notes.md": "x"})
    (repository.folder / "a" / "main.tf").symlink_to("../b/main.tf")
    (repository.folder / "b" / "notes.md").unlink()
    (repository.folder / "b" / "notes.md").symlink_to("main.tf")
    repository.commit()
    said = repository.review("HEAD^", "HEAD", *arguments)
    report = said.report
    result = report.unreadable if arguments else report.not_evaluated
    assert "a/main.tf" in [note.file for note in result]
    assert "b/notes.md" not in [note.file for note in report.unreadable]
    assert (said.status, report.items, report.fixed) == (status, (), ())


def test_submodules_are_not_followed(repository: Reviews) -> None:
    """A new submodule is noted and not fetched."""
    repository.commit({"main.tf": policy(APP)})
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
    repository.git("commit", "--quiet", "--message", "submodule")
    report = repository.review("HEAD^", "HEAD").report
    assert [(note.file, note.reason) for note in report.not_evaluated] == [
        ("sub", "a submodule; its files are not in this repository")
    ]


def test_several_formats(repository: Reviews) -> None:
    """Each format is written to its own file."""
    repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)})
    formats = ("json", "markdown", "sarif", "github", "gitlab")
    arguments = [part for name in formats for part in ("--format", name, "--output", f"out.{name}")]
    result = repository.review("HEAD^", "HEAD", *arguments, "--format", "text", text=True)
    assert result.status == 1 and result.out.startswith("+ main.tf:5")
    assert "PASSROLE_001" in Path("out.markdown").read_text("utf-8")
    assert Path("out.github").read_text("utf-8").startswith("::warning file=main.tf,line=5")
    assert {one["location"]["path"] for one in json.loads(Path("out.gitlab").read_text("utf-8"))} == {"main.tf"}


def sarif(said: str) -> list[tuple[str, str, str, bool]]:
    """Of each result: its check, its place, its state, and whether it is suppressed."""
    found = []
    for one in json.loads(said)["runs"][0]["results"]:
        at = one["locations"][0]["physicalLocation"]
        place = f"{at['artifactLocation']['uri']}:{at['region']['startLine']}"
        found.append((one["ruleId"][-3:], place, one["baselineState"], bool(one["suppressions"])))
    return sorted(found)


def test_sarif_has_baseline_states(repository: Reviews) -> None:
    """In SARIF findings of HEAD are new, updated or unchanged, removed findings of BASE absent, and suppressions
    kept."""
    skip = "# passrole:skip=PASSROLE_001 known\n"
    before = {
        "a.tf": policy(ANY, name="a"), "b.tf": policy(OPEN, name="b"), "c.tf": policy(OPEN, name="c"),
        "d.tf": policy(ANY, name="d", before=skip), "e.tf": policy(APP, name="e"),
    }  # fmt: skip
    after = {
        "a.tf": "\n" + policy(ANY, name="a"), "b.tf": policy(APP, name="b"), "e.tf": policy(ANY, name="e"),
        "c.tf": policy(OPEN.replace('"iam:PassRole"', '["iam:PassRole", "iam:GetRole"]'), name="c"),
    }  # fmt: skip
    result = repository.between(before, after, "--format", "sarif", text=True)
    assert sarif(result.out) == [
        ("001", "a.tf:6", "unchanged", False),
        ("001", "d.tf:6", "unchanged", True),
        ("001", "e.tf:5", "new", False),
        ("002", "b.tf:5", "absent", False),
        ("002", "c.tf:5", "updated", False),
    ]


def test_sarif_and_code_quality_report_unreadable_files(repository: Reviews) -> None:
    """SARIF and Code Quality report each unreadable file once."""
    said = repository.between({"main.tf": policy(ANY)}, {"main.tf": "resource {{"}, "--format", "sarif", text=True)
    (invocation,) = json.loads(said.out)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    (result,) = [one for one in invocation["toolExecutionNotifications"] if one["level"] == "error"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "main.tf"
    quality = json.loads(repository.review("HEAD^", "HEAD", "--format", "gitlab", text=True).out)
    assert [(one["check_name"], one["location"]["path"]) for one in quality] == [("unreadable", "main.tf")]


def test_sarif_without_changes_has_all_findings(repository: Reviews) -> None:
    """Without changes SARIF still has all findings of HEAD, which code scanning would otherwise close."""
    result = repository.between({"main.tf": policy(ANY)}, {}, "--format", "sarif", text=True)
    assert (sarif(result.out), result.status) == ([("001", "main.tf:5", "unchanged", False)], 0)


def test_bundle_round_trip(repository: Reviews) -> None:
    """A report in a bundle is rendered again; the reader decides the threshold."""
    repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)}, "--offline-bundle", ZIP_MEMBER)
    result = repository.review("HEAD^", "HEAD", text=True)
    again = repository.review("--from-bundle", ZIP_MEMBER, text=True)
    assert (again.out, again.status) == (result.out, 1)
    assert repository.review("--from-bundle", ZIP_MEMBER, "--fail-on", "never").status == 0
    refused = repository.review("--from-bundle", ZIP_MEMBER, "--format", "sarif", text=True)
    assert (refused.status, refused.out) == (2, "")
    Path("other.json").write_text("{}", "utf-8")
    assert repository.review("--from-bundle", "other.json").err == (
        "other.json: not a valid review bundle: unsupported version None (supported: 1)\n"
    )
    assert repository.review("--from-bundle", "none.json").err == "none.json: No such file or directory\n"
    assert repository.review("--from-bundle", ZIP_MEMBER, "HEAD").status == 2


def test_mask_accounts_option(repository: Reviews) -> None:
    """With --mask-accounts no account id is output, except in suggested lines."""
    wide = re.sub(r"arn:[^\"]*", "*", OPEN)
    result = repository.between({"main.tf": policy(OPEN)}, {"main.tf": policy(wide)}, "--mask-accounts")
    (item,) = result.report.items
    assert item.before is not None and item.before.roles == ("arn:aws:iam::ACCOUNT-1:role/app-*",)
    assert item.replacement is not None
    assert "111122223333" not in result.out.replace(json.dumps(item.replacement.text), "")


class Forge:
    """A forge module that records what is posted."""

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
    """GitHub Actions at a commit that widens a policy, with a fake for what writes on GitHub."""
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


def test_report_is_posted_in_a_pipeline(repository: Reviews, forge: Forge, tmp_path: Path) -> None:
    """In a pipeline the report is posted with the options, and the step summary written."""
    result = repository.review(
        "--comment", "new", "--max-inline", "3", "--no-status", "--check-run", "--key", "k", text=True
    )
    ((report, context, options),) = forge.posted
    assert (len(report.items), context.number, result.status) == (1, 7, 1)
    assert options == PostOptions("new", 3, False, True, False, "k", "")
    assert result.err == "one comment\n"
    assert "PASSROLE_001" in (tmp_path / "summary.md").read_text("utf-8")
    assert "secret" not in result.out + result.err


def test_annotations_without_line_comments(repository: Reviews, forge: Forge) -> None:
    """Without line comments annotations are written, but not within machine-readable output."""
    assert "::warning file=main.tf,line=5" in repository.review(text=True).out
    forge.at_lines = ("key",)
    assert "::warning" not in repository.review(text=True).out
    forge.at_lines = ()
    assert repository.review().items


@pytest.mark.parametrize("arguments", [("--post", "none"), ("--post", "gitlab")])
def test_report_is_not_posted_elsewhere(repository: Reviews, forge: Forge, arguments: tuple[str, ...]) -> None:
    """Nothing is posted if disabled or for another forge; the result is the same."""
    result = repository.review(*arguments, text=True)
    assert (forge.posted, result.status) == ([], 1)
    assert bool(result.err) is ("gitlab" in arguments)


def test_working_tree_is_not_posted(repository: Reviews, forge: Forge) -> None:
    """A review of the working tree is not posted."""
    repository.put({"main.tf": policy(OPEN)})
    assert (repository.review("HEAD", text=True).status, forge.posted) == (1, [])
    assert repository.review("HEAD^", "HEAD", text=True).status == 1
    assert len(forge.posted) == 1


def test_error_in_posting_keeps_the_exit_status(repository: Reviews, forge: Forge) -> None:
    """An internal error in posting does not change the exit status."""
    forge.fault = RuntimeError("broken")
    result = repository.review(text=True)
    assert (result.status, result.err) == (
        1,
        "internal error while posting to github (RuntimeError); the result is not affected\n",
    )


def test_nothing_is_posted_locally(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a pipeline nothing is posted, whatever tokens are set."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    result = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)}, text=True)
    assert (result.status, result.err) == (1, "")
