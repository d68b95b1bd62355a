#!/usr/bin/env bash
# All benches of this folder, one after another, as Markdown on stdout; each has its peers beside it in the same run.
#
#   PYTHON=…        a Python with bench/fit/requirements.txt
#   SERVE_PYTHON=…  a Python with bench/serve/requirements.txt
#   S3DBJS=…        s3db.js's dist/lite.js
#   bench/all.sh [quick]
#
# What is not named is left out, and said. "quick" is five minutes of it: fewer rounds, fewer records, one training.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
fit=(-rounds 2 -svg bench/fit/fit.svg)
serve=(-rounds 3)
records=(-rows 1000000)
runs=(-n 20 -pairs 20)
if [ "${1:-}" = quick ]; then
	fit=(-rounds 1 -case dense)
	serve=(-rounds 1 -time 1s)
	records=(-rows 100000 -only near)
	runs=(-n 3 -pairs 5)
fi

echo "# Side by side"
echo
echo "Made by \`make bench${1:+-$1}\` from $(git describe --tags --always --dirty) on $(date -u +%F). $(nproc) cores, $(awk -F': ' '/model name/ {print $2; exit}' /proc/cpuinfo), $(awk '/MemTotal/ {printf "%.0f GiB", $2/1048576}' /proc/meminfo)."
echo "Ratios count; figures in seconds are this machine's. What each column means stands in the programs' own comments."
section() { printf '\n## %s\n\n' "$1"; }

section "Training beside Keras, JAX and scikit-learn"
[ -n "${PYTHON:-}" ] || echo "PYTHON was not set: without peers."
"$go" run ./bench/fit -python "${PYTHON:-python3}" "${fit[@]}"
section "Predictions over HTTP beside FastAPI and MLServer"
[ -n "${SERVE_PYTHON:-}" ] || echo "SERVE_PYTHON was not set: without peers."
"$go" run ./bench/serve -python "${SERVE_PYTHON:-}" "${serve[@]}"
section "Records written and read beside s3db.js"
[ -n "${S3DBJS:-}" ] || echo "S3DBJS was not set: without its peer."
"$go" run ./bench/records ${S3DBJS:+-s3dbjs "$S3DBJS"} "${records[@]}"
section "Runs: beside asynq alone, and after a death"
echo '```'
"$go" run ./bench/runs "${runs[@]}"
echo '```'
section "The status page in a browser"
bench/page.sh
