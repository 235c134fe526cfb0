#!/usr/bin/env bash
# --problem-file: the convection problem written down gives the numbers of the built-in one; points, grids, files of columns,
# several outputs, Fourier features; and what is refused.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
number() { sed -n "s/.*\"$1\":\([-+0-9.e]*\).*/\1/p" "$2"; }
near() { # what, a, b, relative
  awk -v what="$1" -v a="$2" -v b="$3" -v bound="$4" 'BEGIN { d = a - b; if (d < 0) d = -d; s = b < 0 ? -b : b
    if (a == "" || b == "" || d > bound * s) { printf "FAILED: %s: %s and %s\n", what, a, b; exit 1 } }' || failed=1
}
cat >convection.yaml <<'YAML'
name: convection
inputs: {x: [0, 6.258641614573416], t: [0, 1]}
outputs: [u]
constants: {beta: 1}
terms:
  - {name: initial, residual: u - sin(x), grid: [256], at: {t: 0}}
  - {name: boundary, residual: u@lower - u@upper, grid: [100], at: {lower: {x: 0}, upper: {x: 6.283185307179586}}}
  - {name: residual, residual: u_t + beta * u_x, points: 100}
reference: {u: sin(x - beta * t), grid: [256, 100]}
YAML
"$LOSSLENS" train --problem convection --beta 1 --epochs 40 --seed 2 --float64 --quiet --out w.safetensors >/dev/null
"$LOSSLENS" eval --problem convection --beta 1 --checkpoint w.safetensors --float64 --json >family.json
"$LOSSLENS" eval --problem-file convection.yaml --checkpoint w.safetensors --float64 --json >file.json
for key in initial boundary relative_l2 mean_absolute_error reference; do near $key "$(number $key file.json)" "$(number $key family.json)" 1e-9; done
[ "$(number residual file.json)" != "$(number residual family.json)" ] || { echo "FAILED: other points, same residual"; failed=1; }
"$LOSSLENS" eval --problem-file convection.yaml --checkpoint w.safetensors --float64 --json --point-seed 5 >seed.json
near "initial, other points" "$(number initial seed.json)" "$(number initial file.json)" 0
[ "$(number residual seed.json)" != "$(number residual file.json)" ] || { echo "FAILED: --point-seed moves nothing"; failed=1; }

# Two outputs, scaling, Fourier features; a file of columns (safetensors: x = 1, 2, value = 3, 4).
json='{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"value":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
{
  printf "\\$(printf '%03o' ${#json})\\0\\0\\0\\0\\0\\0\\0%s" "$json"
  printf '\0\0\200\077\0\0\0\100\0\0\100\100\0\0\200\100'
} >columns.safetensors
cat >data.yaml <<'YAML'
inputs: {x: [0, 4]}
outputs: [u, v]
hidden: [6]
activation: silu
scale: true
fourier: {features: 3, scale: 0.5, seed: 1}
terms:
  - {name: values, residual: "x - 1 + 0 * u; 2 * x", grid: [3], weight: 2}
  - {name: slopes, residual: "u_x - v_xx", points: 5, weight: 0}
  - {name: measured, residual: x - value + 0 * v, file: columns.safetensors}
YAML
"$LOSSLENS" eval --problem-file data.yaml --float64 --json >got.json # x = 0, 2, 4: mean of (x-1)^2 + 4 x^2 = (1 + 17 + 73) / 3
near "weighted mean" "$(number loss got.json)" 64.66666666666667 1e-14
near "a file of columns" "$(number measured got.json)" 4 0
near "parameters" "$(number parameters got.json)" 56 0 # (6 + 1) 6 + (6 + 1) 2
"$LOSSLENS" train --problem-file convection.yaml --epochs 3 --seeds 0..1 --quiet --out e.safetensors >/dev/null
"$LOSSLENS" landscape --problem-file convection.yaml --checkpoint e_0.safetensors --grid 3x3 --quiet >/dev/null

# The example learns the heat equation.
"$LOSSLENS" train --problem-file "$LOSSLENS_SOURCE/examples/problems/heat.yaml" --epochs 400 --quiet --json >heat.json
awk -v error="$(number relative_l2 heat.json)" 'BEGIN { exit !(error > 0 && error < 0.02) }' || { echo "FAILED: heat"; cat heat.json; failed=1; }

refused() {
  local wanted=$1 got code=0
  printf '%b' "$2" >bad.yaml
  got=$("$LOSSLENS" eval --problem-file bad.yaml 2>&1 >stdout.txt) || code=$?
  if [ "$code" != 1 ] || [ "$got" != "losslens eval: $wanted" ]; then printf 'FAILED: %b\n  wanted %s\n  got    %s\n' "$2" "$wanted" "$got"; failed=1; fi
}
head='inputs: {x: [0, 1], t: [0, 1]}\noutputs: [u]\n'
refused "bad.yaml: inputs: a map of 1 to 8 names with their ranges is wanted, as {x: [0, 1]}" 'outputs: [u]\n'
refused "bad.yaml: line 1, column 13: the range is empty" 'inputs: {x: [1, 1]}\noutputs: [u]\n'
refused "bad.yaml: terms: a list of 1 to 16 terms is wanted" "$head"
refused "bad.yaml: line 4, column 5: either points: N or grid: [N, ...] is wanted" "${head}terms:\n  - {name: a, residual: u}\n"
refused "bad.yaml: line 4, column 46: a number for each input that is not fixed is wanted" "${head}terms:\n  - {name: a, residual: u, at: {t: 0}, grid: [3, 3]}\n"
refused "bad.yaml: line 4, column 36: there is no such input" "${head}terms:\n  - {name: a, residual: u, at: {y: 0}, points: 3}\n"
refused "bad.yaml: line 4, column 28: unknown key 'weigth'; did you mean 'weight'?" "${head}terms:\n  - {name: a, residual: u, weigth: 2, points: 3}\n"
refused "bad.yaml: line 5, column 5: two terms have this name" "${head}terms:\n  - {name: a, residual: u, points: 3}\n  - {name: a, residual: u, points: 3}\n"
refused 'term a: no "u_"; there are the inputs, the outputs, their derivatives up to order 4 (as u_x), the constants and the data columns' "${head}terms:\n  - {name: a, residual: u_, points: 3}\n"
exit $failed
