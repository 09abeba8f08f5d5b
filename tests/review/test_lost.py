"""What was read of BASE, still stands in HEAD, and is not read there: it may hold anything, and is never clean."""

from __future__ import annotations

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, FROM_VARIABLE, VARIABLE, Reviews, policy

from passrole_checks.sources.terraform.reading import files, readers

LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n"
KEPT = "stored in Git LFS; its content is not in the repository"
ROLES = "arn:aws:iam::111122223333:role/app-*"


def unread(repository: Reviews) -> tuple[int, list[tuple[str, str]]]:
    said = repository.review("HEAD^", "HEAD")
    return said.status, [(note.file, note.reason) for note in said.report.unreadable]


def left_out(repository: Reviews) -> tuple[int, list[tuple[str, str]]]:
    said = repository.review("HEAD^", "HEAD")
    assert not said.report.unreadable
    return said.status, [(note.file, note.reason) for note in said.report.not_evaluated]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ({"a/main.tf": policy(ANY), "a/pyvenv.cfg": ""}, "and a is passed over now"),
        ({"a/main.tf": LFS}, f"and is not read now: {KEPT}"),
        ({"a/main.tf": policy(ANY), "a/main.tofu": ""}, "has changed, and only Terraform reads it beside main.tofu"),
    ],
)
def test_terraform_that_is_not_read_any_more(repository: Reviews, after: dict[str, str], reason: str) -> None:
    """A file that Terraform still reads, and this program does not, is no access that is removed."""
    repository.commit({"a/main.tf": policy(APP)})
    repository.commit(after)
    assert unread(repository) == (2, [("a/main.tf", f"was infrastructure code before, {reason}")])


def test_what_only_terraform_reads(repository: Reviews) -> None:
    """A file in whose place OpenTofu reads another one is named where it changes."""
    repository.commit({"main.tf": policy(APP), "main.tofu": policy(APP)})
    repository.commit({"main.tf": policy(ANY)})
    assert left_out(repository) == (0, [("main.tf", "has changed, and only Terraform reads it beside main.tofu")])


def test_a_link_in_the_place_of_a_file(repository: Reviews) -> None:
    """A link that takes the place of a file, or of a folder, that was read is what cannot be read."""
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
    why = "infrastructure code before, and is not read now: a symbolic link, which is not followed"
    assert unread(repository) == (2, [("a/main.tf", f"was {why}"), ("b", f"held {why}")])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("a: 1\n---\n" + template("*"), "several YAML documents now", id="documents"),
        pytest.param(f"# {'x' * 20_000_000}\n{template('*')}", "larger than 20,000,000 bytes now", id="large"),
    ],
)
def test_a_template_that_is_not_recognized_any_more(repository: Reviews, text: str, reason: str) -> None:
    """A template that is made unrecognizable is not one that is gone."""
    repository.commit({"app.yaml": template(ROLES)})
    repository.commit({"app.yaml": text})
    assert unread(repository) == (2, [("app.yaml", f"was infrastructure code before, and is {reason}")])


def test_what_is_really_gone(repository: Reviews) -> None:
    """A file that is deleted, or that holds something else now, is no loss."""
    repository.commit({"a/main.tf": policy(APP), "app.yaml": template(ROLES), "venv/x.tf": policy(APP)})
    repository.commit({"a/main.tf": None, "app.yaml": "kind: Deployment\n"})
    assert (unread(repository), left_out(repository)) == ((0, []), (0, []))


def test_a_template_of_another_name(repository: Reviews) -> None:
    """A template that is not looked for by its new name is named."""
    repository.commit({"app.yaml": template(ROLES)})
    (repository.folder / "app.yaml").rename(repository.folder / "app.md")
    repository.commit()
    assert left_out(repository) == (
        0, [("app.md", "was infrastructure code as app.yaml, and is not read under this name")]
    )  # fmt: skip


def test_folders_that_are_passed_over(repository: Reviews) -> None:
    """Terraform that comes into a folder that is not looked into is named, and so is a list of installed modules."""
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


