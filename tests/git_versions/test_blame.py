"""The changed line that makes a difference where the statement's own lines are as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from git_repositories import ANY, APP, Repository, template, terraform

from passrole_checks.diff import blame
from passrole_checks.diff.units import UnitPair
from passrole_checks.sources.model.configuration import Configuration

VARIABLE = 'variable "roles" {\n  type    = string\n  default = "%s"\n}\n'
NOISE = 'variable "noise" {\n  description = "%s"\n}\n\nlocals {\n  other = "%s"\n}\n\n'
LOCAL = 'locals {\n  unrelated = 1\n  roles     = "%s"\n}\n'
PARAMETER = "Parameters:\n  Roles:\n    Type: String\n    Default: '%s'\n"
STACK = template("X").replace('"X"', "!Ref Roles")


def cause_of(repository: Repository, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> object:
    repository.commit(before)
    repository.commit(after)
    said = repository.diff("HEAD^", "HEAD")
    entries: list[dict[str, object]] = said.json["new"] + said.json["widened"]
    (entry,) = entries
    return entry.get("cause")


@pytest.mark.parametrize(
    ("name", "before", "after", "line"),
    [
        ("variables.tf", VARIABLE % APP, VARIABLE % ANY, 3),
        ("variables.tf", VARIABLE % APP, NOISE % ("new", 1) + VARIABLE % ANY, 11),
        ("variables.tf", NOISE % ("a", "b") + VARIABLE % APP, NOISE % ("c", "d") + VARIABLE % ANY, 11),
        ("terraform.tfvars", f'roles = "{APP}"\n', f'# every role\nroles = "{ANY}"\n', 2),
        ("x.auto.tfvars", f'a = 1\nroles = "{APP}"\n', f'a = 2\nroles = "{ANY}"\n', 2),
    ],
)
def test_variables(repository: Repository, name: str, before: str, after: str, line: int) -> None:
    """A default of a variable, or its value in a file of values, is the cause; other changes beside it are not."""
    main = terraform("${var.roles}") + ("" if name == "variables.tf" else 'variable "roles" {}\n')
    found = cause_of(repository, {"main.tf": main, name: before}, {name: after})
    assert found == {"file": name, "line": line}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.auto.tfvars.json", f'{{"roles": "{ANY}"}}\n'),
        ("main_override.tf.json", f'{{"variable": {{"roles": {{"default": "{ANY}"}}}}}}\n'),
    ],
)
def test_a_new_file_of_json(repository: Repository, name: str, text: str) -> None:
    """A new file is the cause where nothing is wrong without it, though it would be wrong were it empty."""
    main = VARIABLE % APP + terraform("${var.roles}")
    assert cause_of(repository, {"main.tf": main}, {name: text}) == {"file": name, "line": 1}


def test_locals(repository: Repository) -> None:
    """A local value is the cause, through others."""
    chain = "locals {\n  all = [local.roles]\n}\n"
    before = {"main.tf": terraform("${local.all[0]}"), "chain.tf": chain, "locals.tf": LOCAL % APP}
    assert cause_of(repository, before, {"locals.tf": LOCAL % ANY}) == {"file": "locals.tf", "line": 3}


def test_arguments_of_modules(repository: Repository) -> None:
    """An argument in a module block is the cause of what the module's policy lets through."""
    module = 'variable "roles" {}\n' + terraform("${var.roles}")
    call = 'module "m" {\n  source = "./mod"\n  roles  = "%s"\n}\n'
    before = {"mod/main.tf": module, "main.tf": call % APP}
    assert cause_of(repository, before, {"main.tf": call % ANY}) == {"file": "main.tf", "line": 3}


def test_a_module_that_is_called(repository: Repository) -> None:
    """A module block that comes is the cause of the access that its module gives."""
    module = 'variable "roles" {}\n' + terraform("${var.roles}")
    before = {"mod/main.tf": module, "main.tf": 'module "m" {\n  source = "./mod"\n  roles  = "x"\n}\n'}
    more = before["main.tf"] + f'\nmodule "n" {{\n  source = "./mod"\n  roles  = "{APP}"\n}}\n'
    assert cause_of(repository, before, {"main.tf": more}) == {"file": "main.tf", "line": 6}


