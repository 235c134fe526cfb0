#!/usr/bin/env bash
# What VTK itself reads of exported VTP files: a landscape with its trajectory and a topology, of a study that is run here.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
reader() { /usr/bin/python3 "$root/tests/export/read_vtp.py" "$1"; }
/usr/bin/python3 -c 'import vtkmodules.vtkIOXML, numpy' 2>/dev/null || { echo "skipped: no python3 with VTK"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "$*"; exit 1; }

# f = (x^2 - 1)^2 + y^2 on 41 x 41 points: two minima of 0 at (-1, 0) and (1, 0), one saddle of 1 at (0, 0).
/usr/bin/python3 - <<'PY'
import numpy
x = numpy.linspace(-1.5, 1.5, 41)[:, None]
y = numpy.linspace(-1.0, 1.0, 41)[None, :]
numpy.save("wells.npy", (x**2 - 1) ** 2 + y**2)
PY
cat >wells.yaml <<'YAML'
study: wells
groups:
  - {name: wells, fields: ['wells.npy'], axes: [[-1.5, 1.5], [-1, 1]]}
analyses:
  topology: {}
YAML
"$LOSSLENS" run wells.yaml >run.txt 2>&1 || { cat run.txt; fail "the study failed"; }
"$LOSSLENS" export wells.db >list.txt
topology=$(awk '$2 == "topology" { print $1; exit }' list.txt)
field=$(awk '$2 == "field" { print $1; exit }' list.txt)
[ -n "$topology" ] && [ -n "$field" ] || { cat list.txt; fail "the study lacks its field or topology"; }
"$LOSSLENS" export wells.db --record "$topology" --record "$field" --format vtp --out . >names.txt

reader "$(grep "/${topology}_" names.txt)" >tree.txt
grep -qx 'lines 3' tree.txt || fail "the tree has two minima, a saddle and a root: $(cat tree.txt)"
grep -q '^array kind -\?[0-9]* 3$' tree.txt || fail "no maximum among the critical points: $(cat tree.txt)"
reader "$(grep "/${field}_" names.txt)" >surface.txt
grep -qx 'triangles 3200' surface.txt || fail "two triangles a cell: $(cat surface.txt)"
grep -qx 'points 1681' surface.txt || fail "a point a sample: $(cat surface.txt)"