def test_what_a_link_leads_to(repository: Reviews) -> None:
    """A link is not followed; where what it leads to has changed, through other links too, that is told."""
    (repository.folder / "a").mkdir()
    (repository.folder / "a" / "variables.tf").symlink_to("../shared/variables.tf")
    (repository.folder / "shared").symlink_to("common")
    (repository.folder / "docs").symlink_to("elsewhere")
    repository.commit({"a/main.tf": policy(FROM_VARIABLE), "common/variables.tf": VARIABLE % ROLES})
    repository.commit({"common/variables.tf": VARIABLE % "*", "elsewhere/notes.md": "x"})
    link = "a symbolic link, which is not followed, and common"
    assert left_out(repository) == (
        0, [("a/variables.tf", f"{link}/variables.tf has changed"), ("shared", f"{link} has changed")]
    )  # fmt: skip


def test_values_that_no_option_names(repository: Reviews) -> None:
    """A file of values that has changed counts where it is loaded by its name or given; another one is named."""
    before = {"main.tf": VARIABLE % ROLES + policy(FROM_VARIABLE), "prod.tfvars": f'roles = "{ROLES}"\n'}
    repository.commit(before)
    repository.commit({"prod.tfvars": 'roles = "*"\n'})
    told = [("prod.tfvars", "values not used: no --var-file names this file")]
    assert left_out(repository) == (0, told)
    said = repository.review("HEAD^", "HEAD", "--var-file", "prod.tfvars")
    assert (said.status, len(said.items), said.report.not_evaluated) == (1, 1, ())


def test_broken_terraform_beside_what_has_changed(repository: Reviews) -> None:
    """A file of Terraform that was broken before may read what has changed near it; elsewhere it is only a note."""
    repository.commit({"a/main.tf": "resource {", "a/policy.json": "{}", "b/policy.json": "{}"})
    repository.commit({"b/policy.json": '{"a": 1}'})
    assert unread(repository)[0] == 0
    repository.commit({"a/policy.json": '{"a": 1}'})
    status, notes = unread(repository)
    assert (status, [file for file, _ in notes]) == (2, ["a/main.tf"])


def test_no_parser(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no parser is installed nothing of Terraform is known, in both versions alike: that is not clean."""
    monkeypatch.setattr(files, "reader", lambda: readers._without("no parser: none is installed"))
    files.parse_bytes.cache_clear()
    repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(APP), "policies/x.json": "{}"})
    status, notes = unread(repository)
    assert (status, {file for file, _ in notes}) == (2, {"main.tf"})


def test_a_module_that_is_not_here_and_is_called_otherwise(repository: Reviews) -> None:
    """Another version of a module that is not here, or other arguments, may change anything: that is told. Layout and
    comments change nothing."""
    call = 'module "m" {\n  source = "example/deployer/aws"\n  version = "%s"\n}\n\nlocals {\n  a = "%s"\n}\n'
    repository.commit({"main.tf": call % ("1.0", "x")})
    repository.commit({"main.tf": "# a comment\n" + (call % ("1.0", "y")).replace("version =", "version   =")})
    assert left_out(repository) == (0, [])
    repository.commit({"main.tf": call % ("2.0", "y")})
    assert left_out(repository) == (
        0, [("main.tf", "module m (example/deployer/aws) is not here, and its call has changed")]
    )  # fmt: skip


def test_what_was_not_evaluated_before(repository: Reviews) -> None:
    """What was not evaluated in BASE alone is told as of BASE, not as if it were so now."""
    call = 'module "m" {\n  source = "./m"\n}\n'
    said = repository.between({"main.tf": call, "m/README.md": "Later.\n"}, {"m/main.tf": policy(APP)})
    assert [(note.file, note.reason) for note in said.report.not_evaluated] == [
        ("main.tf", "in HEAD^: module m (./m) holds no Terraform files")
    ]
