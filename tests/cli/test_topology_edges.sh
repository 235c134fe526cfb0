#!/usr/bin/env bash
# Fields at the edge of what `losslens topology` and `compare` take: nothing in them, one row, one value
# everywhere, no value anywhere, too large for the memory allowed, not the file it says. Exact words.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
: "${LOSSLENS:?the program to test}"
failed=0

# npy NAME TYPE SHAPE DATA-BYTES: a file with that header and as many zero bytes behind it.
npy() {
  local header="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
  { printf '\223NUMPY\1\0\166\0%-117s\n' "$header"; } >"$1"
  truncate -s $((128 + $4)) "$1"
}
# same WHAT WANTED GOT
same() { [ "$2" = "$3" ] || { printf '%s\n  wanted %s\n  got    %s\n' "$1" "$2" "$3"; failed=1; }; }
# tree WANTED ARGUMENTS...: counts, pairs and tree as JSON, nothing on standard error.
tree() {
  local wanted=$1 got code=0
  shift
  got=$("$LOSSLENS" topology "$@" --json 2>error.txt) || code=$?
  same "status of topology $*" 0 "$code"
  same "words of topology $*" "" "$(cat error.txt)"
  same "topology $*" "$wanted" "$(printf '%s' "$got" | sed 's/.*\("vertices":.*\),"numbers".*/\1/')"
  case $got in *nan* | *inf* | *NaN*) echo "topology $*: not JSON: $got"; failed=1 ;; esac
}
# refused 'words' ARGUMENTS...: status 1, these words alone, no output and no figure.
refused() {
  local wanted=$1 got code=0
  shift
  got=$("$LOSSLENS" "$@" 2>&1 >output.txt) || code=$?
  same "status of $*" 1 "$code"
  same "$*" "losslens $1: $wanted" "$got"
  [ ! -s output.txt ] || { echo "$*: wrote to standard output"; failed=1; }
  [ ! -e refused.svg ] || { echo "$*: left a figure"; failed=1; }
}

# ---- nothing at all
nothing='"vertices":0,"minima":0,"saddles":0,"merges":0,"components":0,"excluded":0,"pairs":[],"tree":[]'
npy none.npy '<f4' '0,' 0
npy none2.npy '<f8' '0, 7' 0
tree "$nothing" none.npy
tree "$nothing" none2.npy --superlevel --connectivity box
: >empty.csv
refused "empty.csv: the file is empty" topology empty.csv
refused "empty.csv: the file is empty" compare none.npy empty.csv

# ---- one value, one row, one column: the same path 3 1 2 0 4
npy one.npy '<i4' '1,' 4
tree '"vertices":1,"minima":1,"saddles":0,"merges":0,"components":1,"excluded":0,"pairs":[[0,0,true]],"tree":[[0,-1,1]]' \
  one.npy
printf '3,1,2,0,4\n' >row.csv
printf '3\n1\n2\n0\n4\n' >column.csv
path='"vertices":5,"minima":2,"saddles":1,"merges":1,"components":1,"excluded":0,"pairs":[[1,2,false],[3,4,true]],"tree":[[1,2,1],[3,2,1],[2,4,2],[4,-1,1]]'
for connectivity in axis box freudenthal freudenthal-plus; do
  tree "$path" row.csv --connectivity $connectivity
  tree "$path" column.csv --connectivity $connectivity
  tree "$path" row.csv --shape 1,5 --connectivity $connectivity
  tree "$path" row.csv --shape 1,1,5,1,1,1 --connectivity $connectivity
done
refused "a contour shows a grid of 2 axes; this field has 1" topology column.csv --kind contour --figure refused.svg
npy row.npy '<f4' '1, 5' 20
refused "panel 0: a surface needs at least 2 x 2 values; got 1 x 5" topology row.npy --kind surface --figure refused.svg

# ---- one value everywhere: the first vertex is the minimum, the last the root, whatever the direction
npy constant.npy '<f4' '3, 4' 48
flat='"vertices":12,"minima":1,"saddles":0,"merges":0,"components":1,"excluded":0,"pairs":[[0,11,true]],"tree":[[0,11,11],[11,-1,1]]'
tree "$flat" constant.npy
tree "$flat" constant.npy --superlevel --connectivity axis
tree "$flat" constant.npy --simplify 50%

