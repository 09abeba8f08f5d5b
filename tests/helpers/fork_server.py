"""Runs of a Python program, each in a process of its own, that do not import it again.

A server imports the program once for each worker of pytest and forks for each run.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

IS_USABLE = hasattr(os, "fork") and "COVERAGE_PROCESS_CONFIG" not in os.environ
"""False under coverage, which measures processes that Python starts, and on systems without ``os.fork``."""

_SERVER = """
import json, os, sys, traceback
import MODULE
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        files = [os.open(request["in"], os.O_RDONLY)]
        files += [os.open(request[name], os.O_WRONLY | os.O_CREAT) for name in ("out", "err")]
        for number, file in enumerate(files):
            os.dup2(file, number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        sys.argv[1:] = request["arguments"]
        status = 0
        try:
            status = RUN or 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class ForkServer:
    """A process that has ``module`` imported. ``run``: the expression that runs the program with ``sys.argv``, and
    gives its exit status."""

    def __init__(self, module: str, run: str) -> None:
        self._code = _SERVER.replace("MODULE", module).replace("RUN", run)

    @cached_property
    def _process(self) -> subprocess.Popen[str]:
        """Start the server; it ends with this process."""
        process = subprocess.Popen(
            [sys.executable, "-c", self._code],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(process.kill)
        return process

    def run(
        self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the program in a child of the server, with ``given`` as its standard input."""
        server = self._process
        assert server.stdin is not None and server.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            files = {name: str(Path(folder, name)) for name in ("in", "out", "err")}
            Path(files["in"]).write_text(given, "utf-8")
            request = {"arguments": [*arguments], "cwd": str(cwd), "env": {**environment}, **files}
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            status = int(server.stdout.readline())
            out, err = (Path(files[name]).read_text("utf-8") for name in ("out", "err"))
            return subprocess.CompletedProcess([*arguments], status, out, err)
