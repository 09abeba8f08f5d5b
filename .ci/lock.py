"""Writes `.ci/requirements-bot.txt`: all that the action and the GitLab template install, with the hashes of the files.

``python .ci/lock.py`` adds and takes away what pyproject.toml asks for, ``--upgrade`` takes the newest versions,
``--check`` changes nothing and ends with exit status 1 where the file is not in step. Needs uv and a package index.
The one file is for Python 3.10 to 3.13 on every platform; nothing in it is built from source.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / ".ci" / "requirements-bot.txt"
HEADER = "# All that the action and the GitLab template install. Written by `python .ci/lock.py`; do not edit.\n"


def compiled(into: Path, *options: str) -> None:
    """Resolve pyproject.toml with the extra `bot` into a file. Versions that it already holds stay, if they can."""
    command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10", "--generate-hashes"]
    command += ["--only-binary", ":all:", "--no-header", "--extra", "bot", "--output-file", str(into), *options]
    subprocess.run(
        [*command, "pyproject.toml"], cwd=ROOT, check=True, env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "requirements.txt"
        if LOCK.exists() and not asked.upgrade:
            shutil.copyfile(LOCK, made)
        compiled(made, *(["--upgrade"] if asked.upgrade else []))
        text = HEADER + made.read_text("utf-8")
    if not asked.check:
        LOCK.write_text(text, "utf-8")
        return 0
    if LOCK.exists() and LOCK.read_text("utf-8") == text:
        return 0
    print(f"{LOCK.relative_to(ROOT)} is not in step with pyproject.toml: run `python .ci/lock.py`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
