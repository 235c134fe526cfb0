#!/usr/bin/env bash
# The same samples in every kind of source (tests/generate/data_sources.py) have one hash: CIFAR archives, folders and
# batches, pairs of tensors, folders of images, masks; and shapes that are drawn here are the same every time.
set -euo pipefail
files=$LOSSLENS_SOURCE/tests/data/sources
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
network=(--network mlp --option hidden=1)
hash() { "$LOSSLENS" eval "${network[@]}" --data "$1" --split all --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p'; }
same() { # sources
  local first got
  first=$(hash "$1")
  [ -n "$first" ] || { echo "FAILED: $1 has no hash"; failed=1; }
  for source in "${@:2}"; do
    got=$(hash "$source")
    [ "$got" = "$first" ] || { echo "FAILED: $source differs from $1"; failed=1; }
  done
}
says() { # wanted, arguments of inspect
  local got
  got=$("$LOSSLENS" inspect "${@:2}" 2>&1 || true)
  [[ $got == *"$1"* ]] || { printf 'FAILED: inspect %s\n  wanted %s\n  got %s\n' "${*:2}" "$1" "$got"; failed=1; }
}
for archive in "$files"/cifar-*.tar.gz; do gzip -dc "$archive" | tar -xf -; done
same "$files/cifar10.npz" cifar10:"$files/cifar-10-binary.tar.gz" "$files/cifar-10-python.tar.gz" cifar10:cifar-10-batches-bin cifar-10-batches-bin cifar10:cifar-10-batches-py cifar-10-batches-py
same "$files/cifar100.npz" cifar100:"$files/cifar-100-binary.tar.gz" "$files/cifar-100-python.tar.gz" cifar-100-binary cifar100:cifar-100-python
says 'data set of 11 samples (2 of them test samples)' cifar10:cifar-10-batches-py
says 'class   9 truck            2' cifar-10-batches-bin
same cifar10:cifar-10-batches-py/data_batch_1 cifar10:cifar-10-batches-bin/data_batch_1.bin
says 'CIFAR-10 is wanted; this is CIFAR-100' cifar10:cifar-100-python
same "$files/pair.npz" "$files/pair_zip64.npz" "$files/pair.pt" "$files/pair_legacy.pt" "$files/pair.safetensors" xy:"$files/x.npy","$files/y.npy"
same folder:"$files/folder" "$files/folder" idx:"$files/folder-images.idx","$files/folder-labels.idx.gz"
says 'class   1 dog              1' folder:"$files/folder"
network=(--network unet --option depth=2 --option width=1)
same "$files/segmentation.npz" segmentation:"$files/images","$files/masks"
says 'labels: a class of 3 for each pixel' segmentation:"$files/images","$files/masks"

same shapes:5,16 shapes:5,16,0
[ "$(hash shapes:5,16,1)" != "$(hash shapes:5,16)" ] || { echo "FAILED: the seed of shapes changes nothing"; failed=1; }
says 'labels: a class of 3 for each pixel' shapes:5,16
says 'shapes:COUNT[,SIDE[,SEED]] is wanted' shapes:5,7

# A U-Net on images and masks: the map of scores meets the map of labels, and the suggestion loads what was trained.
"$LOSSLENS" train --network unet --option depth=2 --option width=3 --data segmentation:"$files/images","$files/masks" --role fit=all --role test=all --epochs 1 --out unet.safetensors --mean 0 --std 1 --quiet >/dev/null
"$LOSSLENS" inspect unet.safetensors --suggest >unet.yaml
"$LOSSLENS" eval --config unet.yaml --checkpoint unet.safetensors --data segmentation:"$files/images","$files/masks" --json >a.json
"$LOSSLENS" eval --network unet --option depth=2 --option width=3 --checkpoint unet.safetensors --data "$files/segmentation.npz" --json >b.json
[ "$(sed 's/,"roles".*//' a.json)" = "$(sed 's/,"roles".*//' b.json)" ] && grep -q '"pixel_accuracy":' a.json || { echo "FAILED: U-Net"; cat a.json b.json; failed=1; }

# Class weights and ignored labels: equal weights change nothing; an ignored class is no class of the network's.
unet=(--network unet --option depth=2 --option width=2 --data "$files/segmentation.npz" --float64 --json)
number() { sed -n "s/.*\"$1\":\([-+0-9.e]*\).*/\1/p" "$2"; }
"$LOSSLENS" eval "${unet[@]}" >plain.json
"$LOSSLENS" eval "${unet[@]}" --class-weights 3,3,3 >weighted.json
"$LOSSLENS" eval "${unet[@]}" --ignore-label 2 >ignored.json
awk -v a="$(number cross_entropy plain.json)" -v b="$(number cross_entropy weighted.json)" 'BEGIN { d = a - b; exit !(d < 1e-12 && d > -1e-12 && a > 0) }' ||
  { echo "FAILED: equal class weights change the loss"; failed=1; }
[ $(($(number parameters plain.json) - $(number parameters ignored.json))) = 3 ] || { echo "FAILED: the ignored class has scores"; failed=1; }
got=$("$LOSSLENS" eval "${unet[@]}" --class-weights 1,2 2>&1 || true)
[ "$got" = "losslens eval: class weights: got 2; there are 3 classes" ] || { echo "FAILED: $got"; failed=1; }
exit $failed
