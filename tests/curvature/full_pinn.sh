#!/usr/bin/env bash
# Largest Hessian eigenvalue and trace of two public physics-informed networks on the points stored in their files, against
# PyTorch in double precision (expected_pinn.txt, made by tests/generate/hessian_pinn.py).
set -euo pipefail
pinn=${LOSSLENS_SHARED:-}/data/pinn
if [ ! -f "$pinn/convection_beta1.0_seed0.pt" ]; then
  echo "skipped: the shared checkpoints are not here"
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for beta in 1 50; do
  network=(--problem convection --beta $beta --checkpoint "$pinn/convection_beta$beta.0_seed0.pt" --float64 --json)
  "$LOSSLENS" hessian "${network[@]}" --top 1 --tolerance 1e-6 > "$folder/top$beta.json"
  "$LOSSLENS" hessian "${network[@]}" --trace --hutchpp > "$folder/trace$beta.json"
done
python3 - "$folder" "$LOSSLENS_SOURCE/tests/curvature/expected_pinn.txt" <<'PYTHON'
import json, sys
rows = [[float(word) for word in line.split()] for line in open(sys.argv[2]) if not line.startswith("#")]
assert [row[0] for row in rows] == [1, 50]
for beta, loss, top, trace, error in rows:
    pairs = json.load(open("%s/top%d.json" % (sys.argv[1], beta)))
    whole = json.load(open("%s/trace%d.json" % (sys.argv[1], beta)))
    assert pairs["reason"] == "converged" and pairs["residuals"][0] <= 1e-6, pairs
    assert abs(pairs["eigenvalues"][0] - top) <= 1e-5 * top, (pairs["eigenvalues"][0], top)
    assert whole["standard_error"] <= 0.02 * whole["trace"], whole["standard_error"]
    assert abs(whole["trace"] - trace) <= 4 * (whole["standard_error"] + error), (whole["trace"], whole["standard_error"], trace)
    tensors = sum(whole["tensor_trace"])
    spread = sum(whole["tensor_standard_error"])
    assert abs(tensors - whole["trace"]) <= 4 * (spread + whole["standard_error"]), (tensors, whole["trace"], spread)
    print("beta %g: top %.6g, trace %.6g +- %.2g" % (beta, pairs["eigenvalues"][0], whole["trace"], whole["standard_error"]))
PYTHON
