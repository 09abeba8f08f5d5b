"""The fuzzer itself: it changes files, does the same for the same seed, and finds and makes small what is planted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzzing import corpus, making, mutators, running, shrinking, watching
from fuzzing.corpus import Tree
from fuzzing.targets import Target

from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import SourceText


def test_the_corpus_has_every_format() -> None:
    """Samples and tests give hundreds of trees, among them all that we read, and no expected output."""
    names = {name for tree in corpus.trees() for name in tree}
    assert len(corpus.trees()) > 400
    for ending in (".tf", ".tf.json", ".tofu", ".tfvars", ".json", ".yaml", ".tftpl"):
        assert any(name.endswith(ending) for name in names), ending
    assert not any(Path(name).name.startswith("expected") for name in names)
    assert all(len(corpus.pieces(kind)) > 20 for kind in corpus.FORMATS)


@pytest.mark.parametrize("mutator", mutators.MUTATORS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("kind", corpus.FORMATS)
def test_each_mutator_changes_every_format(mutator: mutators.Mutator, kind: str) -> None:
    """A mutator returns content for any input, even an empty one, and mostly different content."""
    rng = random.Random(1)
    originals = rng.sample(corpus.pieces(kind), 12)
    changed = sum(mutator(content, rng, kind) != content for content in originals)
    assert changed >= 6
    for content in (b"", b"\xff\xfe", b"{", b'"', "é".encode()[:1]):
        assert isinstance(mutator(content, rng, kind), bytes)


@pytest.mark.parametrize("target", running.TARGETS, ids=lambda one: one.name)
def test_a_number_and_a_seed_are_one_sample(target: Target) -> None:
    """The same seed gives the same samples, another one gives others."""
    first = [running.sample(target, 1, number) for number in range(5)]
    assert [running.sample(target, 1, number) for number in range(5)] == first
    assert [running.sample(target, 2, number) for number in range(5)] != first


def test_made_expressions_are_well_formed() -> None:
    """Generated samples for functions are syntactically valid, so that the functions are called."""
    rng = random.Random(3)
    for _ in range(30):
        (content,) = making.functions(rng).values()
        parsed = reader().read(SourceText.of("main.tf", content))
        assert parsed.problems == (), content.decode()


def planted(found: list[str]) -> Target:
    """A target with a fault: it cannot read a file with an odd word in it."""

    def make(rng: random.Random) -> Tree:
        lines = [f"line {number}" for number in range(200)]
        return {"a.txt": "\n".join(lines).encode(), "b.txt": b"nothing", "c/d.txt": rng.choice((b"odd", b"even"))}

    def run(folder: Path) -> None:
        found.append(folder.name)
        if "line 77" in (folder / "a.txt").read_text() and (folder / "c" / "d.txt").read_text() == "odd":
            raise KeyError("line 77")

    return Target("planted", make, run)


def test_a_planted_fault_is_found_and_made_small() -> None:
    """Only the first of equal failures is reported, without irrelevant files and lines."""
    target = planted([])
    summary = running.run(((target, number) for number in range(30)), 5, lambda _: True)
    (failure,) = summary.failures
    assert failure.kind == "KeyError: run: 'line 0'"
    assert 3 < sum(summary.again.values()) < 29

    def same(tree: Tree) -> bool:
        try:
            return running.fails(target, {"a.txt": b"", "c/d.txt": b"", **tree}) is not None
        except FileNotFoundError:
            return False

    assert shrinking.smallest(failure.tree, same) == {"a.txt": b"line 77", "c/d.txt": b"odd"}


def test_what_takes_too_long_is_stopped() -> None:
    """A run without end is ended, though it catches all exceptions of the usual kind."""

    def endless(_: Path) -> None:
        while True:
            try:
                sum(range(1000))
            except Exception:
                continue

    target = Target("endless", lambda _: {"a": b""}, endless)
    found = running.fails(target, {"a": b""}, seconds=0.2)
    assert found is not None
    assert found[0] == "too long"


def test_what_takes_too_much_memory_is_told() -> None:
    """Memory out of proportion to the sample is a failure, also where it is given back in the end."""

    def large(_: Path) -> None:
        bytearray(watching.BYTES + 10 * watching.BYTES_FOR_EACH)

    found = running.fails(Target("large", lambda _: {"a": b""}, large), {"a": b"1"}, memory=True)
    assert found is not None
    assert found[0].startswith("TooMuch")


def test_what_failed_is_saved_with_what_to_run(tmp_path: Path) -> None:
    """A failure is a folder with the sample, the traceback, and the command that shows it again."""
    failure = running.Failure("scan", 12, "KeyError", "Traceback", {"a/b.tf": b"x = \xff"})
    place = running.save(failure, failure.tree, tmp_path, 7)
    assert (place / "sample" / "a" / "b.tf").read_bytes() == b"x = \xff"
    assert (place / "failure.txt").read_text() == "python -m tests.fuzz --seed 7 --only scan:12\n\nTraceback"
