#!/usr/bin/env bash
# The demonstration behind `make demo`: examples/demo.sh BUILD_DIR
# Three fields whose shape is known; then physics-informed networks, trained, and what losslens says and draws of them.
# LOSSLENS_DEMO=quick makes it shorter.
set -euo pipefail
if [ $# -ne 1 ] || [ ! -x "$1/losslens" ]; then
  echo "usage: examples/demo.sh BUILD_DIR (a folder with the program losslens)" >&2
  exit 2
fi
program=$(cd "$1" && pwd)/losslens
output=${LOSSLENS_DEMO_OUTPUT:-$1/demo}
mkdir -p "$output"
cd "$output"
started=$(date +%s)

# x,y,value: a funnel, two nested wells, and a bowl with ripples on 61 x 61 points of [-1, 1]^2.
awk 'BEGIN {
  print "x,y,loss" > "funnel.csv"; print "x,y,loss" > "two_wells.csv"; print "x,y,loss" > "ripples.csv"
  for (i = 0; i <= 60; i++) for (j = 0; j <= 60; j++) {
    x = -1 + i / 30; y = -1 + j / 30; r = x * x + y * y
    a = 2 * ((x + .45) ^ 2 + y * y); b = 2 * ((x - .45) ^ 2 + y * y) + .15
    printf "%.6f,%.6f,%.9f\n", x, y, .02 + r > "funnel.csv"
    printf "%.6f,%.6f,%.9f\n", x, y, .02 + (a < b ? a : b) > "two_wells.csv"
    printf "%.6f,%.6f,%.9f\n", x, y, .2 + r + .15 * cos(14 * x) * cos(14 * y) > "ripples.csv"
  }
}'

echo "== a bowl with ripples: minima, persistence, merge tree"
"$program" topology ripples.csv --pairs 5
echo
echo "== three shapes, told apart by the distance of their trees and diagrams"
"$program" compare funnel.csv two_wells.csv ripples.csv
for kind in contour surface diagram barcode tree profile; do
  "$program" topology ripples.csv --kind $kind --figure ripples_$kind.pdf --title "bowl with ripples" >/dev/null
done
"$program" compare funnel.csv two_wells.csv ripples.csv --figure profiles.svg --kind profile --colormap brown --letters >/dev/null
"$program" compare funnel.csv two_wells.csv ripples.csv --figure surfaces.png --kind surface --letters >/dev/null
"$program" compare funnel.csv two_wells.csv ripples.csv --figure distances.svg --kind distances --own-scales >/dev/null

# Physics-informed networks for u_t + beta u_x = 0: beta = 1 is learnt, beta = 50 fails although its training loss is low.
if [ "${LOSSLENS_DEMO:-}" = quick ]; then seeds=0..1 points=15x15; else seeds=0..3 points=31x31; fi
for beta in 1 50; do
  echo
  echo "== convection, beta = $beta, seeds $seeds: trained together, then the landscape along the top two Hessian directions"
  problem=(--problem convection --beta "$beta")
  "$program" train "${problem[@]}" --seeds $seeds --epochs 1500 --quiet --out "pinn_beta$beta.safetensors"
  "$program" hessian "${problem[@]}" --checkpoint "pinn_beta${beta}_0.safetensors" --top 5 --quiet
  "$program" landscape "${problem[@]}" --checkpoint "pinn_beta${beta}_0.safetensors" --direction hessian --grid $points \
    --range=-0.3:0.3 --scale log --kind surface --figure "pinn_beta$beta.pdf" --quiet | sed -n 1,2p
done
echo
echo "== are two minima of beta = 1 connected?"
"$program" connect --problem convection --beta 1 --quiet pinn_beta1_0.safetensors pinn_beta1_1.safetensors

echo
echo "figures are in $PWD:"
ls -1 *.pdf *.svg *.png | sed 's/^/  /'
echo "the demonstration took $(($(date +%s) - started)) s"
