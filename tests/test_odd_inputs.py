"""Inputs that are no plain files, that change under our hands, and places where we are run in: each ends well."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.errors import InputError
from passrole_checks.files import safe_read
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths
from passrole_checks.sources import detect
from passrole_checks.sources.terraform.modules.folder import resolve_local_source

ROOT = Path(__file__).resolve().parent.parent
POLICY = """\
resource "aws_iam_user_policy" "bot" {
  user   = "bot"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
TEMPLATE = """\
Resources:
  Bot:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: bot
      PolicyDocument: {Statement: [{Effect: Allow, Action: "iam:PassRole", Resource: "*"}]}
"""
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the platform has no pipes")
needs_devices = pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="the platform has no /dev/zero")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, content: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def odd_file(kind: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "passrole_checks", *arguments]


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the program, which has to end by itself, with no more than 2 GB of memory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    limited = ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh", *command(*arguments)]
    return subprocess.run(
        limited,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=120,
        check=False,
    )


# pipes and devices

PLACES = {
    "a file of Terraform": "root/more.tf",
    "values that are loaded by themselves": "root/terraform.tfvars",
    "more of them": "root/x.auto.tfvars.json",
    "a file that an expression reads": "root/document.json",
    "the list of installed modules": "root/.terraform/modules/modules.json",
    "a template": "root/t.yaml",
    "a nested template": "root/nested.yaml",
    "a manifest": "root/manifest.json",
    "a file without an extension": "root/plan",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [pytest.param("pipe", marks=needs_pipes), pytest.param("device", marks=needs_devices)])
def test_pipes_and_devices_in_a_folder_are_never_waited_for(kind: str, place: str) -> None:
    """Wherever something that never ends may stand in for a file, the scan ends, and the rest is judged."""
    put("root/main.tf", POLICY + 'output "o" {\n  value = file("${path.module}/document.json")\n}\n')
    put("root/other.yaml", TEMPLATE + "  Nested:\n    Type: AWS::CloudFormation::Stack\n"
        "    Properties: {TemplateURL: ./nested.yaml}\n")  # fmt: skip
    odd_file(kind, Path(PLACES[place]))
    done = run("scan", "root", "--format", "json")
    found = [(one["check_id"], one["file"]) for one in json.loads(done.stdout)["findings"]]
    assert found == [("PASSROLE_001", "root/main.tf"), ("PASSROLE_001", "root/other.yaml")]
    assert done.returncode in (1, 2)
    assert "internal error" not in done.stderr


@needs_devices
@pytest.mark.parametrize(
    "option",
    [("--var-file", "/dev/zero"), ("--parameters", "/dev/zero"), ("--baseline", "/dev/zero")],
    ids=lambda one: one[0],
)
def test_a_device_that_is_named_is_refused(option: tuple[str, str]) -> None:
    """An endless value file or baseline is reported in one line."""
    put("main.tf", POLICY)
    done = run("scan", "main.tf", *option)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "/dev/zero" in done.stderr
    assert ": larger than " in done.stderr


@needs_pipes
@pytest.mark.parametrize("kind", [pytest.param("pipe", marks=needs_pipes), pytest.param("device", marks=needs_devices)])
def test_a_configuration_that_is_no_file_is_one_line(kind: str) -> None:
    """A repository whose pyproject.toml is a pipe or leads to a device cannot make the program wait."""
    put("main.tf", POLICY)
    odd_file(kind, Path("pyproject.toml"))
    done = run("scan", "main.tf")
    assert done.returncode == 2
    assert done.stderr.startswith("pyproject.toml: ")
    assert done.stderr.count("\n") == 1


