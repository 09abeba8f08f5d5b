"""Files that are no configuration: one clear line each, exit status 2, and the file beside them is scanned."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from work import at_most

from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.terraform.reading.reader_tree_sitter import read
from passrole_checks.sources.terraform.reading.source import NotText, SourceText

GOOD = """resource "aws_iam_role_policy" "good" {
  role   = "r"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
"""
PLAN = b"PK\x03\x04\x14\0\x08\0"  # the first bytes of the ZIP archive that terraform plan -out writes

CASES = [
    ("xml", "bad.tf", b'<?xml version="1.0"?>\n<a/>\n', 1, "not HCL near"),
    ("yaml", "bad.tf", b"a:\n  - b\n", 1, "not HCL near 'a:'"),
    ("json", "bad.tf", b'{"resource": {}}\n', 1, "not HCL near"),
    ("binary", "bad.tf", b"\x7fELF\x02\x01\0\0\0", 1, "not text: it holds a NUL byte"),
    ("plan", "bad.tf", PLAN, 1, "run terraform show -json"),
    ("git-crypt", "bad.tf", b"\0GITCRYPT\0\x3f\xd0", 1, "encrypted with git-crypt"),
    ("nul", "bad.tf", b"a = 1\n# \0\n", 2, "not text: it holds a NUL byte"),
    ("latin-1", "bad.tf", b"# fine\n# M\xfcller\n", 2, "not UTF-8 text"),
    ("utf-16", "bad.tf", "a = 1\n".encode("utf-16"), 1, "UTF-16"),
    ("utf-16 without mark", "bad.tf", "a = 1\n".encode("utf-16-le"), 1, "UTF-16"),
    ("utf-32", "bad.tf", "a = 1\n".encode("utf-32"), 1, "UTF-32"),
    ("carriage returns", "bad.tf", b'# a\rresource "x" "y" {\r}\r', 1, "a carriage return without a line feed"),
    ("half-typed", "bad.tf", b'resource "a" "b" {\n  policy =\n}\n', 2, "an attribute without a value"),
    ("conflict", "bad.tf", b"<<<<<<< a\n=======\n>>>>>>> b\n", 1, "merge conflict markers"),
    ("large", "bad.tf", b"#" * 30_000_000, 1, "larger than 20 MB"),
    ("comment in JSON", "bad.tf.json", b'{\n  // why\n  "resource": {}\n}\n', 2, "not JSON"),
    ("type in JSON", "bad.tf.json", b'{\n  "resource": "x"\n}\n', 2, "resource is no JSON object"),
    ("key twice in JSON", "bad.tf.json", b'{"locals": {"a": 1,\n "a": 2}}\n', 2, "a is given twice"),
    ("OpenTofu", "bad.tofu", b"a = [\n", 1, "'[' is not closed"),
]


@pytest.mark.parametrize(("name", "data", "line", "reason"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_one_line_and_the_rest_is_scanned(tmp_path: Path, name: str, data: bytes, line: int, reason: str) -> None:
    """The bad file is named once with its line, and the good one beside it has its finding."""
    (tmp_path / "good.tf").write_text(GOOD)
    (tmp_path / name).write_bytes(data)
    found = scan_paths([tmp_path], ScanOptions())
    assert [(Path(one.file).name, one.line) for one in found.unreadable] == [(name, line)]
    assert reason in found.unreadable[0].reason
    assert "\n" not in found.unreadable[0].reason
    assert any(finding.resource.address == "aws_iam_role_policy.good" for finding in found.findings)


@pytest.mark.parametrize("data", [b"", b"\n", b"\xef\xbb\xbf", b"# nothing\n", b"  \t\r\n"])
def test_empty_files_are_fine(tmp_path: Path, data: bytes) -> None:
    """A file without blocks is nothing to complain of."""
    (tmp_path / "empty.tf").write_bytes(data)
    assert not scan_paths([tmp_path], ScanOptions()).unreadable


@pytest.mark.parametrize("case", ["latin-1", "plan", "half-typed"])
def test_the_command_line_exits_with_two(tmp_path: Path, case: str) -> None:
    """Findings go to standard output, the one line about the bad file to standard error, which starts with the file."""
    pytest.importorskip("click")
    _, name, data, line, reason = next(row for row in CASES if row[0] == case)
    (tmp_path / "good.tf").write_text(GOOD)
    (tmp_path / name).write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-m", "passrole_checks", "scan", "."],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == 2
    assert "PASSROLE" in done.stdout
    lines = [one for one in done.stderr.splitlines() if one.strip()]
    assert lines[0].startswith(f"{name}:{line}: ")
    assert reason in lines[0]
    assert "Traceback" not in done.stderr


BIG = {
    "brackets": "a = " + "[" * 10_000 + "]" * 10_000 + "\n",
    "open brackets": "a = " + "[" * 10_000 + "\n",
    "parentheses": "a = " + "(" * 10_000 + "1" + ")" * 10_000 + "\n",
    "blocks": "a {\n" * 10_000 + "}\n" * 10_000,
    "open blocks": "a {\n" * 2_000,
    "attributes": "b {\n" + "".join(f"a{number} = {number}\n" for number in range(100_000)) + "}\n",
    "interpolations": "a = " + '"${' * 5_000 + "1" + '}"' * 5_000 + "\n",
    "conditionals": "a = " + "b ? c : " * 10_000 + "d\n",
    "operators": "a = " + "1 + " * 10_000 + "1\n",
    "steps": "a = b" + "[0]" * 10_000 + "\n",
    "signs": "a = " + "!" * 10_000 + "b\n",
    "quotes": '"' * 10_001 + "\n",
    "open heredocs": "b {\n x = <<E\n}\n" * 1_000,
    "comments": "/*" * 10_000 + "\n",
    "prose": "some words\n" * 10_000,
    "braces on one line": "x = [" + "{}," * 20_000 + "\n",
    "conflicts": "<<<<<<< a\n=======\n>>>>>>> b\n" * 5_000,
    "returns": "\r" * 100_000,
}


@pytest.mark.parametrize("name", BIG)
def test_large_and_deep_input_ends_soon(name: str) -> None:
    """Nothing that is repeated ten thousand times crashes or hangs the reader, and the block behind it is read."""
    with at_most(3_000_000):
        found = read(SourceText.of("m.tf", (BIG[name] + GOOD).encode()))
        for attribute in found.body.attributes:
            assert attribute.value is not None
    if name != "open blocks" and name != "open heredocs":  # each of which is tried and given up
        assert "aws_iam_role_policy" in {
            block.type if not block.labels else block.labels[0] for block in found.body.blocks
        }


@pytest.mark.parametrize(("data", "line"), [(b"a\r\n\xe9", 2), (b"\xc3", 1), (b"a\n\n\xed\xa0\x80", 3)])
def test_what_is_not_utf_8_has_its_line(data: bytes, line: int) -> None:
    """A cut or a foreign sequence of bytes, and half of a surrogate pair, are named where they stand."""
    with pytest.raises(NotText) as error:
        SourceText.of("m.tf", data)
    assert error.value.line == line
