#!/usr/bin/env bash
# losslens landscape on closed forms: known corner values, the same bytes on one and two threads, refusals.
set -euo pipefail
run() { "$LOSSLENS" landscape --analytic rosenbrock --direction coordinates --range -2:2 --range 0:1 --quiet "$@"; }
# 3 x 2 points: f(x, y) = 100 (y - x^2)^2 + (1 - x)^2 at x = -2, 0, 2 and y = 0, 1.
grep -q '"loss":\[\[1609,909\],\[1,101\],\[1601,901\]\]' <<<"$(run --grid 3x2 --json)" || { echo "values differ from the closed form"; exit 1; }
[ "$(run --grid 9x7 --json --threads 1)" = "$(run --grid 9x7 --json --threads 2)" ] || { echo "threads change the result"; exit 1; }
for wrong in "--grid 3xx2" "--grid 3x2 --range 1:0" "--grid 3x2 --direction between"; do
  code=0
  # shellcheck disable=SC2086
  "$LOSSLENS" landscape --analytic rosenbrock $wrong >/dev/null 2>&1 || code=$?
  [ "$code" = 2 ] || { echo "'$wrong' gave exit status $code, wanted 2"; exit 1; }
done
has() { # has WHAT TEXT: the JSON in $out holds it
  case "$out" in *"$2"*) ;; *) echo "$1: wanted $2 in: $out"; exit 1 ;; esac
}
landscape() { out=$("$LOSSLENS" landscape --quiet --json "$@"); }
# Along the gradient (-2, 0) of Rosenbrock's function at 0: 1600 a^4 + (1 + 2a)^2.
landscape --analytic rosenbrock --direction gradient --normalise none --grid 3 --range -0.5:0.5
has gradient '"loss":[1e+02,1,104]'
# Eigenvectors of diag(1, 2), the larger first: a^2 + b^2/2, with its eigenvalues and |(b, 2a)| at the points.
landscape --analytic quadratic --direction hessian --grid 3x1 --range -1:1 --range 0:1 --eigenvalues --gradient-norm
python3 - "$out" <<'PYTHON'
import json, sys
got = json.loads(sys.argv[1])
def near(name, wanted):
    flat = [v for row in got[name] for v in row]
    assert all(abs(a - b) <= 1e-6 for a, b in zip(flat, wanted)) and len(flat) == 3, (name, flat, wanted)
near("loss", [1, 0, 1])
near("largest_eigenvalue", [2, 2, 2])
near("smallest_eigenvalue", [1, 1, 1])
near("gradient_norm", [2, 0, 2])
PYTHON
# Random planes of a function of |x|^2 alone: the mean over planes is near each of them, and there are three.
landscape --analytic rastrigin --direction random --planes 3 --grid 3x3
has planes '"planes":3'
has planes '"loss_mean":'
# Finished pieces are found again; those of another landscape are refused.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pieces() { "$LOSSLENS" landscape --quiet --json --direction coordinates --grid 9x9 --pieces "$folder/pieces" "$@"; }
first=$(pieces --analytic rosenbrock --range -2:2)
[ -n "$(ls "$folder/pieces")" ] || { echo "no pieces were kept"; exit 1; }
rm "$folder/pieces/tile_1.piece" # as if interrupted there
[ "$first" = "$(pieces --analytic rosenbrock --range -2:2)" ] || { echo "a continued landscape differs"; exit 1; }
for other in "--analytic himmelblau --range -2:2" "--analytic rosenbrock --range -1:1"; do
  # shellcheck disable=SC2086
  if pieces $other >/dev/null 2>"$folder/error"; then echo "pieces of another landscape were taken ($other)"; exit 1; fi
  grep -q "another landscape\|other work" "$folder/error" || { cat "$folder/error"; exit 1; }
done
code=0
"$LOSSLENS" landscape --analytic rosenbrock --direction gradient --barycentric --grid 3 >/dev/null 2>&1 || code=$?
[ "$code" = 2 ] || { echo "--barycentric without checkpoints gave $code"; exit 1; }
