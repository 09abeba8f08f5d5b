"""Excluded paths of a comparison: those that BASE excludes, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reviews_of_tests import ANY, APP, OPEN_VARIABLE, VARIABLE, Reviews, policy

JINJA = '{% if wanted %}\nresource "aws_iam_role" "r" {\n'
ROLES = "arn:aws:iam::111122223333:role/app-*"


def table(*patterns: str) -> str:
    return f"[tool.passrole_checks]\nexclude = {json.dumps(patterns)}\n"


def test_head_cannot_hide_a_file(repository: Reviews) -> None:
    """Exclusions that HEAD adds have no effect and are noted."""
    before = {"app/main.tf": policy(APP), "pyproject.toml": table("vendor/")}
    after = {"app/main.tf": policy(ANY), "pyproject.toml": table("vendor/", "app/")}
    result = repository.between(before, after)
    assert (result.status, [item[2] for item in result.items]) == (1, ["app/main.tf:5"])
    assert result.report.read.excluded == ()
    assert [note.file for note in result.report.notes] == ["pyproject.toml"]


def test_head_cannot_hide_a_new_file(repository: Reviews) -> None:
    """A new configuration excludes nothing either."""
    result = repository.between({"README": ""}, {"app/main.tf": policy(ANY), "pyproject.toml": table("*")})
    assert (result.status, [item[2] for item in result.items], result.report.read.excluded) == (
        1,
        ["app/main.tf:5"],
        (),
    )


def test_base_excludes_in_both_versions(repository: Reviews) -> None:
    """Exclusions of BASE apply until the change of HEAD is merged."""
    before = {
        "main.tf": policy(APP),
        "app/jinja.tf": JINJA,
        "vendor/main.tf": policy(APP),
        "bad/t.yaml": "Resources: [",
    }
    after = {"main.tf": policy(ANY), "app/jinja.tf": JINJA * 2, "vendor/main.tf": policy(ANY), "pyproject.toml": ""}
    configuration = table("jinja.tf", "/vendor", "bad/")
    said = repository.between({**before, "pyproject.toml": configuration}, after)
    assert (said.status, [item[2] for item in said.items]) == (1, ["main.tf:5"])
    assert said.report.read.excluded == ("app/jinja.tf", "bad/", "vendor/")
    assert said.report.unreadable == ()
    (note,) = (note for note in said.report.notes if not note.file)
    assert note.reason.startswith("2 changed files")  # bad/t.yaml is as it was
    result = repository.diff("HEAD^", "HEAD")
    assert (result.status, result.json["excluded"]) == (1, ["app/jinja.tf", "bad/", "vendor/"])
    assert result.changes == {"widened": ["main.tf aws_iam_role_policy.pass"]}


def test_an_option_excludes_in_both_versions(repository: Reviews) -> None:
    """The option applies to BASE and HEAD."""
    repository.commit({"main.tf": policy(APP), "jinja.tf": JINJA})
    repository.commit({"main.tf": policy(ANY), "jinja.tf": JINJA * 2})
    assert repository.review("HEAD^", "HEAD").status == 2
    result = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf")
    assert (result.status, result.report.read.excluded, result.counts) == (1, ("jinja.tf",), (1, 0, 0))
    text = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf", text=True).out
    assert "1 file excluded" in text.splitlines()[-1]
    page = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf", "--format", "markdown", text=True).out
    assert "1 file excluded" in page


def test_an_option_adds_to_the_configuration_of_base(repository: Reviews) -> None:
    """The option and the configuration of BASE are combined."""
    files = {"main.tf": policy(APP), "jinja.tf": JINJA, "vendor/main.tf": policy(APP)}
    repository.commit({**files, "pyproject.toml": table("vendor/")})
    repository.commit({"main.tf": policy(ANY), "jinja.tf": JINJA * 2, "pyproject.toml": table("*")})
    result = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf")
    assert (result.status, result.report.read.excluded, len(result.items)) == (1, ("jinja.tf", "vendor/"), 1)


@pytest.mark.parametrize("excluded", ["vendor/", "vendor/pass.tf"])
def test_policy_moved_to_an_excluded_path_is_not_removed(repository: Reviews, excluded: str) -> None:
    """A policy that HEAD moves to an excluded path may still exist."""
    repository.commit({"pass.tf": policy(APP), "pyproject.toml": table(excluded)})
    repository.commit({"pass.tf": None, "vendor/pass.tf": policy(APP)})
    result = repository.review("HEAD^", "HEAD")
    assert (result.status, [note.file for note in result.report.unreadable]) == (2, ["vendor/pass.tf"])


def test_excluded_module_without_calls_is_removed(repository: Reviews) -> None:
    """An excluded module is read for its calls; without them its access is removed."""
    repository.commit({
        "main.tf": 'module "m" {\n  source = "./vendor/m"\n}\n',
        "vendor/m/main.tf": policy(APP),
        "pyproject.toml": table("vendor/"),
    })  # fmt: skip
    repository.commit({"main.tf": ""})
    result = repository.diff("HEAD^", "HEAD")
    assert repository.review("HEAD^", "HEAD").report.notes == ()
    assert (result.status, result.changes) == (0, {"removed": ["vendor/m/main.tf module.m.aws_iam_role_policy.pass"]})
    assert repository.review("HEAD^", "HEAD").report.unreadable == ()


def test_change_of_a_called_excluded_module_is_compared(repository: Reviews) -> None:
    """An excluded module that is called is compared."""
    before = {"main.tf": 'module "m" {\n  source = "./vendor/m"\n}\n', "vendor/m/main.tf": policy(APP)}
    result = repository.between({**before, "pyproject.toml": table("vendor/")}, {"vendor/m/main.tf": policy(ANY)})
    assert ([item[2] for item in result.items], result.report.notes) == (["vendor/m/main.tf:5"], ())


def test_patterns_are_relative_to_the_working_directory(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns are relative to the working directory within the repository, and otherwise to its root."""
    files = [f"{top}{name}/main.tf" for top in ("", "infra/") for name in ("vendor", "app/vendor")]
    repository.commit({**dict.fromkeys(files, policy(APP)), "infra/pyproject.toml": table("/vendor")})
    repository.commit(dict.fromkeys(files, policy(ANY)))
    monkeypatch.chdir(repository.folder / "infra")
    result = repository.review("HEAD^", "HEAD")
    assert result.report.read.excluded == ("infra/vendor/", "vendor/")
    assert [item[2] for item in result.items] == ["app/vendor/main.tf:5", "infra/app/vendor/main.tf:5"]