# ---- no value anywhere
printf 'nan,inf,-inf\nnan,nan,nan\n' >void.csv
tree '"vertices":6,"minima":0,"saddles":0,"merges":0,"components":0,"excluded":6,"pairs":[],"tree":[]' void.csv
tree '"vertices":6,"minima":0,"saddles":0,"merges":0,"components":0,"excluded":6,"pairs":[],"tree":[],"higher_pairs":[]' void.csv --loops --simplify 1%

for field in none2.npy row.csv constant.npy void.csv; do
  for kind in tree profile diagram barcode; do
    "$LOSSLENS" topology $field --kind $kind --figure drawn.svg >text.txt
    tail -c 8 drawn.svg | grep -q '</svg>' || { echo "$field: no $kind"; failed=1; }
    [ -s text.txt ] || { echo "$field: no text"; failed=1; }
    rm drawn.svg
  done
  "$LOSSLENS" topology $field --tree-out tree.vtu --pairs-out pairs.csv >/dev/null
  same "pairs of $field" 'birth,death,persistence,essential' "$(head -1 pairs.csv)"
done

# ---- distances: nothing is at no distance from nothing and infinitely far from something
matrix() { sed 's/.*"matrix":\(.*\),"spread".*/\1/'; }
for distance in bottleneck wasserstein tree; do
  same "$distance of nothing" '[[0,0],[0,0]]' "$("$LOSSLENS" compare none2.npy void.csv --distance $distance --json | matrix)"
  same "$distance of flat fields" '[[0,0],[0,0]]' \
    "$("$LOSSLENS" compare constant.npy constant.npy --distance $distance --json | matrix)"
  same "$distance to nothing in JSON" '[[0,null],[null,0]]' "$("$LOSSLENS" compare row.csv void.csv --distance $distance --json | matrix)"
  "$LOSSLENS" compare row.csv void.csv --distance $distance >text.txt
  same "$distance to nothing" '    1           0         inf' "$(grep '^    1 ' text.txt)"
done
# Row: pairs (0, 4) and (1, 2); flat: (0, 0). Births agree, (1, 2) goes to the diagonal, essential deaths do not count.
same "bottleneck of a row and a flat field" '[[0,0.5],[0.5,0]]' \
  "$("$LOSSLENS" compare row.csv constant.npy --distance bottleneck --json | matrix)"

# ---- too large: refused before anything is computed, the need said
npy large.npy '<f4' '4000, 4000' 64000000
for verb in 'topology large.npy' 'compare row.csv large.npy'; do
  code=0
  "$LOSSLENS" $verb --memory 1GiB >output.txt 2>error.txt || code=$?
  same "status of $verb" 1 "$code"
  grep -Eqx "losslens ${verb%% *}: needs up to [0-9]{10} bytes \([0-9]{4}\.[0-9] MiB\) beyond the field, the limit is 1073741824 \(1024\.0 MiB\)" error.txt ||
    { cat error.txt; failed=1; }
done
npy line.npy '<f4' '100000,' 400000
tree '"vertices":100000,"minima":1,"saddles":0,"merges":0,"components":1,"excluded":0,"pairs":[[0,99999,true]],"tree":[[0,99999,99999],[99999,-1,1]]' \
  line.npy --memory 1GiB

# ---- not what it says
npy short.npy '<f4' '3, 4' 44
refused "short.npy: npy header wants 48 bytes of data behind it; there are 44" topology short.npy
refused "short.npy: npy header wants 48 bytes of data behind it; there are 44" compare row.csv short.npy
npy long.npy '<f4' '3, 4' 52
refused "long.npy: npy header wants 48 bytes of data behind it; there are 52" topology long.npy
npy terabytes.npy '<f8' '1000000, 1000000' 0
refused "terabytes.npy: npy header wants 8000000000000 bytes of data behind it; there are 0" topology terabytes.npy
npy overflow.npy '<f8' '1099511627776, 1099511627776' 0
refused "overflow.npy: npy header: the shape's product overflows" topology overflow.npy
npy negative.npy '<f4' '-1, 4' 0
refused "negative.npy: npy header: a shape like (3, 4) is wanted, of extents below 2^63" topology negative.npy
npy text.npy '|S1' '3,' 3
refused "text.npy: array of type '|S1' holds text; bool, integers of 1 to 8 bytes and floats of 2, 4, 8 are read" topology text.npy
printf '0,1\n2,1,3\n' >ragged.csv
refused "ragged.csv: line 2 has more than the 2 columns of the first line" compare row.csv ragged.csv
refused "missing.npy: cannot open: No such file or directory" compare row.csv missing.npy
exit $failed
