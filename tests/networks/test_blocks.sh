#!/usr/bin/env bash
# A residual network with attention that is not in the zoo, written as blocks: its .pt evaluates as in PyTorch (numbers by
# tests/generate/blocks_torch.py, float64), and what is wrong in a list of blocks is named with its place.
set -euo pipefail
files=$LOSSLENS_SOURCE/tests/networks/blocks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
data=(--data "xy:$files/x.npy,$files/y.npy")
wanted() { awk -v key="$1" '$1 == key {print $2}' "$files/expected.txt"; }
number() { sed -n "s/.*\"$1\":\([-+0-9.e]*\).*/\1/p" out.json; }
near() { # key, relative bound
  awk -v got="$(number "$1")" -v wanted="$(wanted "$1")" -v bound="$2" -v key="$1" 'BEGIN {
    d = got - wanted; if (d < 0) d = -d; w = wanted < 0 ? -wanted : wanted
    if (got == "" || d > bound * w) { printf "FAILED: %s is %s, wanted %s within %s\n", key, got, wanted, bound; exit 1 } }'
}
for precision in float32 float64; do
  flag=(); bound=1e-6
  if [ $precision = float64 ]; then flag=(--float64); bound=1e-13; fi
  "$LOSSLENS" eval --network-file "$files/network.yaml" --checkpoint "$files/weights.pt" "${data[@]}" --gradient --json "${flag[@]}" > out.json
  near parameters 0; near errors 0; near loss $bound; near gradient_norm $bound
done

# The same list as JSON.
printf '[{"flatten": null}, {"linear": "classes"}]' > linear.json
"$LOSSLENS" eval --network-file linear.json "${data[@]}" --json > out.json
[ "$(number parameters)" = 965 ] || { echo "FAILED: 192 x 5 + 5 parameters wanted"; cat out.json; exit 1; }

refused() { # message, blocks
  local got code=0
  printf '%b' "$2" > bad.yaml
  got=$("$LOSSLENS" eval --network-file bad.yaml "${data[@]}" 2>&1 >/dev/null) || code=$?
  if [ $code = 0 ] || [ "$got" != "losslens eval: $1" ]; then printf 'FAILED: %b\n  wanted: %s\n  got (%s): %s\n' "$2" "losslens eval: $1" $code "$got"; exit 1; fi
}
refused "bad.yaml: line 1, column 3: no block \"cnov\"; did you mean \"conv\"; there are conv, linear, norm, activation, pool, dropout, attention, position, reshape, permute, flatten, mean, upsample, sequential, residual, concat" \
  '- cnov: {out_channels: 4}\n'
refused "bad.yaml: line 2, column 43: unknown key 'strid'; did you mean 'stride'?" '- flatten\n- conv: {out_channels: 4, kernel_size: 3, strid: 2}\n'
refused "bad.yaml: line 1, column 15: 'type' is \"rleu\"; did you mean \"relu\"; wanted one of relu, gelu, gelu_tanh, tanh, sin, silu, sigmoid, softplus, leaky_relu" '- activation: rleu\n'
refused "bad.yaml: block 0 (conv): the option kernel_size is missing" '- conv: {out_channels: 4}\n'
refused "bad.yaml: line 1, column 24: 'out_channels' is a number (4.5); a whole number from 1 to 16777216 is wanted" '- conv: {out_channels: 4.5, kernel_size: 3}\n'
refused "bad.yaml: line 1, column 1: the key blocks is missing: a list of blocks" 'name: x\n'
refused "bad.yaml: line 1, column 1: unknown key 'block'; did you mean 'blocks'?" 'block: []\n'
refused "bad.yaml: the last block gives 7 channels; the data has 5 classes or targets" '- flatten\n- linear: 7\n'
echo "blocks: all as expected"
