#!/usr/bin/env bash
# Top eigenvalues of a real ResNet-20 on 500 test images against PyTorch's double backward (expected_resnet20_500.txt, made by
# tests/generate/hessian_resnet20.py): relative 1e-3, residuals below 1e-3. Three eigenpairs; LOSSLENS_LONG=1 asks for all ten
# (about four minutes of one core).
set -euo pipefail
shared=${LOSSLENS_SHARED:-}
images=$shared/data/cifar10/test_batch_0000_0499.bin
weights=$shared/data/checkpoints/losslens/cifar10_resnet20_0.pkl
if [ ! -f "$images" ] || [ ! -f "$weights" ]; then
  echo "skipped: the shared checkpoints are not here"
  exit 77
fi
if grep -qa __asan_init "$LOSSLENS"; then
  echo "skipped: too slow with sanitizers; full_resnet20.sh runs the same code on 64 images"
  exit 77
fi
pairs=3
[ -z "${LOSSLENS_LONG:-}" ] || pairs=10
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$LOSSLENS" hessian --network resnet20 --shortcut B --checkpoint "$weights" --data "cifar10:$images" \
  --mean .4914,.4822,.4465 --std .2023,.1994,.2010 --top $pairs --json > "$folder/out.json"
python3 - "$folder/out.json" "$LOSSLENS_SOURCE/tests/curvature/expected_resnet20_500.txt" $pairs <<'PYTHON'
import json, sys
got = json.load(open(sys.argv[1]))
wanted = [float(line) for line in open(sys.argv[2]) if not line.startswith("#")][1:]
pairs = int(sys.argv[3])
assert len(wanted) == 10 and got["samples"] == 500, (len(wanted), got["samples"])
assert got["reason"] == "converged" and got["converged"] == 1, got["reason"]
assert len(got["eigenvalues"]) == pairs, got["eigenvalues"]
for value, expected, residual in zip(got["eigenvalues"], wanted, got["residuals"]):
    assert abs(value - expected) <= 1e-3 * expected, (value, expected)
    assert residual <= 1e-3, residual
worst = max(abs(value - expected) / expected for value, expected in zip(got["eigenvalues"], wanted))
print("%d eigenvalues within %.1e; largest residual %.1e" % (pairs, worst, max(got["residuals"])))
PYTHON
