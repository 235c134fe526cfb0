#!/usr/bin/env bash
# Vision transformers under the names of vit-pytorch (four generations), timm, torchvision and nn.TransformerEncoder: each
# checkpoint finds its place, and loss and gradient are PyTorch's in float64 (tests/generate/vit_names.py). What
# `inspect --suggest` says of each is complete, but for the heads and, where torch cannot tell, norm and activation.
set -euo pipefail
files=$LOSSLENS_SOURCE/tests/networks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
data=(--data "xy:$files/blocks/x.npy,$files/blocks/y.npy")
failed=0
near() { # name key wanted bound
  awk -v got="$(sed -n "s/.*\"$2\":\([-+0-9.e]*\).*/\1/p" out.json)" -v wanted="$3" -v bound="$4" -v what="$1: $2" 'BEGIN {
    d = got - wanted; if (d < 0) d = -d
    if (got == "" || d > bound * wanted) { printf "FAILED: %s is %s, wanted %s within %s\n", what, got, wanted, bound; exit 1 } }' || failed=1
}
while read -r name loss gradient options; do
  arguments=()
  for pair in $options; do arguments+=(--option "$pair"); done
  checkpoint=$files/vit/$name.pt
  "$LOSSLENS" eval --network vit "${arguments[@]}" --checkpoint "$checkpoint" "${data[@]}" --float64 --gradient --json >out.json || { echo "FAILED: $name"; failed=1; continue; }
  near "$name" loss "$loss" 1e-12
  near "$name" gradient_norm "$gradient" 1e-11
  "$LOSSLENS" inspect "$checkpoint" --suggest >network.yaml
  told=(--option heads=2)
  case $name in
  lucidrains*) told+=(--option dim_head=6) ;;
  torch_encoder_first) told+=(--option norm=pre --option activation=gelu) ;;
  esac
  "$LOSSLENS" eval --config network.yaml "${told[@]}" --checkpoint "$checkpoint" "${data[@]}" --float64 --json >out.json || { echo "FAILED: $name as suggested"; cat network.yaml; failed=1; continue; }
  near "$name as suggested" loss "$loss" 1e-12
done <"$files/vit/expected.txt"
exit $failed
