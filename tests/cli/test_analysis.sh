#!/usr/bin/env bash
# losslens check, hessian and connect on a physics-informed problem that needs no files: exit status, JSON, kept pieces.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
problem=(--problem convection --beta 1 --float64 --seed 3)

fail() {
  echo "FAILED: $1"
  exit 1
}

for verb in check hessian connect; do
  grep -q "losslens $verb" <<<"$("$LOSSLENS" $verb --help)" || fail "$verb --help has no example"
done

"$LOSSLENS" check "${problem[@]}" > "$folder/check" || fail "check: exit status"
grep -q "agree with differences" "$folder/check" || fail "check: verdict"

"$LOSSLENS" hessian "${problem[@]}" --top 3 --json > "$folder/whole.json"
grep -q '"reason":"converged"' "$folder/whole.json" || fail "hessian: converged"
# The same bits on two threads, and continued from kept pieces.
"$LOSSLENS" hessian "${problem[@]}" --top 3 --json --threads 2 --pieces "$folder/pieces" > "$folder/two.json"
cmp "$folder/whole.json" "$folder/two.json" || fail "hessian: threads change the result"
"$LOSSLENS" hessian "${problem[@]}" --top 3 --json --pieces "$folder/pieces" > "$folder/again.json"
cmp "$folder/whole.json" "$folder/again.json" || fail "hessian: continued run differs"