@needs_devices
def test_what_is_given_by_name_and_no_file_is_named() -> None:
    """A device that is given is unreadable, and what is given beside it is judged."""
    put("main.tf", POLICY)
    found = scan_paths([Path("/dev/zero"), Path("/dev/null"), Path("main.tf")], ScanOptions())
    assert [(one.file, one.reason) for one in found.unreadable] == [
        ("/dev/null", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
    ]
    assert [one.check_id for one in found.findings] == ["PASSROLE_001"]


def test_content_is_read_to_the_end_and_no_further(folder: Path) -> None:
    """A file is read whole up to the limit, and refused one byte above it."""
    (folder / "x").write_bytes(b"12345")
    (folder / "empty").write_bytes(b"")
    assert safe_read.read_bounded("x", 5) == b"12345"
    assert safe_read.read_bounded(folder / "empty", 0) == b""
    with pytest.raises(OSError) as caught:
        safe_read.read_bounded("x", 4)
    assert (caught.value.errno, caught.value.strerror) == (errno.EFBIG, "larger than 4e-06 MB")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the platform has no /proc")
def test_a_file_that_says_it_is_empty_is_read_whole() -> None:
    """Files of /proc have no size and hold something."""
    assert safe_read.read_bounded("/proc/self/status", 1_000_000).startswith(b"Name:")


# symbolic links


def test_links_lead_nowhere_else(folder: Path) -> None:
    """A template behind a link is not read, and a dangling link is reported only if it is a Terraform file."""
    put("outside/secret.yaml", TEMPLATE)
    put("root/main.tf", POLICY)
    Path("root/link.yaml").symlink_to(folder / "outside" / "secret.yaml")
    Path("root/folder").symlink_to(folder / "outside")
    Path("root/gone.yaml").symlink_to("nowhere")
    Path("root/gone.tf").symlink_to("nowhere")
    Path("root/loop.tf").symlink_to("loop.tf")
    found = scan_paths([Path("root")], ScanOptions())
    assert [(one.check_id, os.path.basename(one.at.file)) for one in found.findings] == [("PASSROLE_001", "main.tf")]
    assert sorted(os.path.basename(one.file) for one in found.unreadable) == ["gone.tf", "loop.tf"]


# folders and files that cannot be opened, that change and that vanish


def test_a_folder_that_cannot_be_listed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without permission is reported in one line, and its siblings are checked."""
    put("root/main.tf", POLICY)
    put("root/closed/main.tf", POLICY)
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("passrole_checks.sources.files.walk.os.scandir", refuse)
    found = scan_paths([Path("root")], ScanOptions())
    assert [(os.path.basename(one.file), one.reason) for one in found.unreadable] == [
        ("closed", "cannot be opened: Permission denied")
    ]
    assert len(found.findings) == 1


@pytest.mark.parametrize("name", ["t.yaml", "t.json", "plan.json"])
def test_a_file_that_vanishes_between_two_looks_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A file that disappears between listing and reading is unreadable."""
    plan = '{"format_version": "1.2", "terraform_version": "1.9.0", "planned_values": {"root_module": {}}}'
    put(f"root/{name}", plan if name == "plan.json" else TEMPLATE)
    put("root/main.tf", POLICY)
    real = detect.discover

    def vanishing(paths: list[Path], *more: Any) -> detect.Discovery:
        found = real(paths, *more)
        Path("root", name).unlink()
        return found

    monkeypatch.setattr(detect, "discover", vanishing)
    found = scan_paths([Path("root")], ScanOptions())
    assert [(os.path.basename(one.file), one.reason) for one in found.unreadable] == [
        (name, "cannot be opened: No such file or directory")
    ]
    assert len(found.findings) == 1


def test_a_folder_of_terraform_that_vanishes_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that is gone when it is read holds nothing."""
    put("root/a/main.tf", POLICY)
    put("root/b/main.tf", POLICY)
    real = detect.discover

    def vanishing(paths: list[Path], *more: Any) -> detect.Discovery:
        found = real(paths, *more)
        Path("root/a/main.tf").unlink()
        Path("root/a").rmdir()
        return found

    monkeypatch.setattr(detect, "discover", vanishing)
    found = scan_paths([Path("root")], ScanOptions())
    assert [os.path.basename(os.path.dirname(one.at.file)) for one in found.findings] == ["b"]


@pytest.mark.parametrize("later", ["", "{", "Resources: [", "\0", "a: b\n"])
def test_a_file_that_is_another_one_when_it_is_read(monkeypatch: pytest.MonkeyPatch, later: str) -> None:
    """A template that changes after it was recognized is read in its new form, or rejected."""
    put("root/t.yaml", TEMPLATE)
    real = detect.load

    def changing(unit: detect.Unit, **how: object) -> object:
        Path("root/t.yaml").write_text(later)
        return real(unit, **how)

    monkeypatch.setattr(detect, "load", changing)
    found = scan_paths([Path("root")], ScanOptions())
    assert found.findings == ()
    assert all("t.yaml" in one.file for one in found.unreadable)


@needs_pipes
def test_a_pipe_that_takes_the_place_of_a_file_is_not_waited_for() -> None:
    """A file that becomes a pipe after it was recognized is unreadable."""
    put("t.yaml", TEMPLATE)
    (unit,) = detect.discover([Path("t.yaml")]).units
    Path("t.yaml").unlink()
    os.mkfifo("t.yaml")
    with pytest.raises(InputError, match="is not a regular file"):
        detect.load(unit)


# where it is run


def growing(folder: Path) -> Path:
    """A configuration that takes a while."""
    calls = "".join(f'module "m{number}" {{\n  source = "./m"\n  n = {number}\n}}\n' for number in range(400))
    put(str(folder / "main.tf"), calls)
    many = POLICY.replace('"bot" {', '"bot" {\n  count = 50', 1)
    put(str(folder / "m" / "main.tf"), 'variable "n" {}\n' + many)
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_in_the_middle_of_a_scan_is_one_line(folder: Path) -> None:
    """Ctrl-C ends a running scan with the shell's usual status, one line and no traceback."""
    with subprocess.Popen(
        [sys.executable, "-c", _TELLING, "scan", str(growing(folder / "root"))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=120)
    assert (process.returncode, out, errors) == (
        130,
        "",
        "\npassrole-checks: interrupted\n",
    )  # click ends the line with ^C


_TELLING = """\
import signal, sys
from passrole_checks.cli import main
from passrole_checks.scan import scanner
real = scanner.scan_paths
def telling(*arguments):
    print("reading", flush=True)
    return real(*arguments)
signal.signal(signal.SIGINT, signal.default_int_handler)  # which those in the background of a shell do not have
scanner.scan_paths = telling
sys.exit(main())
"""


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252"},
    ],
    ids=["C", "POSIX", "latin-1", "cp1252"],
)
@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "junit", "markdown", "github", "gitlab"])
def test_a_locale_that_is_not_utf8_changes_no_verdict(variables: dict[str, str], output_format: str) -> None:
    """Files are UTF-8 whatever the locale, and what standard output has no letters for is spelled out."""
    put("größe/日本.tf", POLICY.replace('"bot"\n', '"bötchen-日本"\n'))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    arguments = command("scan", ".", "--format", output_format)
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"PASSROLE_001" in done.stdout
    if output_format in ("json", "sarif", "gitlab"):
        json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux only")
