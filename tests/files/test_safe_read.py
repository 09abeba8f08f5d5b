"""Files that cannot be opened or read: each is reported, with exit status 2."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.files import safe_read
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.sources.files import trial_copy

POLICY = """\
resource "aws_iam_role_policy" "p" {
  role   = "deployer"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
TEMPLATE = json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {}}}})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "main.tf").write_text(POLICY, "utf-8")
    return tmp_path


class Stream:
    """A file whose reading is ``act``, which says that it is regular."""

    def __init__(self, stream: Any, act: Callable[[], bytes | None]) -> None:
        self._stream, self._act = stream, act

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def fileno(self) -> int:
        number: int = self._stream.fileno()
        return number

    def read(self, _: int = -1) -> bytes | None:
        return self._act()


def nothing_yet() -> bytes | None:
    """Return the result of a raw non-blocking read of /proc/kmsg."""
    return None


def failing(number: int) -> Callable[[], bytes | None]:
    def act() -> bytes | None:
        raise OSError(number, os.strerror(number))

    return act


ACTS = {
    "EAGAIN as None": nothing_yet,
    "EIO": failing(errno.EIO),
    "EPERM": failing(errno.EPERM),
    "EISDIR": failing(errno.EISDIR),
    "ESTALE": failing(errno.ESTALE),
}


def fail_at_reading(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], bytes | None]) -> None:
    """Let files of a name be opened, and fail when they are read."""
    real_open, real_fdopen = open, os.fdopen

    def opened(path: Any, *rest: Any, **how: Any) -> Any:
        stream = real_open(path, *rest, **how)
        return Stream(stream, act) if os.path.basename(path) == name else stream

    def from_handle(handle: int, *rest: Any, **how: Any) -> Any:
        stream = real_fdopen(handle, *rest, **how)
        return Stream(stream, act) if os.path.basename(os.readlink(f"/proc/self/fd/{handle}")) == name else stream

    monkeypatch.setattr(safe_read, "open", opened, raising=False)
    if os.path.exists("/proc/self/fd"):
        monkeypatch.setattr(os, "fdopen", from_handle)


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize(("name", "content"), [("x.tf", POLICY), ("x.tf.json", "{}"), ("x.json", TEMPLATE)])
@pytest.mark.parametrize("named", [True, False])
def test_file_that_fails_when_it_is_read_is_unreadable(
    named: bool,
    name: str,
    content: str,
    act: Callable[[], bytes | None],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rest is scanned."""
    (folder / "bad").mkdir()
    (folder / "bad" / name).write_text(content, "utf-8")
    fail_at_reading(monkeypatch, name, act)
    paths = ["good", f"bad/{name}"] if named else ["."]
    assert main(["scan", *paths, "--format", "json", "--no-cache"]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"bad/{name}") and "internal error" not in err
    assert [one["file"] for one in json.loads(out)["findings"]] == ["good/main.tf"]
    assert json.loads(out)["faults"] == []


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_content_that_cannot_be_read_is_an_os_error(
    act: Callable[[], bytes | None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at_reading(monkeypatch, "main.tf", act)
    with pytest.raises(OSError):
        read_bounded(folder / "good" / "main.tf", 1000)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b", "x" * 300])
def test_invalid_name_is_an_os_error(name: str) -> None:
    with pytest.raises(OSError):
        read_bounded(name, 1000)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="Linux only")
@pytest.mark.parametrize("target", ["/proc/self/mem", "/proc/kmsg", "/proc/self/attr/current", "/proc/self/clear_refs"])
@pytest.mark.parametrize("name", ["x.tf", "x.json"])
def test_link_to_a_kernel_file_is_unreadable(
    name: str, target: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kernel files claim to be regular and empty, for root and others."""
    (folder / "bad").mkdir()
    (folder / "bad" / name).symlink_to(target)
    status = main(["scan", "good", f"bad/{name}", "--format", "json", "--no-cache"])
    out, err = capsys.readouterr()
    assert status in (1, 2) and "internal error" not in err
    assert [one["file"] for one in json.loads(out)["findings"]] == ["good/main.tf"]


@pytest.mark.parametrize("name", ["x.tf", "x.json", "x.yaml", "terraform.tfvars", "x.auto.tfvars"])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_folder_or_pipe_named_like_a_file_is_skipped(
    kind: str, name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does not block, and hides nothing."""
    place = folder / "good" / name
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    status = main(["scan", ".", "--format", "json", "--no-cache"])
    out, err = capsys.readouterr()
    assert status in (1, 2) and "internal error" not in err
    assert [one["file"] for one in json.loads(out)["findings"]] == ["good/main.tf"]


def test_growing_file_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at_reading(monkeypatch, "main.tf", lambda: b"x" * 100)
    with pytest.raises(OSError, match="larger than"):
        read_bounded(folder / "good" / "main.tf", 1000)


def test_shrinking_file_is_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [b"abc", b""]
    fail_at_reading(monkeypatch, "main.tf", lambda: left.pop(0))
    assert read_bounded(folder / "good" / "main.tf", 1000) == b"abc"


def test_unreadable_file_is_omitted_from_the_copy_for_blame(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The changes are still found."""
    variable = 'variable "roles" {\n  default = "%s"\n}\n'
    for side, value in (("old", "arn:aws:iam::111122223333:role/app"), ("new", "*")):
        (folder / side).mkdir()
        (folder / side / "main.tf").write_text(POLICY.replace('"*"', "var.roles"), "utf-8")
        (folder / side / "variables.tf").write_text(variable % value, "utf-8")
        (folder / side / "private.txt").write_text("x", "utf-8")
    real = trial_copy.read_bounded

    def refused(path: Path, most: int) -> bytes:
        if path.name == "private.txt":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, most)

    monkeypatch.setattr(trial_copy, "read_bounded", refused)
    assert main(["diff", "old", "new", "--format", "json"]) == 1
    (change,) = json.loads(capsys.readouterr().out)["widened"]
    assert change["cause"] == {"file": "new/variables.tf", "line": 2}


@pytest.mark.parametrize("key", ["var_file", "parameters", "baseline", "output"])
def test_invalid_configured_name_is_an_error(key: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = '"a\\u0000b"' if key == "baseline" else '["a\\u0000b"]'
    (folder / "pyproject.toml").write_text(f"[tool.passrole_checks]\n{key} = {value}\n", "utf-8")
    assert main(["scan", "good", "--no-cache"]) == 2
    assert "internal error" not in capsys.readouterr().err