def test_parameters_of_templates(repository: Repository) -> None:
    """A default of a parameter is the cause."""
    found = cause_of(repository, {"app.yaml": PARAMETER % APP + STACK}, {"app.yaml": PARAMETER % ANY + STACK})
    assert found == {"file": "app.yaml", "line": 4}


def test_new_attachment_is_the_cause(repository: Repository) -> None:
    """A new attachment of a policy is the cause, and only the added principal is reported."""
    text = template(APP)
    repository.commit({"app.yaml": text})
    repository.commit({"app.yaml": text.replace("[deployer]", "[deployer, other]")})
    (entry,) = repository.diff("HEAD^", "HEAD").json["new"]
    assert (entry["principals"], entry["cause"]) == (["other"], {"file": "app.yaml", "line": 6})


def test_a_variable_that_is_renamed(repository: Repository) -> None:
    """If a variable is renamed and widened, the cause is its default, not its name."""
    main = 'variable "{0}" {{\n  default = "{1}"\n}}\nmodule "m" {{\n  source = "./m"\n  roles  = var.{0}\n}}\n'
    module = 'variable "roles" {}\n' + terraform("${var.roles}")
    before = {"main.tf": main.format("a", APP), "m/main.tf": module}
    assert cause_of(repository, before, {"main.tf": main.format("b", ANY)}) == {"file": "main.tf", "line": 2}


def test_another_module(repository: Repository) -> None:
    """A module block that calls another module is the cause; neither module is new or removed, though the one is called
    no more, and the other one was not."""
    call = 'module "m" {\n  source = "./%s"\n}\n'
    repository.commit({"main.tf": call % "a", "a/main.tf": terraform(APP), "b/main.tf": terraform(ANY)})
    repository.commit({"main.tf": call % "b"})
    said = repository.diff("HEAD^", "HEAD")
    assert said.changes == {"widened": ["b/main.tf module.m.aws_iam_role_policy.pass"]}
    assert said.json["widened"][0]["cause"] == {"file": "main.tf", "line": 2}
    repository.commit({"main.tf": "", "a/main.tf": terraform(ANY)})
    assert repository.diff("HEAD~2", "HEAD").changes == {
        "widened": ["a/main.tf aws_iam_role_policy.pass"],
        "removed": ["a/main.tf module.m.aws_iam_role_policy.pass"],
    }


def test_removed_line_is_the_cause(repository: Repository) -> None:
    """A line that is gone is the cause, with its place in the old version."""
    main = terraform("${var.roles}") + VARIABLE % ANY
    before: dict[str, str | None] = {"main.tf": main, "terraform.tfvars": f'roles = "{APP}"\n', "b.tf": NOISE % (1, 1)}
    found = cause_of(repository, before, {"terraform.tfvars": "", "b.tf": NOISE % (2, 2)})
    assert found == {"file": "terraform.tfvars", "line": 1, "removed": True}
    assert "    because of terraform.tfvars:1  (removed)\n" in repository.diff("HEAD^", "HEAD", text=True).out
    repository.commit({"terraform.tfvars": f'roles = "{APP}"\n'})
    assert cause_of(repository, {}, {"terraform.tfvars": None}) == {
        "file": "terraform.tfvars", "line": 1, "removed": True
    }  # fmt: skip


@pytest.mark.parametrize("operator", ["&&", "||"])
def test_first_of_two_combined_lines_is_the_cause(repository: Repository, operator: str) -> None:
    """If either of two changes is necessary, or sufficient, the first is the cause."""
    main = terraform('${var.a == 2 %s var.b == 2 ? "*" : "%s"}' % (operator, APP))  # noqa: UP031
    values = 'variable "a" {\n  default = %d\n}\nvariable "b" {\n  default = %d\n}\n'
    found = cause_of(repository, {"main.tf": main, "v.tf": values % (1, 1)}, {"v.tf": values % (2, 2)})
    assert found == {"file": "v.tf", "line": 2}


