#!/usr/bin/env bash
# A field small enough to work out by hand, through every output of `losslens topology` and `compare`.
#
#   9 8 7 8 9      Two valleys: minimum 1 at (1,1) = id 6 and minimum 2 at (1,3) = id 8. With `axis` they meet
#   8 1 5 2 8      over the 5 at id 7; the last vertex is the right 9 of the bottom row, id 14.
#   9 8 7 8 9
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf '9,8,7,8,9\n8,1,5,2,8\n9,8,7,8,9\n' >valleys.csv
fail() { echo "$1"; exit 1; }
same() { [ "$1" = "$2" ] || fail "$(printf 'wanted %s\ngot    %s' "$2" "$1")"; }

"$LOSSLENS" topology valleys.csv --connectivity axis --json >axis.json
same "$(sed 's/.*"minima":\(.*\),"numbers".*/\1/' axis.json)" \
  '2,"saddles":1,"merges":1,"components":1,"excluded":0,"pairs":[[6,14,true],[8,7,false]],"tree":[[6,7,1],[8,7,1],[7,14,12],[14,-1,1]]'
grep -q '"mean_persistence":3,' axis.json || fail "mean persistence is not 5 - 2"
grep -q '"total_persistence_with_essential":11,' axis.json || fail "total persistence is not 3 + (9 - 1)"
grep -q '"shape":\[3,5\],"connectivity":"axis","superlevel":false,"simplify":null,"vertices":15,' axis.json || fail "what was computed is not said"
/usr/bin/python3 -m json.tool axis.json >/dev/null 2>&1 || ! command -v /usr/bin/python3 >/dev/null || fail "no JSON"

# Threads do not change a byte.
"$LOSSLENS" topology valleys.csv --connectivity axis --json --threads 1 >one.json
"$LOSSLENS" topology valleys.csv --connectivity axis --json --threads 2 >two.json
cmp one.json two.json

# Simplification: 3 is the persistence of the shallow valley; a pair stays only if it has more.
same "$("$LOSSLENS" topology valleys.csv --simplify 2.9 --json | sed 's/.*"minima":\([0-9]*\).*/\1/')" 2
same "$("$LOSSLENS" topology valleys.csv --simplify 3 --json | sed 's/.*"minima":\([0-9]*\).*/\1/')" 1
same "$("$LOSSLENS" topology valleys.csv --simplify 37.5% --json | sed 's/.*"minima":\([0-9]*\).*/\1/')" 1

# Superlevel with `axis`: the border falls from four corners into four dips of 8 and rises nowhere else.
same "$("$LOSSLENS" topology valleys.csv --superlevel --connectivity axis --json | sed 's/.*"minima":\([0-9]*\).*/\1/')" 4

# A graph: the path 0-1-2-3 with values 1 3 0 2: minima 0 and 2 meet at vertex 1, which is saddle and root at once.
printf '1\n3\n0\n2\n' >path.csv
printf '0,1\n1,2\n2,3\n' >edges.csv
same "$("$LOSSLENS" topology --values path.csv --edges edges.csv --json | sed 's/.*"pairs":\(.*\),"numbers".*/\1/')" \
  '[[0,1,false],[2,1,true]],"tree":[[0,1,1],[2,1,2],[1,-1,1]]'
printf 'from,to\n0,1\n1,2\n2,3\n' >named.csv
same "$("$LOSSLENS" topology --values path.csv --edges named.csv --json | sed 's/.*"edges":\([0-9]*\).*/\1/')" 3

# Holes are left out and counted; nothing but holes, one value and one row are fields too.
printf 'nan,2\n1,inf\n' >holes.csv
same "$("$LOSSLENS" topology holes.csv --json | sed 's/.*"components":\(.*\),"pairs":\(.*\),"tree".*/\1 \2/')" \
  '1,"excluded":2 [[2,1,true]]'
printf 'nan,nan\nnan,nan\n' >nothing.csv
same "$("$LOSSLENS" topology nothing.csv --json | sed 's/.*"minima":\([0-9]*\).*"pairs":\(.*\),"tree".*/\1 \2/')" '0 []'
printf '7\n' >single.csv
same "$("$LOSSLENS" topology single.csv --json | sed 's/.*"pairs":\(.*\),"tree":\(.*\),"numbers".*/\1 \2/')" '[[0,0,true]] [[0,-1,1]]'