@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "junit", "markdown", "github", "gitlab"])
def test_a_name_that_is_no_utf8_is_spelled_out(output_format: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The bytes of such a name are printed as valid UTF-8."""
    Path(os.fsdecode(b"caf\xe9")).mkdir()
    Path(os.fsdecode(b"caf\xe9/main.tf")).write_text(POLICY)
    Path(os.fsdecode(b"caf\xe9/t.yaml")).write_text(TEMPLATE + "  Broken: [\n")
    assert main(["scan", ".", "--format", output_format, "--output", "written"]) == 2
    told, errors = Path("written").read_bytes(), capfdbinary.readouterr().err
    told.decode("utf-8")
    errors.decode("utf-8")
    assert b"main.tf" in told
    if output_format in ("json", "sarif", "gitlab"):
        json.loads(told)


# Windows


@pytest.mark.parametrize("source", ["./modules/role", ".\\modules\\role", "./modules\\role"])
def test_a_module_source_may_be_written_with_backslashes(source: str) -> None:
    """Terraform on Windows takes both, and a configuration that was written there is read everywhere."""
    assert resolve_local_source(Path("root"), source) == Path("root/modules/role")


def test_links_that_lead_round_in_a_circle(folder: Path) -> None:
    """A module whose folder is a symbolic link to itself is reported as missing, and everything else is read."""
    for name in ("loop", "one/.external_modules/github.com/org/repo/v1"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).symlink_to(Path(name).name)
    for name in ("one", "two"):
        Path(name).mkdir(exist_ok=True)
        modules = 'module "a" { source = "../loop" }\nmodule "b" { source = "github.com/org/repo?ref=v1" }\n'
        Path(name, "main.tf").write_text(modules + POLICY, "utf-8")
    found = scan_paths([folder], ScanOptions())
    assert [os.path.relpath(one.at.file) for one in found.findings] == ["one/main.tf", "two/main.tf"]
    assert len(found.not_evaluated) == 2  # one for each module
