#!/usr/bin/env bash
# losslens eval: exact words of what is refused, the report of names, help, and text beside JSON.
set -euo pipefail
files=$LOSSLENS_SOURCE/tests/networks/blocks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$files"/x.npy "$files"/y.npy "$files"/weights.pt "$files"/network.yaml "$work"
cd "$work"
failed=0

# expect STATUS 'standard error' ARGUMENTS...: nothing may be on standard output
expect() {
  local status=$1 wanted=$2 got code=0
  shift 2
  got=$("$LOSSLENS" eval "$@" 2>&1 >stdout.txt) || code=$?
  if [ "$code" != "$status" ] || [ "$got" != "$wanted" ] || [ -s stdout.txt ]; then
    printf 'losslens eval %s\n  wanted %s: %s\n  got    %s: %s\n' "$*" "$status" "$wanted" "$code" "$got"
    failed=1
  fi
}
data=(--data xy:x.npy,y.npy)
expect 1 "losslens eval: --network: say what to look at: --network NAME or --network-file FILE with --data SOURCE, or --problem NAME"
expect 1 "losslens eval: --network, --network-file, --problem: 2 of them are given; give one" --network cnn --problem reaction
expect 1 "losslens eval: --data: a network needs data: for example --data cifar10:FOLDER" --network cnn
expect 1 "losslens eval: --mean, --std: got 3 means and 1 deviations; wanted as many of both, at most 16" --network cnn "${data[@]}" --mean .1,.2,.3 --std .5
expect 1 "losslens eval: --option: got \"depth\"; wanted KEY=VALUE, at most 47 times" --network cnn "${data[@]}" --option depth
expect 1 "losslens eval: resnt20: no network \"resnt20\"; did you mean \"resnet20\"; there are resnet<6n+2>, resnet18/34/50/101/152, vgg11/13/16/19, vit, unet, mlp, cnn" \
  --network resnt20 "${data[@]}"
expect 1 "losslens eval: resnet20: no option \"widht\"; did you mean \"width\"; there are: depth, shortcut, padding, batch_norm, width, initialisation" \
  --network resnet20 "${data[@]}" --option widht=8
expect 1 "losslens eval: resnet20: option padding: got \"left\"; wanted one of both|end (where shortcut A puts the zero channels)" \
  --network resnet20 "${data[@]}" --option padding=left
expect 1 "losslens eval: convection: got beta 0, nu 0, rho 0; convection wants beta, convection-diffusion nu (and beta), reaction rho, reaction-diffusion rho and nu other than 0" \
  --problem convection
expect 2 "losslens eval: --problem cannot be 'convecton'; wanted one of convection|convection-diffusion|reaction|reaction-diffusion; did you mean 'convection'? (losslens eval --help)" \
  --problem convecton
expect 1 "losslens eval: mlp: the checkpoint does not fit the network: 4 of the network's are not in the file (layers.0.weight [4, 192], layers.0.bias [4], layers.1.weight [5, 4], layers.1.bias [5]); 27 of the file's have no place in the network (stem.weight [6, 3, 3, 3], stem_norm.weight [6], stem_norm.bias [6], stem_norm.running_mean [6], ...). losslens inspect FILE --suggest proposes a network" \
  --network mlp --option hidden=4 "${data[@]}" --checkpoint weights.pt

"$LOSSLENS" eval --network-file network.yaml --checkpoint weights.pt "${data[@]}" --mapping >text.txt 2>mapping.txt
[ "$(head -2 mapping.txt)" = "naming: the same names
stem.weight -> stem.weight" ] && [ "$(wc -l <mapping.txt)" = 28 ] || { echo "mapping:"; cat mapping.txt; failed=1; }
diff text.txt - <<'TEXT' || { echo "the text output differs"; failed=1; }
mixed: 3,359 parameters, 7 samples of xy:x.npy,y.npy
  loss                     1.57454
  accuracy                 0.28571
  errors                   5 of 7
TEXT
expect 1 "losslens eval: --data: belongs to a network with data, not to --problem" --problem reaction --rho 5 "${data[@]}"

"$LOSSLENS" eval --problem reaction --rho 5 --gaussian-start --seed 1 --json >one.json
"$LOSSLENS" eval --problem reaction --rho 5 --gaussian-start --seed 1 --json --threads 2 >two.json
cmp one.json two.json || { echo "threads change the numbers"; failed=1; }
"$LOSSLENS" eval --problem reaction --rho 5 --gaussian-start --seed 1 --point-seed 3 --json >three.json
[ "$(sed 's/.*"initial"/"initial"/; s/,"residual.*//' one.json)" = "$(sed 's/.*"initial"/"initial"/; s/,"residual.*//' three.json)" ] &&
  ! cmp -s one.json three.json || { echo "the point seed must move the residual's points only"; failed=1; }
grep -q -- '--network-file FILE' <<<"$("$LOSSLENS" eval --help)" || { echo "help lacks --network-file"; failed=1; }
exit $failed
