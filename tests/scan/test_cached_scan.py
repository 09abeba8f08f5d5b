"""A scan that remembers gives the same as one that does not, whatever has happened in between."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from changing_trees import change, planted, restored

from passrole_checks.output.json_output import grants_json, scan_json
from passrole_checks.scan.cache.cached_scan import CachedScanner, scan_with_cache
from passrole_checks.scan.cache.keys import program
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.scan.result import ScannedUnit, ScanOptions, ScanResult
from passrole_checks.scan.scanner import scan_paths, scan_sequentially
from passrole_checks.sources import detect
from passrole_checks.sources.files import path_states
from passrole_checks.sources.files.exclude_patterns import make_exclusions
from passrole_checks.sources.model.configuration import Inputs

SAMPLES = Path(__file__).parents[2] / "sample_templates"
PLAIN = ScanOptions()
FOLDERS = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())


class Counting:
    """A scanner that tells which units it was given."""

    def __init__(self) -> None:
        self.units: list[str] = []

    def __call__(self, units: Sequence[detect.Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        self.units += [str(unit.only or unit.path) for unit in units]
        return scan_sequentially(units, options)


@pytest.fixture
def store(tmp_path: Path) -> ResultStore:
    return ResultStore(str(tmp_path / "kept"), program())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat files written a moment ago as settled, so that tests need not wait."""
    monkeypatch.setattr(path_states, "_FINE", 0)
    monkeypatch.setattr(path_states, "_COARSE", 0)


def scan(top: Path, store: ResultStore, options: ScanOptions = PLAIN) -> tuple[ScanResult, list[str]]:
    """Return the result of a scan, and the units that were not cached."""
    counting = Counting()
    found = scan_with_cache([top], options, store, counting)
    return found, list(dict.fromkeys(counting.units))  # a root with the values of a file is the same unit


def alike(*results: ScanResult) -> bool:
    """True if results are equal, and are rendered to the same bytes (pytest would compare them for minutes)."""
    told = {scan_json(result) + grants_json(result, result.grants) for result in results}
    return len(told) == 1 and all(result == results[0] for result in results)


@pytest.mark.parametrize("folder", FOLDERS)
def test_samples(folder: str, store: ResultStore, at_once: None) -> None:
    """Each sample gives the same without the cache, with an empty one, and from it, when nothing is scanned."""
    options = ScanOptions(unchanged=True)
    plain = scan_paths([SAMPLES / folder], options)
    first, some = scan(SAMPLES / folder, store, options)
    second, none = scan(SAMPLES / folder, store, options)
    assert alike(plain, first, second)
    assert some and not none


def test_cached_samples_are_reused_in_any_order(store: ResultStore, at_once: None) -> None:
    """Units cached by one scan are reused by a scan of other paths, in another order."""
    one = scan_with_cache([SAMPLES / name for name in FOLDERS], PLAIN, store)
    counting = Counting()
    other = scan_with_cache([SAMPLES / name for name in reversed(FOLDERS)], PLAIN, store, counting)
    assert counting.units == []
    assert alike(one, other, scan_paths([SAMPLES / name for name in FOLDERS], PLAIN))


