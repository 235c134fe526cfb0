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
echo "passed"
