#!/usr/bin/env bash
# A small residual network on Fashion-MNIST, with and without shortcuts, the same seeds: examples/fashion_mnist.sh BUILD_DIR [SEED ...]
# "seconds" are those since it last was continued. The images are Debian's package dataset-fashion-mnist, or `losslens data fashion-mnist`. Interrupted, it continues where it was.
set -euo pipefail
if [ $# -lt 1 ] || [ ! -x "$1/losslens" ]; then
  echo "usage: examples/fashion_mnist.sh BUILD_DIR [SEED ...] (a folder with the program losslens)" >&2
  exit 2
fi
program=$(cd "$1" && pwd)/losslens
output=${LOSSLENS_DEMO_OUTPUT:-$1/fashion_mnist}
shift
[ $# -gt 0 ] || set -- 0 1
network=${LOSSLENS_DEMO_NETWORK:-resnet8} epochs=${LOSSLENS_DEMO_EPOCHS:-5}
mkdir -p "$output"
cd "$output"
printf '%-10s %-9s %5s %14s %14s %9s\n' network shortcut seed "test accuracy" "test errors" seconds
for seed in "$@"; do
  for shortcut in B none; do
    name=${network}_${shortcut}_$seed
    [ -s "$name.json" ] || {
      "$program" train --network "$network" --shortcut $shortcut --data fashion-mnist --epochs "$epochs" --schedule cosine --nesterov \
        --weight-decay 5e-4 --seed "$seed" --out "$name.safetensors" --json >"$name.part"
      mv "$name.part" "$name.json"
    }
    number() { sed -n "s/.*\"$1\":\([-+0-9.e]*\).*/\1/p" "$name.json"; }
    awk -v network="$network" -v shortcut=$shortcut -v seed="$seed" -v accuracy="$(number accuracy)" -v seconds="$(number seconds)" \
      'BEGIN { printf "%-10s %-9s %5d %13.2f%% %14d %9.0f\n", network, shortcut, seed, 100 * accuracy, (1 - accuracy) * 10000 + .5, seconds }'
  done
done