def test_a_change_concerns_its_units(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """After a change in a module only the roots that call it are scanned; after one elsewhere nothing is."""
    top = planted(tmp_path / "tree")
    scan(top, store)
    (top / "mod" / "main.tf").write_text("# nothing\n", "utf-8")
    result, units = scan(top, store)
    assert units == [str(top / "root")]
    assert alike(result, scan_paths([top], PLAIN))
    (top / "notes.txt").write_text("nothing else", "utf-8")
    (top / "root" / "policies" / "readme").write_text("", "utf-8")
    assert scan(top, store)[1] == [str(top / "root")]  # fileset has walked there
    (top / "notes.md").write_text("nothing", "utf-8")
    assert scan(top, store)[1] == []


@pytest.mark.parametrize("seed", range(int(os.environ.get("CACHE_FUZZ", "2"))))
def test_changes_at_random(seed: int, tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """After any change (of contents, names, links, modes) a scan with the cache gives what one without it gives."""
    chance = random.Random(seed)
    top = planted(tmp_path / "tree")
    (tmp_path / "elsewhere").mkdir()
    inputs = Inputs(var_files=(top / "given.tfvars",), source=top / "root")
    excluding = Inputs(exclusions=make_exclusions(["/mod", "*.json", "b*"], [top]))
    asked = [
        ScanOptions(),
        ScanOptions(unchanged=True, inputs=inputs),
        ScanOptions(account="111122223333"),
        ScanOptions(inputs=excluding),
    ]
    done: list[str] = []
    hits = 0
    for number in range(40):
        options = chance.choice(asked)
        paths = (
            [top]
            if chance.random() < 0.7
            else [top / chance.choice(["root", "app/outer.yaml", "cdk.out/manifest.json"])]
        )
        counting = Counting()
        found = scan_with_cache(paths, options, store, counting)
        plain = scan_paths(paths, options)
        assert alike(found, plain), done
        hits += not counting.units
        if number % 10 == 9:
            restored(top)
            done.append("restored")
        for _ in range(chance.randint(0, 2)):
            done.append(change(top, chance))
    assert hits > 2  # the cache is used, or this would show nothing


def test_changes_during_a_scan_are_not_cached(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """A file changed while it is read is not cached, neither for the unit nor for the whole scan."""
    top = planted(tmp_path / "tree")

    def changing(units: Sequence[detect.Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        for unit, found in zip(units, scan_sequentially(units, options), strict=True):
            if unit.path.name == "root":
                path = unit.path / "extra.tf"
                path.write_text(path.read_text("utf-8").replace("Allow", "Deny "), "utf-8")
            yield found

    before = scan_with_cache([top], PLAIN, store, changing)
    result, units = scan(top, store)
    assert units == [str(top / "root")]
    assert alike(result, scan_paths([top], PLAIN))
    assert not alike(result, before)


def test_what_was_found_before_it_changed(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """A file that comes while units are scanned, after the folder was walked, is not missed the next time."""
    top = planted(tmp_path / "tree")

    def adding(units: Sequence[detect.Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
        (top / "late").mkdir(exist_ok=True)
        (top / "late" / "main.tf").write_text((top / "other" / "main.tf").read_text("utf-8"), "utf-8")
        return scan_sequentially(units, options)

    before = scan_with_cache([top], PLAIN, store, adding)
    result, units = scan(top, store)
    assert units == [str(top / "late")]
    assert alike(result, scan_paths([top], PLAIN))
    assert not alike(result, before)


def test_what_has_just_changed(tmp_path: Path, store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was written within the last moment is not trusted to show its next change, and is scanned again."""
    monkeypatch.setattr(path_states, "_FINE", 3600 * 1_000_000_000)
    top = planted(tmp_path / "tree")
    first, units = scan(top, store)
    assert units
    second, again = scan(top, store)
    assert again == units
    assert alike(first, second)


def test_same_size_and_time(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """Another content of the same size and age is another content."""
    top = planted(tmp_path / "tree")
    path = top / "other" / "main.tf"
    first, _ = scan(top, store)
    status = path.stat()
    path.write_text(path.read_text("utf-8").replace("role/app", "role/apq"), "utf-8")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    second, _ = scan(top, store)
    assert alike(second, scan_paths([top], PLAIN))
    assert not alike(first, second)


@pytest.mark.parametrize(
    "options",
    [
        ScanOptions(account="111122223333"),
        ScanOptions(checks=frozenset({"PASSROLE_001"})),
        ScanOptions(skip_checks=frozenset({"PASSROLE_001"})),
        ScanOptions(inputs=Inputs(variables=(("x", "arn:aws:iam::111122223333:role/x"),))),
        ScanOptions(inputs=Inputs(parameters=(("A", "b"),))),
        ScanOptions(unchanged=True),
    ],
)
def test_other_options_do_not_reuse_cached_results(
    options: ScanOptions, tmp_path: Path, store: ResultStore, at_once: None
) -> None:
    """A scan with other options does not reuse cached results."""
    top = planted(tmp_path / "tree")
    scan(top, store)
    result, units = scan(top, store, options)
    assert len(units) > 3
    assert alike(result, scan_paths([top], options))


def test_filtering_reuses_cached_units(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """Filtering the findings needs no new scan of the units."""
    from passrole_checks.findings import Severity

    top = planted(tmp_path / "tree")
    scan(top, store)
    options = ScanOptions(minimum_severity=Severity.HIGH)
    result, units = scan(top, store, options)
    assert units == []
    assert alike(result, scan_paths([top], options))


def test_pipes(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """A pipe that gives the values of variables is read by the scan alone, each time: of it nothing can be kept."""
    top = planted(tmp_path / "tree")
    found = []
    for role in ("one", "two"):
        pipe = tmp_path / f"{role}.tfvars"
        os.mkfifo(pipe)
        writer = threading.Thread(
            target=pipe.write_text, args=(f'x = "arn:aws:iam::111122223333:role/{role}"', "utf-8")
        )
        writer.start()
        options = ScanOptions(inputs=Inputs(var_files=(pipe,)))
        found.append(scan(top / "root", store, options))
        writer.join(5)
        assert not writer.is_alive()
    assert all(units for _, units in found)


def test_timed_out_checks_run_again(
    tmp_path: Path, store: ResultStore, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checks that ran out of time run again."""
    from passrole_checks.iam import deadline

    top = planted(tmp_path / "tree")
    with monkeypatch.context() as patch:
        patch.setattr(deadline, "SECONDS", -1)
        patch.setattr(deadline, "_OVERDRAFT", 0)
        cut, _ = scan(top / "other", store)
    assert len(cut.unreadable) == 2  # the root, and the document that it would read
    whole, units = scan(top / "other", store)
    assert units and not whole.unreadable


def test_a_cache_within_what_is_scanned(tmp_path: Path, at_once: None) -> None:
    """A cache below the scanned folder keeps units, and is nothing that is scanned."""
    top = planted(tmp_path)
    store = ResultStore(str(top / "kept"), program())
    first, _ = scan(top, store)
    second, units = scan(top, store)
    assert units == []
    assert alike(first, second, scan_paths([top], PLAIN))


def test_units_alone(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """Around any scanner, those units are scanned that are not remembered, and all come in their order."""
    top = planted(tmp_path / "tree")
    units = detect.discover([top]).units
    counting = Counting()
    half = list(CachedScanner(store, counting)(units[::2], PLAIN))
    whole = list(CachedScanner(store, counting)(units, PLAIN))
    assert sorted(counting.units) == sorted(str(unit.only or unit.path) for unit in units)
    assert (whole == list(scan_sequentially(units, PLAIN))) is True
    assert (half == whole[::2]) is True


def test_values_that_another_root_passes_values(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """A template is scanned again if another one exports something else, and not if only the rest of it changes."""
    exporting = "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {R: {Value: '%s', Export: {Name: r}}}\n"
    statement = "{Effect: Allow, Action: iam:PassRole, Resource: !ImportValue r}"
    policy = f"{{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {{Statement: {statement}}}}}}}"
    export, reader = tmp_path / "export.yaml", tmp_path / "reader.yaml"
    reader.write_text(f"Resources: {{P: {policy}}}\n")
    export.write_text(exporting % "arn:aws:iam::111122223333:role/a")
    first, _ = scan(tmp_path, store)
    assert scan(tmp_path, store) == (first, [])
    export.write_text(exporting % "arn:aws:iam::*:role/*")
    second, read = scan(tmp_path, store)
    assert read == [str(export), str(reader)]
    assert [one.check_id for one in second.findings] == ["PASSROLE_001"] != [one.check_id for one in first.findings]
    export.write_text(exporting % "arn:aws:iam::*:role/*" + "# comment\n")
    assert scan(tmp_path, store)[1] == [str(export)]


_DECLARING = """\
resource "aws_iam_role" "r" {
  name               = "admin"
  assume_role_policy = jsonencode({
    Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
  })
}
"""
_WRITER = """\
resource "aws_ssm_parameter" "p" {
  name  = "/p"
  value = "arn:aws:iam::111122223333:role/first"
}
"""
_READER = """\
data "aws_ssm_parameter" "p" {
  name = "/p"
}
resource "aws_iam_role_policy" "p" {
  role   = "admin"
  policy = jsonencode({
    Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_ssm_parameter.p.value }
  })
}
"""


def test_what_other_roots_pass_and_declare_is_cached(tmp_path: Path, store: ResultStore, at_once: None) -> None:
    """After a change of a root, only it and those that read a value of it or share a role with it are scanned."""
    top = tmp_path / "top"
    for name, text in {"declaring": _DECLARING, "writer": _WRITER, "reader": _READER}.items():
        (top / name).mkdir(parents=True)
        (top / name / "main.tf").write_text(text, encoding="utf-8")
    scan(top, store)
    for name, text, scanned in [
        ("writer", _WRITER.replace("first", "second"), ["writer", "reader", "declaring"]),
        ("writer", _WRITER.replace('"/p"', '"/q"'), ["writer", "reader"]),
        ("declaring", _DECLARING.replace("lambda", "ec2"), ["declaring", "reader"]),
    ]:
        (top / name / "main.tf").write_text(text, encoding="utf-8")
        found, units = scan(top, store)
        assert found == scan_paths([top], PLAIN)
        assert [Path(unit).name for unit in units] == scanned
