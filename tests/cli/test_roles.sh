#!/usr/bin/env bash
# Roles of samples: which they are, what two of them share, lists of numbers, corrupted images, and what is refused.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

# 40 different rows in two classes; the same with one row of class 1 twice.
awk 'BEGIN { print "a,b,class"; for (i = 0; i < 40; i++) printf "%d,%d,%d\n", i, i * i % 7, i % 2 }' >table.csv
{ cat table.csv; sed -n 3p table.csv; } >twice.csv
# 12 grey images of 32 x 32, each of one level, classes 0 and 1.
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
  printf "\\$((i % 2))"
  head -c 3072 /dev/zero | tr '\0' "\\$(printf '%03o' $((20 + 15 * i)))"
done >images.bin
printf '\0\0\010\001\0\0\0\003\007\002\005' >list.idx          # samples 7, 2, 5
printf '\0\0\010\001\0\0\0\003\007\002\007' >repeated.idx
printf '\0\0\010\001\0\0\0\002\007\050' >beyond.idx            # 40

# has 'what' TEXT: the last JSON holds it
json() { "$LOSSLENS" eval --json "$@" >got.json || { echo "failed: losslens eval $*"; failed=1; }; }
has() {
  if ! grep -qF "$1" got.json; then
    printf 'wanted %s in\n  %s\n' "$1" "$(cat got.json)"
    failed=1
  fi
}
refused() {
  local wanted=$1 got code=0
  shift
  got=$("$LOSSLENS" eval "$@" 2>&1 >stdout.txt) || code=$?
  if [ "$code" = 0 ] || [ "$got" != "losslens eval: $wanted" ] || [ -s stdout.txt ]; then
    printf 'losslens eval %s\n  wanted %s\n  got    %s\n' "$*" "$wanted" "$got"
    failed=1
  fi
}

mlp=(--network mlp --option hidden=4)
json "${mlp[@]}" --data csv:table.csv
has '"samples":40,'
has '"overlap":[]'
json "${mlp[@]}" --data csv:table.csv --role fit=train --role test=test
has '"fit":{"data":"csv:table.csv","split":"train","divided_by_seed":true,"samples":32,'
has '"test":{"data":"csv:table.csv","split":"test","divided_by_seed":true,"samples":8,'
has '"overlap":[{"first":"fit","second":"test","shared":0}]'
json "${mlp[@]}" --data csv:table.csv --role fit=train --role test=all
has '{"first":"fit","second":"test","shared":32}'
has 'roles fit and test overlap: 32 of the 40 samples of test have the same input as one of fit'
# Equal rows count as one sample, wherever they stand.
json "${mlp[@]}" --data csv:twice.csv --train-data csv:table.csv --role fit=all --role test=all
has '"shared":41}'
# A list of numbers; the same samples give the same hash, however they are chosen.
json "${mlp[@]}" --data csv:table.csv --role evaluate=@list.idx
has '"evaluate":{"data":"csv:table.csv","split":"listed","samples":3,'
json "${mlp[@]}" --data csv:table.csv --role evaluate=all:10
hash=$(sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/' got.json)
json "${mlp[@]}" --data csv:table.csv --samples 10
[ "$hash" = "$(sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/' got.json)" ] || { echo "the same choice has two hashes"; failed=1; }

# A corrupted image counts as the image that it was made from; divided by base image, the sides share none.
cnn=(--network cnn --option channels=2 --option hidden=2 --data cifar10:images.bin)
json "${cnn[@]}"
clean=$(sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/' got.json)
json "${cnn[@]}" --corrupt gaussian_noise:5 --role fit=all --role test=all:4
[ "$clean" != "$(sed 's/.*"hash":"\([0-9a-f]*\)".*/\1/' got.json)" ] || { echo "corruption changes no byte"; failed=1; }
has '"data":"cifar10:images.bin, corrupted by gaussian_noise:5"'
has '"shared":4}'
json "${cnn[@]}" --corrupt all --role fit=train --role test=test
has '"shared":0}'
json --network resnet8 --option width=2 --data cifar10:images.bin --role calibrate=all --role evaluate=all:6
has '"shared":6}'

# Empty or exhausted data is refused, never counted as zero.
refused 'csv:table.csv: role evaluate: 41 samples wanted; there are 40' "${mlp[@]}" --data csv:table.csv --samples 41
refused 'csv:table.csv: role test: 9 test samples wanted; there are 8' "${mlp[@]}" --data csv:table.csv --role test=test:9
refused 'csv:table.csv: role test: repeated.idx: the list has sample 7 twice' "${mlp[@]}" --data csv:table.csv --role test=@repeated.idx
refused 'csv:table.csv: role test: beyond.idx: the list has sample 40; there are 0 to 39' "${mlp[@]}" --data csv:table.csv --role test=@beyond.idx
refused '--role: got "testing=all"; wanted fit, calibrate, evaluate or test, and which samples: =all, =train, =test, =train:1000, =@FILE' \
  "${mlp[@]}" --data csv:table.csv --role testing=all
refused '--role: got "test=all:0"; wanted fit, calibrate, evaluate or test, and which samples: =all, =train, =test, =train:1000, =@FILE' \
  "${mlp[@]}" --data csv:table.csv --role test=all:0
refused '--role: calibrate alone leaves nothing to evaluate: add --role evaluate=...' --network resnet8 --option width=2 --data cifar10:images.bin --role calibrate=all
refused 'mlp: there is nothing to calibrate: the network has no batch norm' "${mlp[@]}" --data csv:table.csv --role calibrate=all --role test=all
refused '--role: belongs to a network with data, not to --problem' --problem convection --beta 1 --role test=all
refused 'gausian_noise: no corruption of that name; did you mean gaussian_noise; there are gaussian_noise, shot_noise, impulse_noise, speckle_noise, blur, contrast, brightness, jpeg, pixelate, or all of them: all' \
  "${cnn[@]}" --corrupt gausian_noise
refused 'blur: got the severity "6"; wanted 1 to 5' "${cnn[@]}" --corrupt blur:6
refused 'unet: its output for a sample is [10, 32, 32], not a score for each class; the loss cross_entropy wants one label a sample. A map of scores goes with labels for each pixel (--data segmentation:IMAGES,MASKS) or with --loss bce or mse and targets of the map'"'"'s shape' \
  --network unet --option width=2 --data cifar10:images.bin
head -c 0 /dev/null >empty.bin
refused 'empty.bin: 0 bytes are no whole number of CIFAR records (3,073 bytes each, or 3,074 in CIFAR-100): the file was cut short or is something else' "${mlp[@]}" --data cifar10:empty.bin

# Training: curves on `evaluate`, the last numbers on `test`, overlaps said.
"$LOSSLENS" train "${mlp[@]}" --data csv:table.csv --epochs 2 --batch 8 --role evaluate=test --quiet --json >got.json
has '{"first":"fit","second":"evaluate","shared":0},{"first":"test","second":"evaluate","shared":8}'
exit $failed
