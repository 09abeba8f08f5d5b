"""Input that was read in BASE, still exists in HEAD, and is not read there: it may contain anything, so it is never
clean."""

from __future__ import annotations

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, FROM_VARIABLE, VARIABLE, Reviews, policy

from passrole_checks.sources.terraform.reading import files, readers

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
KEPT = "stored in Git LFS; its content is not in the repository"
ROLES = "arn:aws:iam::111122223333:role/app-*"


def unread(repository: Reviews) -> tuple[int, list[tuple[str, str]]]:
    result = repository.review("HEAD^", "HEAD")
    return result.status, [(note.file, note.reason) for note in result.report.unreadable]


def left_out(repository: Reviews) -> tuple[int, list[tuple[str, str]]]:
    result = repository.review("HEAD^", "HEAD")
    assert not result.report.unreadable
    return result.status, [(note.file, note.reason) for note in result.report.not_evaluated]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"a/main.tf": policy(ANY), "a/pyvenv.cfg": ""}, ", and a is skipped now"),
        ({"a/main.tf": LFS}, f", and is no longer read: {KEPT}"),
        ({"a/main.tf": policy(ANY), "a/main.tofu": ""}, "; changed, but OpenTofu reads main.tofu instead"),
    ],
)
def test_unread_terraform_is_not_removed_access(repository: Reviews, after: dict[str, str], reason: str) -> None:
    """A file that Terraform still reads, and this tool does not, is not removed access."""
    repository.commit({"a/main.tf": policy(APP)})
    repository.commit(after)
    assert unread(repository) == (2, [("a/main.tf", f"was infrastructure code before{reason}")])


def test_changed_file_that_opentofu_overrides_is_noted(repository: Reviews) -> None:
    """A changed file that OpenTofu replaces by another one is noted."""
    repository.commit({"main.tf": policy(APP), "main.tofu": policy(APP)})
    repository.commit({"main.tf": policy(ANY)})
    assert left_out(repository) == (0, [("main.tf", "has changed; OpenTofu reads main.tofu instead")])


def test_link_that_replaces_a_file_is_unreadable(repository: Reviews) -> None:
    """A link that replaces a file or folder that was read is unreadable."""
    repository.commit({"a/main.tf": policy(APP), "b/main.tf": policy(APP, name="b"), "c.txt": policy(ANY)})
    for name, leads_to in (("a/main.tf", "../c.txt"), ("b", "a")):
        (repository.folder / "b" / "main.tf").unlink(missing_ok=True)
        place = repository.folder / name
        if place.is_dir():
            place.rmdir()
        else:
            place.unlink()
        place.symlink_to(leads_to)
    repository.commit()
    why = "infrastructure code before, and is no longer read: a symbolic link, which is not followed"
    assert unread(repository) == (2, [("a/main.tf", f"was {why}"), ("b", f"contained {why}")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("a: 1\n---\n" + template("*"), "several YAML documents now", id="documents"),
        pytest.param(f"# {'x' * 20_000_000}\n{template('*')}", "larger than 20,000,000 bytes now", id="large"),
    ],
)
def test_unrecognizable_template_is_not_removed(repository: Reviews, text: str, reason: str) -> None:
    """A template that is no longer recognized is not removed access."""
    repository.commit({"app.yaml": template(ROLES)})
    repository.commit({"app.yaml": text})
    assert unread(repository) == (2, [("app.yaml", f"was infrastructure code before, and is {reason}")])


def test_deleted_file_is_removed(repository: Reviews) -> None:
    """A deleted file, or one with other contents, is removed access."""
    repository.commit({"a/main.tf": policy(APP), "app.yaml": template(ROLES), "venv/x.tf": policy(APP)})
    repository.commit({"a/main.tf": None, "app.yaml": "kind: Deployment\n"})
    assert (unread(repository), left_out(repository)) == ((0, []), (0, []))


def test_template_with_an_unrecognized_name_is_noted(repository: Reviews) -> None:
    """A template renamed to an unrecognized name is noted."""
    repository.commit({"app.yaml": template(ROLES)})
    (repository.folder / "app.yaml").rename(repository.folder / "app.md")
    repository.commit()
    assert left_out(repository) == (
        0, [("app.md", "was infrastructure code as app.yaml, and is not read under this name")]
    )  # fmt: skip


