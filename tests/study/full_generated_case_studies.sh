#!/usr/bin/env bash
# The case studies that need no data of others, whole, from file to report: every analysis they name, each made small
# (fewer seeds, settings, points and steps).
set -euo pipefail
if grep -q __asan_init "$LOSSLENS" || grep -q __tsan_init "$LOSSLENS"; then
  echo "skipped: minutes under a sanitizer; pinn_quick.yaml is run there"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$LOSSLENS_SOURCE"/examples/case{2_convection,4_unet}.yaml "$work"
cd "$work"
fail() { echo "failed: $*" >&2; exit 1; }

# shrink FILE OLD NEW: the file must still say OLD, or this test would run something else.
shrink() {
  grep -q -- "$2" "$1" || fail "$1 no longer says '$2'"
  sed -i "s|$2|$3|" "$1"
}
# ran STUDY GROUPS KIND...: runs it, with a result of each kind, a label with its evidence for each group, and a report.
ran() {
  local study=$1 groups=$2 kind
  shift 2
  "$LOSSLENS" run "$study.yaml" --threads 2 --quiet >run.txt 2>&1 || fail "$study: $(cat run.txt)"
  "$LOSSLENS" export "$study.db" >list.txt
  for kind in "$@"; do
    awk -v kind="$kind" '$2 == kind { found = 1 } END { exit !found }' list.txt || fail "$study has no $kind: $(cat list.txt)"
  done
  [ "$(awk '$2 == "taxonomy"' list.txt | wc -l)" = "$groups" ] || fail "$study: not $groups labels: $(cat list.txt)"
  "$LOSSLENS" report "$study.db" >/dev/null
  grep -q '</html>' "$study.html" || fail "$study: no report"
  "$LOSSLENS" run "$study.yaml" --threads 2 --json >again.json
  grep -q '"computed":0' again.json || fail "$study: $(cat again.json)"
}

case2=case2_convection.yaml
shrink $case2 'beta: \[1, 5, 10, 50\]' 'beta: [1, 50]'
shrink $case2 'seeds: 0..2' 'seeds: 0..1'
shrink $case2 'grid: 21x21' 'grid: 9x9'
ran case2_convection 2 metrics landscape eigenpairs trace cka curve placement topology distances comparison trust
# What the case shows: beta = 1 is learnt (published: about 0.01), beta = 50 is not.
"$LOSSLENS" table case2_convection.db --metrics relative_error --format csv >table.csv
awk -F, '/beta=1\)/ { exit !($2 < 0.05) }' table.csv || fail "beta = 1: $(cat table.csv)"
awk -F, '/beta=50\)/ { exit !($2 > 0.5) }' table.csv || fail "beta = 50: $(cat table.csv)"

case4=case4_unet.yaml
shrink $case4 'shapes:240,32' 'shapes:120,16'
shrink $case4 'fit: {count: 160}, evaluate: {count: 48}, calibrate: {count: 48}' 'fit: {count: 60}, evaluate: {count: 24}, calibrate: {count: 24}'
shrink $case4 'rate: \[0.001, 0.01\]' 'rate: [0.01]'
shrink $case4 'grid: 11x11' 'grid: 5x5'
ran case4_unet 2 metrics landscape eigenpairs cka curve topology distances comparison trust