# A limit on memory is obeyed, and says what would be needed.
if "$LOSSLENS" topology valleys.csv --memory 10 2>err.txt; then fail "10 bytes were enough"; fi
grep -Eq 'needs? [^;]*[0-9]' err.txt || { cat err.txt; fail "the need is not stated"; }

# A rim of 5 around a 9: with `axis` the loop is born with the rim's last vertex and filled by the middle.
printf '5,5,5\n5,9,5\n5,5,5\n' >rim.csv
same "$("$LOSSLENS" topology rim.csv --loops --connectivity axis --json | sed 's/.*"higher_pairs":\(.*\),"numbers".*/\1/')" '[[1,8,4,false]]'
same "$("$LOSSLENS" topology rim.csv --loops --simplify 4 --connectivity axis --json | sed 's/.*"higher_pairs":\(.*\),"numbers".*/\1/')" '[]'

# Values in one column can be read as a grid.
tr ',' '\n' <valleys.csv >column.csv
same "$("$LOSSLENS" topology column.csv --shape 3,5 --connectivity axis --json | sed 's/.*"pairs"/"pairs"/')" "$(sed 's/.*"pairs"/"pairs"/' axis.json)"

# What is exported can be read again.
"$LOSSLENS" topology valleys.csv --connectivity axis --tree-out tree.csv --pairs-out pairs.csv >/dev/null
same "$(cat pairs.csv)" "$(printf 'birth,death,persistence,essential\n6,14,8,1\n8,7,3,0')"
same "$(cat tree.csv)" "$(printf 'child,parent,size,height\n6,7,1,4\n8,7,1,3\n7,14,12,4')"
for kind in vtu vtp; do
  "$LOSSLENS" topology valleys.csv --connectivity axis --tree-out "tree.$kind" >/dev/null
  # The tree as a field on its own graph: 4 nodes, 3 arcs, two minima again.
  same "$("$LOSSLENS" topology "tree.$kind" --array value --json | sed 's/.*"edges":\([0-9]*\).*"minima":\([0-9]*\).*/\1 \2/')" '3 2'
done

# Every kind of figure in every format, whole files that begin as they should; the same bytes each time.
for kind in tree profile diagram barcode contour surface; do
  for format in svg pdf png; do
    "$LOSSLENS" topology valleys.csv --kind "$kind" --figure "f.$format" --dpi 72 >/dev/null
    cp "f.$format" "g.$format"
    "$LOSSLENS" topology valleys.csv --kind "$kind" --figure "f.$format" --dpi 72 >/dev/null
    cmp "f.$format" "g.$format"
  done
  head -c 5 f.svg | grep -q '<?xml' && tail -c 8 f.svg | grep -q '</svg>' || fail "$kind: no SVG"
  head -c 5 f.pdf | grep -q '%PDF-' && tail -c 8 f.pdf | grep -q '%%EOF' || fail "$kind: no PDF"
  head -c 4 f.png | grep -q 'PNG' || fail "$kind: no PNG"
done
for field in nothing single holes; do
  for kind in tree profile diagram barcode; do "$LOSSLENS" topology $field.csv --kind $kind --figure e.svg >/dev/null; done
done

# A comparison with itself is zero; with one valley filled up to 4 the shallow pair is worth 1 instead of 3.
printf '9,8,7,8,9\n8,1,5,4,8\n9,8,7,8,9\n' >filled.csv
"$LOSSLENS" compare valleys.csv filled.csv valleys.csv --distance bottleneck --json >compare.json
same "$(sed 's/.*"matrix":\(.*\),"spread".*/\1/' compare.json)" '[[0,1.5,0],[1.5,0,1.5],[0,1.5,0]]'
printf '1,2\n3,4\n' >slope.csv
grep -q 'slope.csv: 1 minimum, values 1 to 4' <<<"$("$LOSSLENS" compare slope.csv slope.csv)" || { echo "one minimum is not said so"; exit 1; }
"$LOSSLENS" compare valleys.csv filled.csv --figure c.svg >/dev/null
"$LOSSLENS" compare valleys.csv filled.csv --figure d.pdf --kind distances >/dev/null
