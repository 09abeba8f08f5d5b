"""Main step of `action.yml`: turn inputs in the environment into options of `review` or `scan`, run it, write outputs.

Runs as ``python -I``, so that nothing is imported from the working directory, which contains the pull request.
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
REVIEW, SCAN = "review", "scan"  # values of the input `mode`, and the commands
SINGLE = ("fail-on", "severity", "baseline", "account")
POSTING = ("post", "comment", "max-inline", "key")  # of a review only
REPEATED = ("var-file", "parameters", "exclude")  # one per line
PLANS = ("plan", "plan-before")  # one per line, of a review only
FLAGS = {
    "status": ("--status", "--no-status"),
    "check-run": ("--check-run", ""),
    "label": ("--label", ""),
    "strict": ("--strict", ""),
}


def variable(name: str) -> str:
    """Return the name of an input's environment variable: `INPUT_FAIL_ON` for `fail-on`."""
    return "INPUT_" + name.upper().replace("-", "_")


def value_of(environment: Mapping[str, str], name: str) -> str:
    """Return the value of an input, "" if it has none."""
    return environment.get(variable(name), "").strip()


def arguments(environment: Mapping[str, str], bundle: str, downloaded: str = "") -> Iterator[str]:
    """Yield the arguments of the command line for the inputs.

    A review writes its report to the file ``bundle``, after reading that of another workflow from the file
    ``downloaded``, if given. Raises ValueError for an unknown mode, a flag that is neither true nor false, and inputs
    that exclude each other.
    """
    mode = value_of(environment, "mode") or REVIEW
    if mode not in (REVIEW, SCAN):
        raise ValueError(f"mode: {mode!r} is neither {REVIEW} nor {SCAN}")
    yield mode
    yield from ("--format", "text", "--output", "-")
    if sarif := sarif_file(environment):
        yield from ("--format", "sarif", f"--output={sarif}")
    if mode == SCAN and (summary := environment.get("GITHUB_STEP_SUMMARY")):
        yield from ("--format", "markdown", f"--output={summary}")  # a review appends its own
    for name in (*SINGLE, *(POSTING if mode == REVIEW else ())):
        if value := value_of(environment, name):
            yield f"--{name}={value}"
    for name in (*REPEATED, *(PLANS if mode == REVIEW else ())):
        for line in filter(None, map(str.strip, value_of(environment, name).splitlines())):
            yield f"--{name}={line}"
    if mode == SCAN:
        for name in (*PLANS, "bundle", "from-artifact"):
            if value_of(environment, name):
                raise ValueError(f"{name}: needs mode {REVIEW}")
        yield "."
        return
    for name, (yes, no) in FLAGS.items():
        option = yes if is_true(environment, name) else no
        if option:
            yield option
    if downloaded:
        yield f"--from-bundle={downloaded}"
    yield f"--offline-bundle={bundle}"


def is_true(environment: Mapping[str, str], name: str) -> bool:
    """Return the value of a flag. Raises ValueError if it is neither true nor false."""
    value = value_of(environment, name) or "false"
    if value not in ("true", "false"):
        raise ValueError(f"{name}: {value!r} is neither true nor false")
    return value == "true"


def sarif_file(environment: Mapping[str, str]) -> str:
    """Return the SARIF file to write, "" if none: the input, or a file outside the clone if only the upload is
    requested. Raises ValueError if that flag is neither true nor false."""
    upload = is_true(environment, "upload-sarif")
    return value_of(environment, "sarif-file") or (f"{environment['FOLDER']}/passrole.sarif" if upload else "")


def download(environment: Mapping[str, str], name: str, into: Path) -> None:
    """Write the artifact ``name`` of the workflow run that triggered this one to a file, without unpacking it.

    Source: GitHub Docs, "REST API endpoints for GitHub Actions artifacts": an artifact is a zip file behind a redirect
    to another host, which ``requests`` follows without the token. Raises ValueError if the artifact is missing or too
    large, and OSError (the base class of requests' errors) if GitHub does not answer.
    """
    import requests

    run, repository = environment.get("RUN", ""), environment["GITHUB_REPOSITORY"]
    if not run.isdigit():
        raise ValueError("from-artifact: this workflow was not triggered by another one (workflow_run)")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {environment['GITHUB_TOKEN']}"
        session.headers["Accept"] = "application/vnd.github+json"
        session.headers["X-GitHub-Api-Version"] = "2022-11-28"
        runs = f"{environment['GITHUB_API_URL']}/repos/{repository}/actions"
        answer = session.get(f"{runs}/runs/{run}/artifacts", params={"name": name}, timeout=SECONDS)
        answer.raise_for_status()
        artifacts = [
            artifact for artifact in answer.json()["artifacts"] if artifact["name"] == name and not artifact["expired"]
        ]
        if not artifacts:
            raise ValueError(f"from-artifact: run {run} has no artifact {name!r}")
        newest = max(artifacts, key=lambda artifact: int(artifact["id"]))  # a repeated run has several
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
    """Return the outputs of a review from the report it wrote; without a valid one the verdict is `cannot-tell`."""
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
        "accepted": str(len(report.accepted)),
    }


def for_code_scanning(sarif: Path) -> None:
    """Remove suppressed and fixed results from a SARIF file: code scanning ignores suppressions and baselineState.

    Source: GitHub Docs, "SARIF support for code scanning": only the properties listed there are used, and these two are
    not among them. Suppressed, accepted and fixed results would be open alerts.
    """
    content = json.loads(sarif.read_text("utf-8"))
    for sarif_run in content["runs"]:
        present = (result for result in sarif_run["results"] if result.get("baselineState") != "absent")
        sarif_run["results"] = [result for result in present if not result.get("suppressions")]
    replace_file(sarif, json.dumps(content).encode(), guarded=guarded_folders(()))


def inode(path: str) -> int | None:
    """Return the inode number of a regular file, which changes when the file is replaced; None for anything else."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return status.st_ino if stat.S_ISREG(status.st_mode) else None


def run() -> int:
    """Review or scan, write the outputs, and return the exit status of the command.

    A report from another workflow is only posted here: that workflow fails on findings, this one succeeds.
    """
    environment = os.environ
    folder = Path(environment["FOLDER"])
    bundle_file, artifact = value_of(environment, "bundle"), value_of(environment, "from-artifact")
    bundle, downloaded = Path(bundle_file or folder / "bundle.json"), folder / "bundle.zip"
    try:
        options = list(arguments(environment, str(bundle), str(downloaded) if artifact else ""))
        if artifact:
            download(environment, artifact, downloaded)
        files = {"bundle": bundle_file, "sarif": sarif_file(environment)}
    except (ValueError, OSError) as error:
        print(f"passrole_checks: {error}", file=sys.stderr)
        return UNUSABLE
    before = {name: inode(path) for name, path in files.items()}
    status = main(options)
    # A pull request may contain a file of this name: only a file that this run wrote is an output.
    written = {name: path for name, path in files.items() if inode(path) not in (None, before[name])}
    is_own = not bundle_file or "bundle" in written
    if options[0] == SCAN:
        result = {"verdict": {CLEAN: "clean", FINDINGS: "findings"}.get(status, UNDETERMINED)}
    else:
        result = outputs(bundle, status) if is_own else {"verdict": UNDETERMINED}
    result |= {name: os.path.abspath(path) for name, path in written.items()}
    if "sarif" in result:
        for_code_scanning(Path(result["sarif"]))
    with open(environment["GITHUB_OUTPUT"], "a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in result.items() if "\n" not in value)
    return CLEAN if artifact and status == FINDINGS else status


if __name__ == "__main__":
    sys.exit(run())
