#!/usr/bin/env bash
# losslens landscape on closed forms: known corner values, the same bytes on one and two threads, refusals.
set -euo pipefail
run() { "$LOSSLENS" landscape --analytic rosenbrock --direction coordinates --range -2:2 --range 0:1 --quiet "$@"; }
# 3 x 2 points: f(x, y) = 100 (y - x^2)^2 + (1 - x)^2 at x = -2, 0, 2 and y = 0, 1.
run --grid 3x2 --json | grep -q '"loss":\[\[1609,909\],\[1,101\],\[1601,901\]\]' || { echo "values differ from the closed form"; exit 1; }
[ "$(run --grid 9x7 --json --threads 1)" = "$(run --grid 9x7 --json --threads 2)" ] || { echo "threads change the result"; exit 1; }
for wrong in "--grid 3xx2" "--grid 3x2 --range 1:0" "--grid 3x2 --direction between"; do
  code=0
  # shellcheck disable=SC2086
  "$LOSSLENS" landscape --analytic rosenbrock $wrong >/dev/null 2>&1 || code=$?
  [ "$code" = 2 ] || { echo "'$wrong' gave exit status $code, wanted 2"; exit 1; }
done
