"""Docstrings, comments, messages and pages use the wording of the field, not a private dialect.

``python tests/test_language.py`` prints every violation of the tree, and how many each area has.

Two lists: openings of docstrings, and phrases, each with what to write instead. A phrase is never a single everyday
word. Docstrings and comments are read in all Python files; other string literals, which become messages, in the package
and the tools only, since tests quote inputs and outputs.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "THIRD_PARTY.md", "action.yml", "Dockerfile", "noxfile.py"),
    *(".ci/run", ".ci/pipelines.sh", ".ci/prism.sh", ".gitlab/passrole-checks.gitlab-ci.yml", ".pre-commit-hooks.yaml"),
    *("sample_templates/README.md", "tests/benchmarks/README.md"),
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
)
PENDING: frozenset[str] = frozenset()
"""Areas whose wording is not revised yet."""

OPENINGS = (
    (r"What(?:ever)?\b", "say what is returned or described: a noun phrase, or `Return ...`"),
    (r"Whether\b", "write `True if ...`, or `Return True if ...`"),
    (r"Who(?:m|ever|mever)?\b", "name the principals, the callers or the users"),
    (r"How\b[^.]*\b(?:is|are) told\b", "write `Return ...` or `Report ...`"),
)
PHRASES = (
    (r"\b(?:is|are|be|was|were|been) told\b", "reported, determined, known, or given"),
    (r"\btold apart\b|\btells? .{1,30} apart\b", "distinguished, distinguish"),
    (r"\btells? of\b|\btelling of\b", "report, mention, show"),
    (r"\bsp(?:eaks?|eaking|oken|oke) of\b", "mention, name, contain"),
    (r"\bstands? (?:beside|behind|here|there|elsewhere)\b", "is next to, follows, is in"),
    (r"\bstands on (?:its|the|this|that|top)\b", "uses, depends on"),
    (r"\bby (?:its|their|his) own words?\b", "according to its text, as written"),
    (r"\bat a glance\b", "fast path, quick check"),
    (r"\bby (?:whose|its|their) wish(?:es)?\b", "requested by"),
    (r"\bnobody (?:knows|here|there|can|would|had|has|else)\b", "say what is unknown, unused or impossible"),
    (r"\bwhoever\b", "name the principals, the callers or the users"),
    (r"\bheed(?:s|ed|ing)?\b", "honor, support, use"),
    (r"\bmend(?:s|ed|ing)?\b|\bput(?:s|ting)? right\b", "fix"),
    (r"\b(?:is|are|was|were) not (?:here|there)\b", "does not exist, is missing, not found"),
    (r"\bthat (?:is|are) there\b", "existing, defined"),
    (r"\bto be had\b", "available"),
    (r"\b(?:made|written|writes?|read|drawn) anew\b", "regenerate, rewrite, read again"),
    (r"\bin silence\b", "silently, without a message"),
    (r"\bbears? (?:the|that|this|a|its) names?\b", "is named, has that name"),
    (r"\bin (?:the )?hands? of\b|\bin hand\b", "held by, attached to, owned by"),
    (r"\bhand(?:s|ed|ing)? (?:over|out|on)\b", "pass, return, submit, output"),
    (r"\b(?:this|the|both|two|other|an?) (?:leaf|leaves)\b|\bleaves of (?:checkov|cfn-lint)\b", "adapter, adapters"),
    (r"\ba room of (?:its|their) own\b|\bits own room\b", "a module or package of its own"),
    (r"\bholes?\b", "unresolved value"),
    (r"\b(?:left|leaves?|is) (?:for|to) a person\b", "needs manual review"),
    (r"\bis said of\b|\bsaid of\b", "reported for"),
    (r"\bleads? (?:to nothing|nowhere)\b", "dangling, does not resolve"),
    (r"\b(?:of|by|from) (?:a )?strangers?\b", "untrusted, of others"),
    (r"\bin no one's|\bnone of ours\b|\bour own fault\b", "say which component"),
    (r"\bas far as (?:it|they) goe?s?\b", "up to the error, the readable part"),
    (r"\bno (?:Terraform|template|policy|role|JSON|YAML) at all\b", "not a Terraform file, not a template"),
    (r"\bby (?:its|their|his) holders?\b|\bthe policy's holder\b", "principal"),
    (r"\blooked at\b", "examined, checked, read"),
    (r"\bcome(?:s)? along with\b", "is included in, is granted by"),
    (
        r"\b(?:behavi|col|fav|hon|neighb)our|\b(?:organi|normali|recogni|seriali|summari|minimi)s(?:e|ed|es|ing|ation)\b",
        "American spelling",
    ),
    (r"\blicences?\b|\banalys(?:e|ed|es|ing)\b|\bjudgements?\b", "American spelling"),
)
_OPENINGS = [(re.compile(pattern), instead) for pattern, instead in OPENINGS]
_PHRASES = [(re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in PHRASES]
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Text:
    """A docstring, comment, literal or page. ``is_docstring`` ones are also checked for their opening."""

    file: str
    line: int
    content: str
    is_docstring: bool = False


@dataclass(frozen=True)
class Violation:
    """A wording that a list forbids, with what to write instead."""

    file: str
    line: int
    wording: str
    instead: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.wording!r}: {self.instead}"


def area_of(file: str) -> str:
    """Return the area that a file belongs to: a package of ours, a folder of the tests, or the pages."""
    parts = file.split("/")
    if parts[0] == "tools":
        return "tools"
    if parts[0] in ("passrole_checks", "tests"):
        depth = 3 if parts[1:2] == ["sources"] and len(parts) > 3 else 2
        return "/".join(parts[:depth]) if len(parts) > 2 else parts[0]
    return "pages"


def python_files() -> Iterator[Path]:
    """Yield the Python files of the package, the tools and the tests, but this one, which quotes what it forbids."""
    for folder in ("passrole_checks", "tools", "tests", ".ci"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if path != Path(__file__).resolve())


def texts_of(path: Path) -> Iterator[Text]:
    """Yield the docstrings and comments of a Python file, and outside of the tests its other string literals."""
    file, source = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
    nodes = list(ast.walk(ast.parse(source)))
    docstrings = set()
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            content = ast.get_docstring(node)
            if content is not None:
                docstrings.update(map(id, ast.iter_child_nodes(node.body[0])))
                yield Text(file, node.body[0].lineno, content, is_docstring=True)
    if not file.startswith("tests/"):
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield Text(file, node.lineno, node.value)
    yield from comments_of(file, source)


def comments_of(file: str, source: str) -> Iterator[Text]:
    """Yield the comments of a Python file; consecutive lines are one comment."""
    lines: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        if lines and token.start[0] != last + 1:
            yield Text(file, first, " ".join(lines))
            lines = []
        if not lines:
            first = token.start[0]
        lines.append(token.string.lstrip("#: "))
        last = token.start[0]
    if lines:
        yield Text(file, first, " ".join(lines))


def violations_of(text: Text) -> Iterator[Violation]:
    """Yield the forbidden openings and phrases of a text."""
    if text.is_docstring:
        for opening, instead in _OPENINGS:
            if match := opening.match(text.content):
                yield Violation(text.file, text.line, match[0], f"as an opening: {instead}")
    joined = re.sub(r"\s", " ", text.content)  # of the same length; a phrase may be broken at the end of a line
    for phrase, instead in _PHRASES:
        for match in phrase.finditer(joined):
            line = text.line + text.content.count("\n", 0, match.start())
            yield Violation(text.file, line, match[0], instead)


def files_by_area() -> dict[str, list[Path]]:
    """Return the Python files of each area, and the pages, with those of the site."""
    areas: dict[str, list[Path]] = {"pages": [*(ROOT / name for name in PAGES), *sorted((ROOT / "docs").rglob("*.md"))]}
    for path in python_files():
        areas.setdefault(area_of(path.relative_to(ROOT).as_posix()), []).append(path)
    return areas


AREAS = files_by_area()


def violations_in(area: str) -> Iterator[Violation]:
    """Yield the violations in an area; in pages, those outside of code blocks."""
    for path in AREAS[area]:
        if path.suffix == ".py":
            texts = texts_of(path)
        else:
            prose = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), path.read_text("utf-8"))
            texts = iter([Text(path.relative_to(ROOT).as_posix(), 1, prose)])
        for text in texts:
            yield from violations_of(text)


@pytest.mark.parametrize(
    "area",
    [
        pytest.param(area, marks=pytest.mark.xfail(strict=False, reason="not revised yet") if area in PENDING else ())
        for area in sorted(AREAS)
    ],
)
def test_area_uses_standard_wording(area: str) -> None:
    """No docstring of an area opens with a question word, and no text has a phrase of the list."""
    violations = [str(violation) for violation in violations_in(area)]
    assert not violations, "\n".join([f"{len(violations)} in {area}:", *violations])


@pytest.mark.parametrize(
    ("content", "wording"),
    [
        ("Whether a role is known.", ["Whether"]),
        ("What a check says.", ["What"]),
        ("How a service is told.", ["How a service is told", "is told"]),
        ("Roles that a statement\nspeaks of.", ["speaks of"]),
        ("How services use passed roles.", []),
        ("Return the roles that a statement covers, and say what is unresolved.", []),
    ],
)
def test_violations_are_found(content: str, wording: list[str]) -> None:
    """Openings and phrases are found, also where a phrase is broken at the end of a line; good text has none."""
    assert [
        violation.wording.replace("\n", " ") for violation in violations_of(Text("a.py", 1, content, True))
    ] == wording


if __name__ == "__main__":
    counts = Counter[str]()
    for name in sorted(AREAS):
        for violation in violations_in(name):
            counts[name] += 1
            print(violation)
    for name, count in sorted(counts.items()):
        print(f"{count:5} {name}")
    sys.exit(1 if counts else 0)
