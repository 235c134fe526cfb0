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
echo "passed"