# Warm: fewer products than cold, the same eigenvalue; the diagonal's sum is the trace.
"$LOSSLENS" hessian "${problem[@]}" --top 2 --subsets 1 --save-vectors "$folder/v.npy" --figure "$folder/pairs.svg" --json > "$folder/cold.json"
"$LOSSLENS" hessian "${problem[@]}" --top 2 --subsets 1 --warm "$folder/v.npy" --json > "$folder/warm.json"
"$LOSSLENS" hessian "${problem[@]}" --diagonal --probes 32 --json > "$folder/diagonal.json"
"$LOSSLENS" hessian "${problem[@]}" --trace --probes 32 --json > "$folder/trace.json"
"$LOSSLENS" hessian "${problem[@]}" --density --probes 2 --steps 10 --figure "$folder/density.svg" > /dev/null
grep -q "<svg" "$folder/pairs.svg" "$folder/density.svg" || fail "hessian: figures"
python3 - "$folder" <<'PYTHON' || fail "hessian: warm start, diagonal"
import json, sys
cold, warm, diagonal, trace = (json.load(open("%s/%s.json" % (sys.argv[1], name))) for name in ("cold", "warm", "diagonal", "trace"))
assert warm["products"] < cold["products"], (warm["products"], cold["products"])
assert abs(warm["eigenvalues"][0] - cold["eigenvalues"][0]) <= 1e-4 * cold["eigenvalues"][0]
assert "sampling_error" not in cold
assert diagonal["length"] == 7851 and diagonal["probes"] == trace["probes"] == 32
assert abs(sum(diagonal["diagonal"]) - trace["trace"]) <= 6 * trace["standard_error"], (sum(diagonal["diagonal"]), trace["trace"])
PYTHON
"$LOSSLENS" hessian "${problem[@]}" --warm "$folder/v.npy" --trace 2> /dev/null && fail "hessian: --warm with --trace accepted"
"$LOSSLENS" hessian "${problem[@]}" --parameter layers.0.wieght --top 1 2> "$folder/err" && fail "hessian: unknown parameter accepted"
grep -q 'did you mean "layers.0.weight"' "$folder/err" || fail "hessian: no suggestion"
"$LOSSLENS" hessian "${problem[@]}" --trace --density 2> /dev/null && fail "two analyses at once accepted"
grep -q "iB" <<<"$("$LOSSLENS" hessian "${problem[@]}" --how-much-memory)" || fail "hessian: memory"
"$LOSSLENS" connect "$folder/none.pt" "$folder/none.pt" "${problem[@]}" 2> "$folder/err" && fail "connect: missing file accepted"
grep -q "none.pt" "$folder/err" || fail "connect: the missing file is not named"
# Three networks: every pair has its straight line, aligning brings a pair closer, a plan takes fewer pairs; pieces of another
# command are refused.
"$LOSSLENS" train "${problem[@]}" --seeds 0..2 --epochs 3 --out "$folder/p.safetensors" --quiet > /dev/null
three=("$folder"/p_0.safetensors "$folder"/p_1.safetensors "$folder"/p_2.safetensors)
line=(connect "${problem[@]}" --kind linear --points 5)
"$LOSSLENS" "${line[@]}" "${three[@]}" --json --pieces "$folder/lines" > "$folder/all.json"
[ "$(grep -o '"done":true' "$folder/all.json" | wc -l)" = 3 ] || fail "connect: three pairs"
"$LOSSLENS" "${line[@]}" "${three[@]}" --json --pieces "$folder/lines" --threads 2 > "$folder/again.json"
cmp "$folder/all.json" "$folder/again.json" || fail "connect: continued run differs"
"$LOSSLENS" "${line[@]}" "${three[@]}" --pieces "$folder/lines" --points 7 2> "$folder/err" && fail "connect: pieces of other work accepted"
grep -q "other work" "$folder/err" || fail "connect: other work is not named"
cp "${three[2]}" "${three[1]}"
"$LOSSLENS" "${line[@]}" "${three[@]}" --json --pieces "$folder/lines" 2> /dev/null && fail "connect: pieces of another checkpoint accepted"
[ "$(grep -o '"done":true' <<<"$("$LOSSLENS" "${line[@]}" "${three[@]}" --plan sample --pairs 2 --json)" | wc -l)" = 2 ] || fail "connect: a sample of two pairs"
grep -q "units moved" <<<"$("$LOSSLENS" "${line[@]}" "${three[@]:0:2}" --align)" || fail "connect: alignment"
"$LOSSLENS" "${line[@]}" "${three[@]:0:2}" --figure "$folder/line.svg" > /dev/null
grep -q "<svg" "$folder/line.svg" || fail "connect: figure"
# Predictions of two networks: the same network differs nowhere; CKA of a network with itself is 1.
"$LOSSLENS" cka "$folder/p_0.safetensors" "$folder/p_0.safetensors" "$folder/p_2.safetensors" "${problem[@]}" --disparity --json > "$folder/cka.json"
python3 - "$folder/cka.json" <<'PYTHON' || fail "cka: disparity"
import json, sys
got = json.load(open(sys.argv[1]))
same, other, again = got["disparity"]
assert same["root_mean_square"] == 0 and other["root_mean_square"] > 0
assert other["root_mean_square"] == again["root_mean_square"] and len(other["difference"]) == other["values"]
PYTHON
# The same bits on two threads and from kept pieces: trace, density, curves, CKA.
twice() { # twice WHAT ARGUMENTS...: whole, on two threads keeping pieces, and again from the pieces
  local what=$1
  shift
  "$LOSSLENS" "$@" "${problem[@]}" --json > "$folder/one.json"
  "$LOSSLENS" "$@" "${problem[@]}" --json --threads 2 --pieces "$folder/$what" > "$folder/two.json"
  cmp "$folder/one.json" "$folder/two.json" || fail "$what: threads change the result"
  [ -n "$(find "$folder/$what" -name '*.piece')" ] || fail "$what: no pieces"
  rm "$(find "$folder/$what" -name '*.piece' | sort | tail -1)" # as if stopped before
  "$LOSSLENS" "$@" "${problem[@]}" --json --pieces "$folder/$what" > "$folder/three.json"
  cmp "$folder/one.json" "$folder/three.json" || fail "$what: continued run differs"
}
twice trace hessian --trace --probes 16
twice density hessian --density --probes 4 --steps 12
twice curve connect "${three[@]:0:2}" --budget 3 --rounds 2 --points 9
twice cka cka "${three[@]}"
twice minibatch cka "${three[@]:0:2}" --variant minibatch --batch 50
echo "passed"