def test_new_terraform_in_a_skipped_folder_is_noted(repository: Reviews) -> None:
    """New Terraform in a skipped folder is noted, and so is a list of installed modules."""
    repository.commit({"main.tf": policy(APP)})
    repository.commit({"node_modules/x/main.tf": policy(ANY), ".terraform/modules/modules.json": '{"Modules": []}'})
    assert left_out(repository) == (
        0,
        [
            (
                ".terraform/modules/modules.json",
                "records installed modules, which are trusted here; terraform init may install others",
            ),
            ("node_modules/x/main.tf", "not read, because node_modules is skipped"),
        ],
    )


def test_changed_link_target_is_noted(repository: Reviews) -> None:
    """Links are not followed; a changed target is noted, also through other links."""
    (repository.folder / "a").mkdir()
    (repository.folder / "a" / "variables.tf").symlink_to("../shared/variables.tf")
    (repository.folder / "shared").symlink_to("common")
    (repository.folder / "docs").symlink_to("elsewhere")
    repository.commit({"a/main.tf": policy(FROM_VARIABLE), "common/variables.tf": VARIABLE % ROLES})
    repository.commit({"common/variables.tf": VARIABLE % "*", "elsewhere/notes.md": "x"})
    link = "a symbolic link (not followed) to common"
    assert left_out(repository) == (
        0, [("a/variables.tf", f"{link}/variables.tf, which has changed"), ("shared", f"{link}, which has changed")]
    )  # fmt: skip


def test_changed_value_file_that_is_not_loaded_is_compared_or_noted(repository: Reviews) -> None:
    """A changed value file counts if it is for one root module; others are noted."""
    text = VARIABLE % ROLES + policy(FROM_VARIABLE)
    repository.commit({"main.tf": text, "prod.tfvars": f'roles = "{ROLES}"\n', "other.tfvars": "other = 1\n"})
    repository.commit({"prod.tfvars": 'roles = "*"\n', "other.tfvars": "other = 2\n"})
    result = [("other.tfvars", "values not used: no --var-file names this file")]
    assert left_out(repository) == (1, result)
    said = repository.review("HEAD^", "HEAD", "--var-file", "prod.tfvars")
    assert (said.status, len(said.items), len(said.report.not_evaluated)) == (1, 1, 1)


def test_broken_terraform_near_a_change_is_unreadable(repository: Reviews) -> None:
    """A Terraform file that was broken before may use what changed; one that does not name it is not affected."""
    broken = 'resource {\n  a = file("%s")\n'
    files = {"a/main.tf": broken % "policy.json", "c/main.tf": broken % "../d/x.json"}
    repository.commit({**files, "a/policy.json": "{}", "b/policy.json": "{}"})
    repository.commit({"b/policy.json": '{"a": 1}'})
    assert unread(repository)[0] == 0
    repository.commit({"a/policy.json": '{"a": 1}'})
    status, notes = unread(repository)
    assert (status, [file for file, _ in notes]) == (2, ["a/main.tf"])


def test_missing_parser_is_not_clean(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a parser nothing is known about affected Terraform in either version, which is not clean."""
    monkeypatch.setattr(files, "reader", lambda: readers._unavailable_reader("no parser: none is installed"))
    files.parse_bytes.clear()
    repository.commit(
        {"main.tf": policy(APP) + 'locals { a = file("policies/x.json") }\n', "other/main.tf": policy(APP)}
    )
    repository.commit({"policies/x.json": "{}"})
    status, notes = unread(repository)
    assert (status, {file for file, _ in notes}) == (2, {"main.tf"})


def test_changed_call_of_a_missing_module_is_noted(repository: Reviews) -> None:
    """Another version or other arguments of a missing module may change anything, and are noted. Layout and comments
    change nothing."""
    call = 'module "m" {\n  source = "example/deployer/aws"\n  version = "%s"\n}\n\nlocals {\n  a = "%s"\n}\n'
    repository.commit({"main.tf": call % ("1.0", "x")})
    repository.commit({"main.tf": "# a comment\n" + (call % ("1.0", "y")).replace("version =", "version   =")})
    assert left_out(repository) == (0, [])
    repository.commit({"main.tf": call % ("2.0", "y")})
    assert left_out(repository) == (
        0, [("main.tf",
             "module m (example/deployer/aws) is not in the repository, and its call has changed")]
    )  # fmt: skip


def test_items_skipped_only_in_base_are_noted_for_base(repository: Reviews) -> None:
    """Input that only BASE skips is noted for BASE."""
    call = 'module "m" {\n  source = "./m"\n}\n'
    result = repository.between({"main.tf": call, "m/README.md": "Later.\n"}, {"m/main.tf": policy(APP)})
    assert [(note.file, note.reason) for note in result.report.not_evaluated] == [
        ("main.tf", "in HEAD^: module m (./m) contains no .tf files")
    ]