def test_the_index_and_the_working_tree(repository: Reviews) -> None:
    """The configuration of BASE applies to the index and the working tree too."""
    repository.commit({"main.tf": policy(APP), "jinja.tf": JINJA, "pyproject.toml": table("jinja.tf")})
    repository.put({"main.tf": policy(ANY), "jinja.tf": JINJA * 2, "pyproject.toml": table("*")})
    for arguments in (("HEAD",), ("--staged",)):
        repository.git("add", "--all")
        result = repository.review(*arguments)
        assert (result.status, result.report.read.excluded, len(result.items)) == (1, ("jinja.tf",), 1)


@pytest.mark.parametrize("content", [JINJA, VARIABLE % ROLES])
def test_causes_and_suggestions_are_found_with_exclusions(repository: Reviews, content: str) -> None:
    """Trials exclude the same files."""
    before = {"app/main.tf": policy(OPEN_VARIABLE), "app/variables.tf": VARIABLE % ROLES, "app/override.tf": content}
    result = repository.between(
        {**before, "pyproject.toml": table("/app/override.tf")}, {"app/variables.tf": VARIABLE % "*"}
    )
    (item,) = result.report.items
    assert item.cause is not None and (item.cause.file, item.cause.line) == ("app/variables.tf", 3)
    assert item.replacement is not None


def test_equal_units_are_read_once(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Units that are equal in both versions are read once if all are asked for, else not at all."""
    from passrole_checks.diff.read_versions import VersionReader

    reads: list[int] = []
    read = VersionReader.read

    def counted(self: VersionReader, number: int, path: Path | None = None) -> object:
        found = read(self, number, path)
        reads.append(self.unit_reads)
        return found

    monkeypatch.setattr(VersionReader, "read", counted)
    files = {f"{name}/main.tf": policy(APP, name=name) for name in "abc"}
    repository.between({**files, "pyproject.toml": table("x/")}, {"a/main.tf": policy(ANY, name="a")})
    assert reads[:2] == [1, 2]
    reads.clear()
    repository.review("HEAD^", "HEAD", "--format", "sarif", text=True)
    assert reads[:2] == [3, 4]


def test_file_that_cannot_be_checked_out_is_excluded(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be checked out can be excluded."""
    from passrole_checks.git_versions import snapshot

    monkeypatch.setattr(snapshot, "LARGEST_FILE", 2_000)
    repository.commit({"main.tf": policy(APP), "large/data.json": " " * 3_000})
    repository.commit({"main.tf": policy(APP, name="other"), "large/data.json": " " * 3_001})
    assert repository.review("HEAD^", "HEAD").status == 2
    assert repository.review("HEAD^", "HEAD", "--exclude", "large/").report.unreadable == ()


def test_bundle_contains_excluded_paths(repository: Reviews) -> None:
    """A bundle contains the excluded paths, and paths outside the repository are refused."""
    from passrole_checks.errors import InputError
    from passrole_checks.review.report_json import read_bundle, to_json

    result = repository.between({"main.tf": policy(APP), "v/x.tf": ""}, {"main.tf": policy(ANY)}, "--exclude", "v/")
    report = result.report
    assert report.read.excluded == ("v/",) and read_bundle(to_json(report).encode()) == report
    for path in ("/etc/", "../x", "a//", "/", ""):
        with pytest.raises(InputError):
            read_bundle(json.dumps({**result.json, "excluded": [path]}).encode())
    from dataclasses import replace

    from passrole_checks.review.report_json import truncate_to_limits

    many = replace(report, read=replace(report.read, excluded=tuple(f"{number}.tf" for number in range(20_000))))
    assert len(read_bundle(to_json(truncate_to_limits(many)).encode()).read.excluded) == 10_000


def test_every_format_says_what_is_excluded(
    repository: Reviews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, JSON, Markdown, SARIF and the step summary count or name excluded paths."""
    before = {"main.tf": policy(APP), "vendor/x.tf": policy(APP, name="x"), "pyproject.toml": table("vendor/")}
    repository.commit(before)
    repository.commit({"vendor/x.tf": policy(ANY, name="x"), "pyproject.toml": ""})
    texts = {
        name: repository.review("HEAD^", "HEAD", "--format", name, text=True).out
        for name in ("text", "json", "markdown", "sarif")
    }
    assert "1 folder excluded" in texts["text"] and "1 folder excluded" in texts["markdown"]
    assert json.loads(texts["json"])["excluded"] == ["vendor/"]
    (invocation,) = json.loads(texts["sarif"])["runs"][0]["invocations"]
    places = [entry["locations"][0]["physicalLocation"] for entry in invocation["toolExecutionNotifications"]]
    assert "vendor" in [place["artifactLocation"]["uri"] for place in places]
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    repository.review("HEAD^", "HEAD", text=True)
    assert "1 folder excluded" in summary.read_text("utf-8")
