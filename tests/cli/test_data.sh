#!/usr/bin/env bash
# losslens data: the list, what is refused, and data sets found by name. No network is used.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export LOSSLENS_DATA=$work/sets
failed=0
refused() { # '*' in the wanted text: libcurl's own words
  local wanted=$1 got code=0
  shift
  got=$("$LOSSLENS" "$@" 2>&1 >stdout.txt) || code=$?
  if [ "$code" != 1 ] || [[ $got != $wanted ]] || [ -s stdout.txt ]; then
    printf 'losslens %s\n  wanted %s\n  got    %s\n' "$*" "$wanted" "$got"
    failed=1
  fi
}
[ "$("$LOSSLENS" data | wc -l)" = 10 ] || { echo "the list has not 10 files"; failed=1; }
grep -qF '{"set":"cifar10","file":"cifar-10-binary.tar.gz","address":"https://www.cs.toronto.edu/~kriz","bytes":170052171,"md5":"c32a1d4ab5d03f1284b67883e8d87530","folder":"'"$work"'/sets/cifar10","there":false}' \
  <<<"$("$LOSSLENS" data --json)" || { echo "the list as JSON"; failed=1; }
refused "losslens data: cifra10: no address is known for it; did you mean cifar10; there are cifar10, cifar100, mnist, fashion-mnist" data cifra10
refused "losslens data: file://$work/nowhere/cifar-100-binary.tar.gz: *. Without a network, put this file (168513733 bytes, MD5 03b5dce01913d631647c71ecec9e9cb8) into $work/there" \
  data cifar100 --from "file://$work/nowhere" --to "$work/there" --quiet
mkdir mirror
printf 'not the archive' >mirror/cifar-10-binary.tar.gz
refused "losslens data: there/cifar-10-binary.tar.gz.part: has 15 bytes; wanted 170052171" data cifar10 --from "file://$work/mirror" --to there --quiet
[ -z "$(ls there)" ] || { echo "something was left behind: $(ls there)"; failed=1; }
refused "losslens data: ftp://localhost/cifar-10-binary.tar.gz: *ftp*. Without a network, put this file (170052171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530) into there" \
  data cifar10 --from ftp://localhost --to there --quiet

# By name: four IDX files where `losslens data mnist` would put them.
refused "losslens eval: mnist: $work/sets/mnist is not there: \`losslens data mnist\` fetches it, or say where it is: mnist:PATH" eval --network mlp --data mnist
mkdir -p sets/mnist
for part in train t10k; do
  { printf '\0\0\010\003\0\0\0\004\0\0\0\002\0\0\0\002'; printf '\001\002\003\004\005\006\007\010\011\012\013\014\015\016\017\020'; } >sets/mnist/$part-images-idx3-ubyte
  printf '\0\0\010\001\0\0\0\004\0\001\002\001' | gzip >sets/mnist/$part-labels-idx1-ubyte.gz
done
# Data with test samples are evaluated on those unless told otherwise.
grep -qF '"samples":4,' <<<"$("$LOSSLENS" eval --network mlp --option hidden=3 --data mnist --json)" || { echo "mnist by name"; failed=1; }
grep -qF '"samples":8,' <<<"$("$LOSSLENS" eval --network mlp --option hidden=3 --data mnist --split all --json)" || { echo "mnist, all of it"; failed=1; }
# What training normalised by is kept with the weights, and used wherever they are looked at.
"$LOSSLENS" train --network mlp --option hidden=3 --data mnist --epochs 3 --batch 2 --out weights.safetensors --quiet --json >train.json
loss_of() { sed 's/.*"loss":\([^,]*\),.*/\1/'; }
test_loss=$(loss_of <train.json)
loss=$("$LOSSLENS" eval --network mlp --option hidden=3 --data mnist --checkpoint weights.safetensors --json | loss_of)
[ -n "$loss" ] && [ "$loss" = "$test_loss" ] || { echo "trained to $test_loss, evaluated to $loss"; cat train.json; failed=1; }
plain=$("$LOSSLENS" eval --network mlp --option hidden=3 --data mnist --checkpoint weights.safetensors --mean 0 --std 1 --json | loss_of)
[ "$plain" != "$loss" ] || { echo "--mean and --std must win over what the weights say"; failed=1; }
exit $failed
