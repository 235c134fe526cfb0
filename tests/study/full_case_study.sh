#!/usr/bin/env bash
# The cheapest case study from its file to its figures, as a reader of examples/ would: planned, run, shown; then again, at once.
set -euo pipefail
if [ ! -r /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ]; then
  echo "skipped: the package dataset-fashion-mnist is not installed"
  exit 77
fi
if grep -q __asan_init "$LOSSLENS" || grep -q __tsan_init "$LOSSLENS"; then
  echo "skipped: minutes under a sanitizer; pinn_quick.yaml is run there"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$LOSSLENS_SOURCE"/examples/case5_course.yaml "$work"
cd "$work"
fail() { echo "failed: $*" >&2; exit 1; }

"$LOSSLENS" run case5_course.yaml --threads 2 --quiet >run.txt
grep -q '14 jobs, 14 computed now' run.txt || fail "$(cat run.txt)"
"$LOSSLENS" run case5_course.yaml --threads 2 --json >again.json
grep -q '"computed":0' again.json || fail "$(cat again.json)"
# Both networks have learnt: far from the 0.1 of guessing.
"$LOSSLENS" table case5_course.db --metrics accuracy --format csv >table.csv
[ "$(awk -F, 'NR > 1 && $2 > 0.5 && $2 < 1 { n++ } END { print n + 0 }' table.csv)" = 2 ] || fail "$(cat table.csv)"
"$LOSSLENS" figure case5_course.db --rows contour,surface --figure grid.pdf >/dev/null
"$LOSSLENS" report case5_course.db >/dev/null
[ "$(head -c 5 grid.pdf)" = %PDF- ] || fail "no PDF"
# The planes of the path are shown and described, not the random ones alone; nothing passes that was not computed.
grep -q 'along pca directions' case5_course.html || fail "Methods without the plane of the path"
grep -q 'filled contours of a plane, with its trajectory (record 7)' case5_course.html || fail "no figure of the path's plane"
if grep -q 'curve convergence' case5_course.html; then fail "a check of paths that were not computed"; fi

# One changed option: the landscapes that it concerns, their topology, and what sums up.
sed -i 's/{grid: 9x9, direction: pca}/{grid: 7x7, direction: pca}/' case5_course.yaml
"$LOSSLENS" run case5_course.yaml --threads 2 --quiet >changed.txt
grep -q '14 jobs, 6 computed now' changed.txt || fail "$(cat changed.txt)"
