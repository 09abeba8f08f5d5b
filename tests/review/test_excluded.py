"""Paths that are left out of the comparison of two versions: those that BASE excludes, and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from reviews_of_tests import ANY, APP, FROM_VARIABLE, VARIABLE, Reviews, policy

JINJA = '{% if wanted %}\nresource "aws_iam_role" "r" {\n'
ROLES = "arn:aws:iam::111122223333:role/app-*"


def table(*patterns: str) -> str:
    return f"[tool.passrole_checks]\nexclude = {json.dumps(patterns)}\n"


def test_head_cannot_hide_a_file(repository: Reviews) -> None:
    """What HEAD adds to the configuration excludes nothing, and is noted."""
    before = {"app/main.tf": policy(APP), "pyproject.toml": table("vendor/")}
    after = {"app/main.tf": policy(ANY), "pyproject.toml": table("vendor/", "app/")}
    said = repository.between(before, after)
    assert (said.status, [item[2] for item in said.items]) == (1, ["app/main.tf:5"])
    assert said.report.excluded == ()
    assert [note.file for note in said.report.notes] == ["pyproject.toml"]


def test_head_cannot_hide_a_new_file(repository: Reviews) -> None:
    """Nor with a configuration that is new."""
    said = repository.between({"README": ""}, {"app/main.tf": policy(ANY), "pyproject.toml": table("*")})
    assert (said.status, [item[2] for item in said.items], said.report.excluded) == (1, ["app/main.tf:5"], ())


def test_base_excludes_in_both_versions(repository: Reviews) -> None:
    """Though HEAD excludes nothing any more: that counts once it is merged."""
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
    assert said.report.excluded == ("app/jinja.tf", "bad/", "vendor/")
    assert said.report.unreadable == ()
    (note,) = (note for note in said.report.notes if not note.file)
    assert note.reason.startswith("2 changed files")  # bad/t.yaml is as it was
    told = repository.diff("HEAD^", "HEAD")
    assert (told.status, told.json["excluded"]) == (1, ["app/jinja.tf", "bad/", "vendor/"])
    assert told.changes == {"widened": ["main.tf aws_iam_role_policy.pass"]}


def test_an_option_excludes_in_both_versions(repository: Reviews) -> None:
    repository.commit({"main.tf": policy(APP), "jinja.tf": JINJA})
    repository.commit({"main.tf": policy(ANY), "jinja.tf": JINJA * 2})
    assert repository.review("HEAD^", "HEAD").status == 2
    said = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf")
    assert (said.status, said.report.excluded, said.counts) == (1, ("jinja.tf",), (1, 0, 0))
    text = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf", text=True).out
    assert "1 file excluded" in text.splitlines()[-1]
    page = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf", "--format", "markdown", text=True).out
    assert "1 file excluded" in page


def test_an_option_adds_to_the_configuration_of_base(repository: Reviews) -> None:
    files = {"main.tf": policy(APP), "jinja.tf": JINJA, "vendor/main.tf": policy(APP)}
    repository.commit({**files, "pyproject.toml": table("vendor/")})
    repository.commit({"main.tf": policy(ANY), "jinja.tf": JINJA * 2, "pyproject.toml": table("*")})
    said = repository.review("HEAD^", "HEAD", "--exclude", "jinja.tf")
    assert (said.status, said.report.excluded, len(said.items)) == (1, ("jinja.tf", "vendor/"), 1)


@pytest.mark.parametrize("excluded", ["vendor/", "vendor/pass.tf"])
def test_what_moves_to_an_excluded_path_is_not_removed(repository: Reviews, excluded: str) -> None:
    """A policy that HEAD moves to where BASE looks at nothing may hold anything there."""
    repository.commit({"pass.tf": policy(APP), "pyproject.toml": table(excluded)})
    repository.commit({"pass.tf": None, "vendor/pass.tf": policy(APP)})
    said = repository.review("HEAD^", "HEAD")
    assert (said.status, [note.file for note in said.report.unreadable]) == (2, ["vendor/pass.tf"])


def test_a_module_that_is_not_called_any_more_is_removed(repository: Reviews) -> None:
    """One that is excluded but for the calls of it."""
    repository.commit({
        "main.tf": 'module "m" {\n  source = "./vendor/m"\n}\n',
        "vendor/m/main.tf": policy(APP),
        "pyproject.toml": table("vendor/"),
    })  # fmt: skip
    repository.commit({"main.tf": ""})
    told = repository.diff("HEAD^", "HEAD")
    assert repository.review("HEAD^", "HEAD").report.notes == ()
    assert (told.status, told.changes) == (0, {"removed": ["vendor/m/main.tf module.m.aws_iam_role_policy.pass"]})
    assert repository.review("HEAD^", "HEAD").report.unreadable == ()


def test_a_change_of_an_excluded_module_that_is_called_is_compared(repository: Reviews) -> None:
    before = {"main.tf": 'module "m" {\n  source = "./vendor/m"\n}\n', "vendor/m/main.tf": policy(APP)}
    said = repository.between({**before, "pyproject.toml": table("vendor/")}, {"vendor/m/main.tf": policy(ANY)})
    assert ([item[2] for item in said.items], said.report.notes) == (["vendor/m/main.tf:5"], ())


def test_patterns_are_relative_to_the_working_directory(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of the repository they are relative to it, and outside of it to the top."""
    files = [f"{top}{name}/main.tf" for top in ("", "infra/") for name in ("vendor", "app/vendor")]
    repository.commit({**dict.fromkeys(files, policy(APP)), "infra/pyproject.toml": table("/vendor")})
    repository.commit(dict.fromkeys(files, policy(ANY)))
    monkeypatch.chdir(repository.folder / "infra")
    said = repository.review("HEAD^", "HEAD")
    assert said.report.excluded == ("infra/vendor/", "vendor/")
    assert [item[2] for item in said.items] == ["app/vendor/main.tf:5", "infra/app/vendor/main.tf:5"]


