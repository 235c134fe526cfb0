#!/usr/bin/env bash
# losslens inspect on files that other tools wrote, on data, and on files that must be refused.
set -euo pipefail
files=$LOSSLENS_SOURCE/tests/formats
expect() { # text that must be in the output of the command
  local wanted=$1; shift
  local got; got=$("$@" 2>&1 || true)
  if [[ $got != *"$wanted"* ]]; then printf 'FAILED: %s\n  wanted: %s\n  got: %s\n' "$*" "$wanted" "$got"; exit 1; fi
}
expect "weights are under 'state_dict.model.'" "$LOSSLENS" inspect "$files/files/lightning.ckpt"
expect '"weights_prefix":"state_dict.model."' "$LOSSLENS" inspect "$files/files/lightning.ckpt" --json
expect 'best = 88.25' "$LOSSLENS" inspect "$files/files/lightning.ckpt"
expect 'ComplexFloatStorage' "$LOSSLENS" inspect "$files/files/complex.pt"
expect 'this looks like a decompression bomb' "$LOSSLENS" inspect "$files/refused/bomb.npz"
expect 'singular values' "$LOSSLENS" inspect "$files/files/module.pt" --spectra
# A matrix of float32 as .npy from octal bytes; its singular values and what they warn of.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npy() { # ROWS COLUMNS BYTES-OF-ALL-ELEMENTS
  printf '\223NUMPY\001\000\166\000'
  printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($1, $2), }"
  printf "$3"
}
times() { local i; for ((i = 0; i < $1; i++)); do printf '%s' "$2"; done; }
one='\000\000\200\077'
npy 2 2 '\000\000\100\100\000\000\000\000\000\000\200\100\000\000\240\100' >"$work/m.npy" # 3 0 4 5: sqrt(45), sqrt(5)
expect 'singular values 6.708 .. 2.236, stable rank 1.11, condition 3' "$LOSSLENS" inspect "$work/m.npy" --spectra
expect '"singular_values":[6.7082039324993' \
  "$LOSSLENS" inspect "$work/m.npy" --spectra --json
npy 8 8 "$(times 256 '\000')" >"$work/m.npy"
expect '! the layer is all zero: it passes nothing on' "$LOSSLENS" inspect "$work/m.npy" --spectra
npy 8 8 "$(times 64 "$one")" >"$work/m.npy"
expect '! one direction dominates (stable rank below 1.5)' "$LOSSLENS" inspect "$work/m.npy" --spectra
npy 2 3 "$(times 6 "$one")" >"$work/m.npy"
expect '! numerically rank-deficient' "$LOSSLENS" inspect "$work/m.npy" --spectra
npy 2 2 '\000\000\310\102\000\000\000\000\000\000\000\000\000\000\310\102' >"$work/m.npy" # 100 times the identity
expect '! very large gain (above 50)' "$LOSSLENS" inspect "$work/m.npy" --spectra
npy 2 2 '\000\000\200\177\000\000\000\000\000\000\000\000\000\000\310\102' >"$work/m.npy" # one is infinite
expect '! 1 elements are not finite' "$LOSSLENS" inspect "$work/m.npy" --spectra
expect 'there is no such file' "$LOSSLENS" inspect no-such-file
if "$LOSSLENS" inspect "$files/refused/cut.npz" 2>/dev/null; then echo "FAILED: a broken file gave exit status 0"; exit 1; fi
printf 'a,b,kind\n1,2,cat\n3,4,dog\n' > inspect-table.csv
expect 'data set of 2 samples' "$LOSSLENS" inspect csv:inspect-table.csv
rm inspect-table.csv
if [ -n "${LOSSLENS_SHARED:-}" ]; then
  shared=$LOSSLENS_SHARED/data/checkpoints
  expect '272,474 parameters' "$LOSSLENS" inspect "$shared/losslens/cifar10_resnet20_0.pkl"
  expect 'shortcut: B' "$LOSSLENS" inspect "$shared/losslens/cifar10_resnet20_0.pkl" --suggest
  expect 'network: resnet56' "$LOSSLENS" inspect "$shared/a-martyn/resnet56.pt" --suggest
  expect 'network: vit' "$LOSSLENS" inspect "$shared/vit_cifar10_smmk47/vit_cifar10.pth" --suggest
  expect '117,361 parameters' "$LOSSLENS" inspect "$shared/unet_tent/UNet.pth"
  expect 'problem: convection' "$LOSSLENS" inspect "$LOSSLENS_SHARED/data/pinn/convection_beta1.0_seed0.pt" --suggest
  expect 'data set of 500 samples' "$LOSSLENS" inspect "$LOSSLENS_SHARED/data/cifar10/test_batch_0000_0499.bin"
else
  echo "skipped: the checkpoints of LOSSLENS_SHARED"
fi
echo "inspect: all as expected"