def test_the_statement_itself(repository: Repository) -> None:
    """A change in the statement's own lines has no cause elsewhere."""
    before = {"main.tf": terraform(APP), "v.tf": VARIABLE % APP}
    assert cause_of(repository, before, {"main.tf": terraform(ANY), "v.tf": VARIABLE % ANY}) is None


def test_a_statement_that_loses_its_condition(repository: Repository) -> None:
    """A line that a statement has lost is one of its own."""
    lines = template(APP).splitlines(keepends=True)
    assert cause_of(repository, {"app.yaml": "".join(lines)}, {"app.yaml": "".join(lines[:-1])}) is None


@pytest.mark.slow
def test_many_changes(repository: Repository) -> None:
    """Among hundreds of changed lines the one is found."""

    def noise(word: str) -> str:
        return "".join(f'variable "n{number}" {{\n  default = "{word}"\n}}\n' for number in range(300))

    before = {
        "main.tf": terraform("${var.roles}"),
        "v.tf": noise("a") + VARIABLE % APP,
        "w.tf": "".join(f'locals {{\n  m{number} = "b"\n}}\n' for number in range(300)),
    }
    after = {"v.tf": noise("c") + VARIABLE % ANY, "w.tf": before["w.tf"].replace('"b"', '"d"')}
    assert cause_of(repository, before, after) == {"file": "v.tf", "line": 903}


def test_paths_have_causes_too(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparing two folders or two templates also names the cause, in the new one."""
    monkeypatch.chdir(tmp_path)
    for name, roles in (("old", APP), ("new", ANY)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "main.tf").write_text(terraform("${var.roles}"), "utf-8")
        (tmp_path / name / "variables.tf").write_text(VARIABLE % roles, "utf-8")
        (tmp_path / f"{name}.yaml").write_text(PARAMETER % roles + STACK, "utf-8")
    (entry,) = repository.diff("old", "new").json["widened"]
    assert entry["cause"] == {"file": "new/variables.tf", "line": 3}
    (entry,) = repository.diff("old.yaml", "new.yaml").json["widened"]
    assert entry["cause"] == {"file": "new.yaml", "line": 4}


def trials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The units that are read to find causes, one entry each time."""
    found: list[str] = []
    tried = blame.read_in

    def reading(pair: UnitPair, side: Any, top: Path) -> Configuration:
        found.append(pair.place)
        return tried(pair, side, top)

    monkeypatch.setattr(blame, "read_in", reading)
    return found


def test_unrelated_changes_are_not_tried(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes in files that a unit does not look at cost no trials, and only the unit itself is read again."""
    before = {"app/main.tf": terraform("${var.roles}"), "app/v.tf": VARIABLE % APP, "other/main.tf": terraform(APP)}
    after: dict[str, str | None] = {"app/v.tf": VARIABLE % ANY}
    counted = trials(monkeypatch)
    assert cause_of(repository, before, after) == {"file": "app/v.tf", "line": 3}
    few = list(counted)
    assert set(few) == {"app"}
    counted.clear()
    noise = {
        f"other/n{number}.tf": "".join(f'variable "n{number}_{line}" {{ default = "x" }}\n' for line in range(50))
        for number in range(20)
    }
    assert cause_of(repository, before, {**after, **noise}) == {"file": "app/v.tf", "line": 3}
    assert counted == few


def test_trials_are_bounded_by_their_work(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of trials depends on the bytes read, not on time; at the limit the change has no cause."""
    before = {"main.tf": terraform("${var.roles}"), "v.tf": VARIABLE % APP}
    counted = trials(monkeypatch)
    monkeypatch.setattr(blame, "_MOST_WORK", 2 * blame._LEAST_WORK)
    monkeypatch.setattr(blame.time, "monotonic", lambda: 0.0)
    noise = NOISE % ("c", "d")
    assert cause_of(repository, before, {"v.tf": noise + VARIABLE % ANY}) is None
    assert len(counted) == 2