def test_the_index_and_the_working_tree(repository: Reviews) -> None:
    """The configuration is that of BASE there too, whatever is in the working tree."""
    repository.commit({"main.tf": policy(APP), "jinja.tf": JINJA, "pyproject.toml": table("jinja.tf")})
    repository.put({"main.tf": policy(ANY), "jinja.tf": JINJA * 2, "pyproject.toml": table("*")})
    for arguments in (("HEAD",), ("--staged",)):
        repository.git("add", "--all")
        said = repository.review(*arguments)
        assert (said.status, said.report.excluded, len(said.items)) == (1, ("jinja.tf",), 1)


@pytest.mark.parametrize("content", [JINJA, VARIABLE % ROLES])
def test_causes_and_suggestions_are_found_with_exclusions(repository: Reviews, content: str) -> None:
    """HEAD is tried with other lines in copies, where the same files are left out."""
    before = {"app/main.tf": policy(FROM_VARIABLE), "app/variables.tf": VARIABLE % ROLES, "app/override.tf": content}
    said = repository.between(
        {**before, "pyproject.toml": table("/app/override.tf")}, {"app/variables.tf": VARIABLE % "*"}
    )
    (item,) = said.report.items
    assert item.cause is not None and (item.cause.file, item.cause.line) == ("app/variables.tf", 3)
    assert item.replacement is not None


def test_units_that_are_the_same_are_read_once(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert reads[:2] == [3, 4]


def test_a_file_that_cannot_be_laid_out_is_excluded(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    from passrole_checks.git_versions import snapshot

    monkeypatch.setattr(snapshot, "LARGEST_FILE", 2_000)
    repository.commit({"main.tf": policy(APP), "large/data.json": " " * 3_000})
    repository.commit({"main.tf": policy(APP, name="other"), "large/data.json": " " * 3_001})
    assert repository.review("HEAD^", "HEAD").status == 2
    assert repository.review("HEAD^", "HEAD", "--exclude", "large/").report.unreadable == ()


def test_a_bundle_holds_what_is_excluded(repository: Reviews) -> None:
    """And refuses what is no path below the top of a repository."""
    from passrole_checks.errors import InputError
    from passrole_checks.review.report_json import dump, read_bundle

    said = repository.between({"main.tf": policy(APP), "v/x.tf": ""}, {"main.tf": policy(ANY)}, "--exclude", "v/")
    report = said.report
    assert report.excluded == ("v/",) and read_bundle(dump(report).encode()) == report
    for path in ("/etc/", "../x", "a//", "/", ""):
        with pytest.raises(InputError):
            read_bundle(json.dumps({**said.json, "excluded": [path]}).encode())
    from dataclasses import replace

    from passrole_checks.review.report_json import fitted

    many = replace(report, excluded=tuple(f"{number}.tf" for number in range(20_000)))
    assert len(read_bundle(dump(fitted(many)).encode()).excluded) == 10_000
