#!/usr/bin/env bash
# Repeat the tests of the GitHub client with Stoplight's Prism as a proxy between the client and the fake server
# (tests/helpers/github_fake): it validates each exchange against GitHub's description of its API. PyGithub, an independent
# client, is tested against the fake server too. The first argument is the Python of the tests.
#
# Needs npm and a package index; writes a temporary folder only, which it removes. Without npm it does nothing, or fails if
# NEED_PRISM=1.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(command -v "${1:?the Python of the tests, as .venv-tests/bin/python}")

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
  [ "${NEED_PRISM:-0}" = 1 ] && fail "npm not found, which installs Prism"
  echo "npm not found: the GitHub client is not tested through Prism"
  exit 0
fi

scratch=$(mktemp -d)
prism=
trap '[ -z "$prism" ] || kill "$prism" 2>/dev/null || true; rm -rf "$scratch"' EXIT

# No package scripts, and no telemetry (one of them counts installations).
export DO_NOT_TRACK=1
cp .ci/prism/package.json .ci/prism/package-lock.json "$scratch/"
npm ci --prefix "$scratch" --ignore-scripts --no-audit --no-fund --loglevel=error >"$scratch/npm.txt" 2>&1 ||
  { cat "$scratch/npm.txt"; fail "Prism could not be installed"; }

# Its description, the two ports, and Prism itself.
PYTHONPATH=tests/helpers "$python" -m github_fake.for_proxy "$scratch/github.json"
free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
behind=$(free_port)
front=$(free_port)
node "$scratch/node_modules/@stoplight/prism-cli/dist/index.js" proxy "$scratch/github.json" "http://127.0.0.1:$behind" \
  --host 127.0.0.1 --port "$front" --errors >"$scratch/prism.log" 2>&1 &
prism=$!
for _ in $(seq 240); do
  grep -q "Prism is listening" "$scratch/prism.log" && break
  kill -0 "$prism" 2>/dev/null || break
  sleep 0.25
done
grep -q "Prism is listening" "$scratch/prism.log" || { cat "$scratch/prism.log"; fail "Prism did not start"; }

# No parallel tests: the single Prism forwards all calls to one port.
PASSROLE_GITHUB_THROUGH="http://127.0.0.1:$front" PASSROLE_GITHUB_PORT="$behind" PASSROLE_GITHUB_LOG="$scratch/prism.log" \
  "$python" -m pytest -q -p no:cacheprovider tests/review/github

# Outside the environment of the tests: nothing else needs it, and it is large.
"$python" -m pip install --quiet --target "$scratch/pygithub" PyGithub==2.10.0
PYTHONPATH="$scratch/pygithub" "$python" -m pytest -q -p no:cacheprovider tests/review/github/test_contract_pygithub.py
