#!/usr/bin/env bash
# The demonstration behind `make demo`: examples/demo.sh BUILD_DIR
# Runs the study examples/demo.yaml (physics-informed networks of 1-D convection; a residual and a plain network on
# Fashion-MNIST), says what came out, writes a report, and serves the web application until Ctrl-C.
#   LOSSLENS_DEMO=quick     two minutes instead of ten
#   LOSSLENS_DEMO_SERVE=0   check that the address answers and end (as without a terminal)
#   LOSSLENS_DEMO_OUTPUT    where the study goes; default BUILD_DIR/demo
# Interrupted, the same command continues.
set -euo pipefail
if [ $# -ne 1 ] || [ ! -x "$1/losslens" ]; then
  echo "usage: examples/demo.sh BUILD_DIR (a folder with the program losslens)" >&2
  exit 2
fi
program=$(cd "$1" && pwd)/losslens
examples=$(cd "$(dirname "$0")" && pwd)
output=${LOSSLENS_DEMO_OUTPUT:-$1/demo}
study=demo
[ "${LOSSLENS_DEMO:-}" = quick ] && study=demo_quick
mkdir -p "$output"
cd "$output"
cp "$examples/$study.yaml" .
started=$(date +%s)

echo "== the study: $study.yaml"
grep -v '^ *#' $study.yaml | sed '/^analyses/,$d'
if ! "$program" run $study.yaml; then
  echo "the demonstration ended early" >&2
  exit 1
fi
# Interrupted runs end well but leave jobs: nothing to show yet.
state=$("$program" status $study.db)
done_jobs=$(sed -n '1s/.* \([0-9]*\) of \([0-9]*\) jobs done.*/\1/p' <<<"$state")
all_jobs=$(sed -n '1s/.* \([0-9]*\) of \([0-9]*\) jobs done.*/\2/p' <<<"$state")
if [ "$done_jobs" != "$all_jobs" ]; then
  echo "$done_jobs of $all_jobs jobs are done; the same command continues"
  exit 0
fi
echo
echo "== what came out, mean and standard deviation over the seeds"
"$program" table $study.db --metrics loss,relative_error,accuracy,lambda_1,relative_barrier,topology.minima
echo
echo "== the report: $PWD/$study.html"
"$program" report $study.db --out $study.html >/dev/null
echo
echo "the demonstration took $(($(date +%s) - started)) s"

if [ -t 1 ] && [ "${LOSSLENS_DEMO_SERVE:-1}" != 0 ]; then
  echo "== the web application, until Ctrl-C"
  exec "$program" serve $study.db
fi

# No person in front of it: does the address answer?
log=$(mktemp)
"$program" serve $study.db --port 0 >"$log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT
address=
for _ in $(seq 100); do
  address=$(sed -n 's/.*\(http:\/\/[^ ]*token=[^ ]*\).*/\1/p' "$log")
  [ -n "$address" ] && break
  kill -0 $server 2>/dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.1
done
host=${address#http://}
path=/${host#*/}
host=${host%%/*}
exec 3<>"/dev/tcp/${host%:*}/${host##*:}"
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&3
answer=$(head -n 1 <&3 | tr -d '\r')
exec 3<&- 3>&-
echo "the web application answers at http://$host/: $answer"
grep -q ' 30[0-9] \| 200 ' <<<"$answer "
