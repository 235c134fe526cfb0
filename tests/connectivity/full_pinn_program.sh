#!/usr/bin/env bash
# Two physics-informed networks of full size (convection, beta = 1, 2-50-50-50-50-1), trained here from seeds 0 and 1, are found
# connected through the program; the same command starved of steps says that it is unconverged, and never calls that a barrier.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
problem=(--problem convection --beta 1)
"$LOSSLENS" train "${problem[@]}" --seeds 0..1 --out pinn.safetensors --json > trained.json 2> /dev/null
"$LOSSLENS" connect pinn_0.safetensors pinn_1.safetensors "${problem[@]}" --json > connected.json
"$LOSSLENS" connect pinn_0.safetensors pinn_1.safetensors "${problem[@]}" --budget 3 --rounds 2 --json > starved.json
starved=$("$LOSSLENS" connect pinn_0.safetensors pinn_1.safetensors "${problem[@]}" --budget 3 --rounds 2 --quiet)
grep -q "unconverged after .* the curve only bounds the barrier from above" <<< "$starved"
python3 - <<'PYTHON'
import json
connected, starved = json.load(open("connected.json")), json.load(open("starved.json"))
ends = (connected["loss"][0], connected["loss"][-1])
assert max(ends) < 1e-3, "the minima are not trained: %r" % (ends,)
assert connected["reason"] == "connected" and connected["converged"] == 1, connected["reason"]
assert connected["mc_loss"] >= -1e-3, connected["mc_loss"]
assert max(connected["loss"]) <= 1.05 * max(ends), (max(connected["loss"]), ends)
assert connected["linear_barrier"] > 0.1, connected["linear_barrier"]  # the straight line alone would say otherwise
assert starved["reason"] == "unconverged" and starved["converged"] == 0, starved["reason"]
assert starved["mc_loss"] < -1e-3 and starved["steps"] < 20, starved
print("mc %.3g (straight line %.3g); starved: %s, mc %.3g" %
      (connected["mc_loss"], connected["linear_mc_loss"], starved["reason"], starved["mc_loss"]))
PYTHON
