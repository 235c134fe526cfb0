#!/usr/bin/env bash
# The straight line between two real ResNet-20 (seeds 0 and 123), buffers interpolated, against PyTorch (expected_line.txt, made
# by tests/generate/line_resnet20.py): loss to 1e-4, the same number of wrong images to 1 at every t.
set -euo pipefail
shared=${LOSSLENS_SHARED:-}
images=$shared/data/cifar10/test_batch_0000_0499.bin
weights=$shared/data/checkpoints/losslens
if [ ! -f "$images" ] || [ ! -f "$weights/cifar10_resnet20_0.pkl" ]; then
  echo "skipped: the shared checkpoints are not here"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$LOSSLENS" connect "$weights/cifar10_resnet20_0.pkl" "$weights/cifar10_resnet20_123.pkl" --network resnet20 --shortcut B \
  --data "cifar10:$images" --mean .4914,.4822,.4465 --std .2023,.1994,.2010 --kind linear --points 11 --batch-norm keep \
  --json > "$folder/out.json"
python3 - "$folder/out.json" "$LOSSLENS_SOURCE/tests/connectivity/expected_line.txt" <<'PYTHON'
import json, sys
got = json.load(open(sys.argv[1]))
wanted = [[float(word) for word in line.split()] for line in open(sys.argv[2]) if not line.startswith("#")]
assert got["kind"] == "curve" and got["path"] == "linear" and got["reason"] == "line", got
assert len(got["loss"]) == len(got["error"]) == len(wanted) == 11
worst = 0
for t, loss, error, (wanted_t, wanted_loss, wrong) in zip(got["t"], got["loss"], got["error"], wanted):
    assert abs(t - wanted_t) < 1e-12, (t, wanted_t)
    worst = max(worst, abs(loss - wanted_loss))
    assert abs(loss - wanted_loss) <= 1e-4, (t, loss, wanted_loss)
    assert abs(5 * error - wrong) <= 1.001, (t, error, wrong)
losses = [row[1] for row in wanted]
above = max(l - ((1 - row[0]) * losses[0] + row[0] * losses[-1]) for l, row in zip(losses, wanted))
assert abs(got["linear_barrier"] - above) <= 2e-4, (got["linear_barrier"], above)
print("largest difference of the losses %.2g; barrier %.4f" % (worst, got["linear_barrier"]))
PYTHON
