#!/usr/bin/env bash
# What the status page costs in a real browser with 500 models, 10,000 runs of one of them and 100 changes a second, as Markdown on stdout.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${GO:-go}" test -count=1 -timeout 30m -run TestManyModels -v ./internal/dashboard -page-models "${MODELS:-500}" >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
grep -q -- '--- PASS: TestManyModels' "$log" || { echo "There was no browser: nothing was measured."; exit 0; }
sed -n 's/^ *many_test\.go:[0-9]*: /- /p' "$log"
