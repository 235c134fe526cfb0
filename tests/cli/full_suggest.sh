#!/usr/bin/env bash
# What `losslens inspect --suggest` prints is taken by `losslens eval --config`: for every family of the zoo the suggestion
# loads the checkpoint and gives the numbers that the true options give; for public checkpoints their error counts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
for i in 0 1 2 3 4 5; do
  printf "\\$((i % 2))"
  head -c 3072 /dev/zero | tr '\0' "\\$(printf '%03o' $((40 + 33 * i)))"
done >images.bin
awk 'BEGIN { for (i = 0; i < 12; i++) printf "%g,%g,%d\n", i, i * i % 7, i % 3 }' >table.csv

# same DATA TRUE-OPTIONS...: the weights before training, written by a run of one epoch on one batch
same() {
  local data=$1
  shift
  "$LOSSLENS" train --data "$data" --role fit=all --role test=all "$@" --epochs 1 --rate 1e-9 --out weights.safetensors --mean 0 --std 1 --quiet >/dev/null
  "$LOSSLENS" inspect weights.safetensors --suggest >network.yaml
  "$LOSSLENS" eval --data "$data" "$@" --checkpoint weights.safetensors --json >wanted.json
  if ! "$LOSSLENS" eval --data "$data" --config network.yaml --checkpoint weights.safetensors --json >got.json || ! cmp -s wanted.json got.json; then
    echo "FAILED: $*"
    cat network.yaml wanted.json got.json
    failed=1
  fi
}
o() { for pair in "$@"; do printf -- '--option\n%s\n' "$pair"; done; }
same cifar10:images.bin --network resnet8 --shortcut B
same cifar10:images.bin --network resnet14 --shortcut A
same cifar10:images.bin --network resnet8 --shortcut B --option batch_norm=no --option width=6
same cifar10:images.bin --network resnet18 --option width=4
same cifar10:images.bin --network cnn $(o channels=4,6 hidden=10,7 batch_norm=yes)
same cifar10:images.bin --network vgg11 --option batch_norm=no
same cifar10:images.bin --network vit $(o patch=8 dim=16 depth=2 heads=8 mlp=24 epsilon=1e-6)
same cifar10:images.bin --network vit $(o patch=8 dim=16 depth=1 heads=8 pool=mean qkv_bias=no epsilon=1e-6)
same csv:table.csv --network mlp --option hidden=5,4

if [ -n "${LOSSLENS_SHARED:-}" ] && [ -d "$LOSSLENS_SHARED/data/checkpoints" ]; then
  shared=$LOSSLENS_SHARED/data
  lens=(--mean .4914,.4822,.4465 --std .2023,.1994,.2010)
  martyn=(--mean .49187,.49186,.49186 --std .24697,.24697,.24697)
  errors() {
    local wanted=$1 file=$2
    shift 2
    "$LOSSLENS" inspect "$shared/checkpoints/$file" --suggest >network.yaml
    "$LOSSLENS" eval --config network.yaml --checkpoint "$shared/checkpoints/$file" --data "cifar10:$shared/cifar10/test_batch_0000_0499.bin" "$@" --json >got.json || true
    grep -q "\"samples\":500,\"errors\":$wanted," got.json || { echo "FAILED: $file: wanted $wanted errors"; cat network.yaml got.json; failed=1; }
  }
  errors 34 a-martyn/resnet20.pt "${martyn[@]}"
  errors 38 a-martyn/plainnet20.pt "${martyn[@]}"
  errors 38 a-martyn/resnet56.pt "${martyn[@]}"
  errors 60 a-martyn/plainnet56.pt "${martyn[@]}"
  errors 45 akamaster/resnet20-12fca82f.th --mean .485,.456,.406 --std .229,.224,.225
  errors 36 losslens/cifar10_resnet20_0.pkl "${lens[@]}"
  errors 49 losslens/cifar10_resnet20_no_skip_0.pkl "${lens[@]}"
  errors 163 vit_cifar10_smmk47/vit_cifar10.pth "${lens[@]}"
  for beta in 1 50; do
    pinn=$shared/pinn/convection_beta$beta.0_seed0.pt
    "$LOSSLENS" inspect "$pinn" --suggest >network.yaml
    "$LOSSLENS" eval --config network.yaml --checkpoint "$pinn" --json >got.json
    "$LOSSLENS" eval --problem convection --beta $beta --checkpoint "$pinn" --json >wanted.json
    cmp wanted.json got.json || failed=1
  done
else
  echo "skipped: the public checkpoints (LOSSLENS_SHARED is not set)"
fi
exit $failed
