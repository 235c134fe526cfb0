#!/usr/bin/env bash
# Top eigenvalues of a real ResNet-20 on 64 test images against PyTorch's double backward
# (expected_resnet20.txt, made by tests/generate/hessian_resnet20.py): relative 1e-3, residuals below 1e-3.
set -euo pipefail
shared=${LOSSLENS_SHARED:-}
images=$shared/data/cifar10/test_batch_0000_0499.bin
weights=$shared/data/checkpoints/losslens/cifar10_resnet20_0.pkl
if [ ! -f "$images" ] || [ ! -f "$weights" ]; then
  echo "skipped: the shared checkpoints are not here"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
head -c $((64 * 3073)) "$images" > "$folder/first64.bin"
"$LOSSLENS" hessian --network resnet20 --shortcut B --checkpoint "$weights" --data "cifar10:$folder/first64.bin" \
  --mean .4914,.4822,.4465 --std .2023,.1994,.2010 --top 5 --json > "$folder/out.json"
python3 - "$folder/out.json" "$LOSSLENS_SOURCE/tests/curvature/expected_resnet20.txt" <<'PYTHON'
import json, sys
got = json.load(open(sys.argv[1]))
wanted = [float(line) for line in open(sys.argv[2]) if not line.startswith("#")][1:]
assert got["reason"] == "converged", got["reason"]
assert len(got["eigenvalues"]) == len(wanted) == 5
for value, expected, residual in zip(got["eigenvalues"], wanted, got["residuals"]):
    assert abs(value - expected) <= 1e-3 * expected, (value, expected)
    assert residual <= 1e-3, residual
print("eigenvalues agree:", got["eigenvalues"])
PYTHON
