#!/usr/bin/env bash
# A trained curve between the public ResNet-20 of seeds 0 and 123, with and without shortcuts, is lower in the mean than the
# straight line (less than half of it after 64 steps); batch norm re-estimated at every t. Aligning the second
# network's units first shortens the line and lowers its barrier.
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
head -c $((128 * 3073)) "$images" > "$folder/first128.bin"
data=(--data "cifar10:$folder/first128.bin" --mean .4914,.4822,.4465 --std .2023,.1994,.2010 --points 7 --json)
for kind in B none; do
  skip=$([ $kind = B ] && echo "" || echo _no_skip)
  pair=("$weights/cifar10_resnet20${skip}_0.pkl" "$weights/cifar10_resnet20${skip}_123.pkl")
  "$LOSSLENS" connect "${pair[@]}" --network resnet20 --shortcut $kind "${data[@]}" \
    --batch 64 --budget 64 --rounds 1 --optimiser adam --rate 0.003 > "$folder/curve_$kind.json"
  "$LOSSLENS" connect "${pair[@]}" --network resnet20 --shortcut $kind "${data[@]}" --kind linear --align > "$folder/aligned_$kind.json"
done
python3 - "$folder" <<'PYTHON'
import json, sys
for kind in ("B", "none"):
    curve, aligned = (json.load(open("%s/%s_%s.json" % (sys.argv[1], what, kind))) for what in ("curve", "aligned"))
    assert curve["reason"] in ("unconverged", "connected"), curve["reason"]
    assert curve["steps"] == 64 and curve["batch_norm"] == "re-estimate", curve["steps"]
    assert curve["mean_loss"] < 0.5 * curve["linear_mean_loss"], (kind, curve["mean_loss"], curve["linear_mean_loss"])
    assert curve["loss"][0] == curve["linear_loss"][0] and curve["loss"][-1] == curve["linear_loss"][-1]
    assert aligned["straight_length"] < aligned["distance_before_alignment"], aligned["straight_length"]
    assert abs(aligned["distance_before_alignment"] - curve["straight_length"]) < 1e-4 * curve["straight_length"]
    assert abs(aligned["loss"][-1] - curve["linear_loss"][-1]) < 1e-3, "aligning changed the network"
    assert aligned["linear_barrier"] < curve["linear_barrier"], (kind, aligned["linear_barrier"], curve["linear_barrier"])
    print("shortcuts %s: mean loss %.3f on the curve, %.3f on the line; barrier %.3f, aligned %.3f (length %.2f, %.2f)" %
          (kind, curve["mean_loss"], curve["linear_mean_loss"], curve["linear_barrier"], aligned["linear_barrier"],
           curve["straight_length"], aligned["straight_length"]))
PYTHON
