"""The last step of `action.yml`: its inputs, out of the environment, as options of `review`; then its outputs.

Runs as ``python -I``, so that nothing is imported from the working directory: it holds the pull request.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from passrole_checks.cli import main
from passrole_checks.files.write_atomically import guarded_folders, replace_file

CLEAN, FINDINGS, UNUSABLE = 0, 1, 2
UNDETERMINED = "cannot-tell"
LARGEST_ARTIFACT = 20_000_000
SECONDS = 60
SINGLE = ("fail-on", "severity", "post", "comment", "max-inline", "key", "baseline", "account")
REPEATED = ("var-file", "parameters", "exclude")  # one a line
FLAGS = {"status": ("--status", "--no-status"), "check-run": ("--check-run", ""), "strict": ("--strict", "")}


def variable(name: str) -> str:
    """The environment variable that holds an input: `INPUT_FAIL_ON` for `fail-on`."""
    return "INPUT_" + name.upper().replace("-", "_")


def given(environment: Mapping[str, str], name: str) -> str:
    """The value of an input; "" where it has none."""
    return environment.get(variable(name), "").strip()


def arguments(environment: Mapping[str, str], bundle: str, *, made: bool) -> Iterator[str]:
    """The command line for the inputs. The result is written to the file ``bundle``, or, where it was ``made`` before,
    read from there. Raises ValueError for a flag that is neither true nor false."""
    yield "review"
    yield from ("--format", "text", "--output", "-")
    if sarif := given(environment, "sarif-file"):
        yield from ("--format", "sarif", f"--output={sarif}")
    for name in SINGLE:
        if value := given(environment, name):
            yield f"--{name}={value}"
    for name in REPEATED:
        for line in filter(None, map(str.strip, given(environment, name).splitlines())):
            yield f"--{name}={line}"
    for name, (yes, no) in FLAGS.items():
        value = given(environment, name) or "false"
        if value not in ("true", "false"):
            raise ValueError(f"{name}: {value!r} is neither true nor false")
        option = yes if value == "true" else no
        if option:
            yield option
    yield f"--from-bundle={bundle}" if made else f"--offline-bundle={bundle}"


def download(environment: Mapping[str, str], name: str, into: Path) -> None:
    """Write the artifact of that ``name``, of the run that set this one off, to a file: as it is, never unpacked.

    Source: GitHub Docs, "REST API endpoints for GitHub Actions artifacts": an artifact is a zip file behind a redirect
    to another host, which ``requests`` follows without the token. Raises ValueError where there is none of a fit size,
    and OSError (of which requests' errors are) where GitHub does not answer.
    """
    import requests

    run, repository = environment.get("RUN", ""), environment["GITHUB_REPOSITORY"]
    if not run.isdigit():
        raise ValueError("from-artifact: this workflow was not set off by another one (workflow_run)")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {environment['GITHUB_TOKEN']}"
        session.headers["Accept"] = "application/vnd.github+json"
        session.headers["X-GitHub-Api-Version"] = "2022-11-28"
        runs = f"{environment['GITHUB_API_URL']}/repos/{repository}/actions"
        answer = session.get(f"{runs}/runs/{run}/artifacts", params={"name": name}, timeout=SECONDS)
        answer.raise_for_status()
        there = [one for one in answer.json()["artifacts"] if one["name"] == name and not one["expired"]]
        if not there:
            raise ValueError(f"from-artifact: run {run} has no artifact {name!r}")
        newest = max(there, key=lambda one: int(one["id"]))  # a run that was started again has several
        if newest["size_in_bytes"] > LARGEST_ARTIFACT:
            raise ValueError(f"from-artifact: {name!r} is larger than {LARGEST_ARTIFACT:,} bytes")
        with session.get(f"{runs}/artifacts/{newest['id']}/zip", timeout=SECONDS, stream=True) as answer:
            answer.raise_for_status()
            content = bytearray()
            for part in answer.iter_content(1 << 16):
                content += part
                if len(content) > LARGEST_ARTIFACT:
                    raise ValueError(f"from-artifact: {name!r} is larger than {LARGEST_ARTIFACT:,} bytes")
    into.write_bytes(content)


def outputs(result: Path, status: int) -> dict[str, str]:
    """What the action gives out, from the file with the result; where there is none, nothing could be told."""
    from passrole_checks.errors import PassRoleChecksError
    from passrole_checks.review.report_json import read_bundle

    try:
        report = read_bundle(result.read_bytes())
    except (OSError, PassRoleChecksError):
        return {"verdict": UNDETERMINED}
    groups = [item.group for item in report.items]
    return {
        "verdict": report.verdict.value if status in (CLEAN, FINDINGS) else UNDETERMINED,
        "new": str(groups.count("new")),
        "worse": str(groups.count("worse")),
        "fixed": str(len(report.fixed)),
    }


def for_code_scanning(sarif: Path) -> None:
    """Leave in a SARIF file what code scanning is to show: it heeds neither suppressions nor baselineState.

    Source: GitHub Docs, "SARIF support for code scanning": only the properties that are listed there are used, and
    these two are not among them. What is suppressed, accepted, or gone would be an open alert.
    """
    content = json.loads(sarif.read_text("utf-8"))
    for one in content["runs"]:
        shown = (result for result in one["results"] if result.get("baselineState") != "absent")
        one["results"] = [result for result in shown if not result.get("suppressions")]
    replace_file(sarif, json.dumps(content).encode(), guarded=guarded_folders(()))


def inode(path: str) -> int | None:
    """The number of a regular file, None for anything else: a file that was written since has another one."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return status.st_ino if stat.S_ISREG(status.st_mode) else None


def run() -> int:
    """Review, write the outputs, and return the exit status of the review.

    Where the result comes from another workflow, which failed where it had to, this one is there to tell: it succeeds.
    """
    environment = os.environ
    folder = Path(environment["FOLDER"])
    kept, artifact = given(environment, "bundle"), given(environment, "from-artifact")
    bundle = folder / "bundle.zip" if artifact else Path(kept or folder / "bundle.json")
    try:
        if artifact:
            download(environment, artifact, bundle)
        asked = list(arguments(environment, str(bundle), made=bool(artifact)))
    except (ValueError, OSError) as error:
        print(f"passrole_checks: {error}", file=sys.stderr)
        return UNUSABLE
    files = {"bundle": kept, "sarif": given(environment, "sarif-file")}
    before = {name: inode(path) for name, path in files.items()}
    status = main(asked)
    # A pull request may bring a file of this name: only what was written now is handed on.
    written = {name: path for name, path in files.items() if inode(path) not in (None, before[name])}
    told = outputs(bundle, status) if not kept or "bundle" in written else {"verdict": UNDETERMINED}
    told |= {name: os.path.abspath(path) for name, path in written.items()}
    if "sarif" in told:
        for_code_scanning(Path(told["sarif"]))
    with open(environment["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in told.items() if "\n" not in value)
    return CLEAN if artifact and status == FINDINGS else status


if __name__ == "__main__":
    sys.exit(run())
