#!/usr/bin/env bash
# Exact words and exit statuses of help and errors, as a user meets them.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

# expect STATUS 'standard error' ARGUMENTS...
expect() {
  local status=$1 wanted=$2 got code=0
  shift 2
  got=$("$LOSSLENS" "$@" 2>&1 >stdout.txt) || code=$?
  if [ "$code" != "$status" ] || [ "$got" != "$wanted" ] || [ -s stdout.txt ]; then
    printf 'losslens %s\n  wanted %s: %s\n  got    %s: %s\n' "$*" "$status" "$wanted" "$code" "$got"
    failed=1
  fi
}

expect 2 "losslens: there is no verb 'topolgy'; did you mean 'topology'? (losslens help)" topolgy
expect 2 "losslens: there is no verb 'zzzzzz' (losslens help)" zzzzzz
expect 2 "losslens topology: there is no option --conectivity; did you mean --connectivity? (losslens topology --help)" \
  topology f.npy --conectivity box
expect 2 "losslens topology: --connectivity cannot be 'boxx'; wanted one of freudenthal|freudenthal-plus|axis|box; did you mean 'box'? (losslens topology --help)" \
  topology f.npy --connectivity boxx
expect 2 "losslens topology: --threads needs a whole number; got 'two' (losslens topology --help)" topology f.npy --threads two
expect 2 "losslens topology: --threads is out of range; got 5000; wanted 0 to 1024 (losslens topology --help)" topology f.npy --threads 5000
expect 2 "losslens topology: --json takes no value; got '1' (losslens topology --help)" topology f.npy --json=1
expect 2 "losslens topology: --vmin needs a value; wanted a number (losslens topology --help)" topology f.npy --vmin
expect 2 "losslens topology: --figure needs a value; wanted OUT.svg (losslens topology --help)" topology f.npy --figure --kind tree
expect 2 "losslens topology: --memory needs a size; got 'much'; wanted for example 512MiB or 2GB (losslens topology --help)" \
  topology f.npy --memory much
expect 2 "losslens topology: --vmin 2 is not below --vmax -1 (losslens topology --help)" topology f.npy --vmin 2 --vmax=-1
expect 2 "losslens topology: --figure out.gif: a figure's name must end in .svg, .pdf or .png (losslens topology --help)" \
  topology f.npy --figure out.gif
expect 2 "losslens topology: nothing to work on; wanted FIELD, or --values with --points or --edges (losslens topology --help)" topology
expect 2 "losslens topology: 'g.npy' is too much; wanted FIELD [options] (losslens topology --help)" topology f.npy g.npy
expect 2 "losslens compare: something is missing; wanted FIELD FIELD ... [options] (losslens compare --help)" compare f.npy
expect 2 "losslens topology: there is no option -x; options begin with two dashes (losslens topology --help)" topology -x

printf '0,1\n2,x\n' >bad.csv
expect 1 "losslens topology: bad.csv: line 2: 'x' is not a number" topology bad.csv
printf '0,1\n2,3,4\n' >ragged.csv
expect 1 "losslens topology: ragged.csv: line 2 has more than the 2 columns of the first line" topology ragged.csv
printf 'x,y,value\n0,0,1\n1,0,2\n0.5,2,0\n' >scattered.csv
expect 1 "losslens topology: scattered.csv: the field is on points without cells: say which are neighbours with --graph knn:8, delaunay or gabriel, or --edges E.csv" \
  topology scattered.csv
: >empty.npy
expect 1 "losslens topology: empty.npy: the file is empty" topology empty.npy
printf '3,2\n1,0\n' >small.csv
expect 1 "losslens topology: --simplify: got 'some'; wanted a persistence like 0.01, or a share of the range like 5%" \
  topology small.csv --simplify some
printf '3\n2\n1\n' >line.csv
expect 1 "losslens topology: a contour shows a grid of 2 axes; this field has 1" topology line.csv --figure c.svg --kind contour
[ ! -e c.svg ] || { echo "a failed figure left a file"; failed=1; }

# A file that is not there: the system's own words follow.
"$LOSSLENS" topology missing.npy 2>err.txt && { echo "a missing file was accepted"; failed=1; }
grep -q '^losslens topology: .*missing.npy' err.txt || { cat err.txt; failed=1; }

# Help goes to standard output, with an example, and status 0; `help VERB` and `VERB --help` agree.
"$LOSSLENS" topology --help >one.txt
"$LOSSLENS" help topology >two.txt
cmp one.txt two.txt || failed=1
grep -qx 'usage: losslens topology FIELD \[options\]' <<<"$(head -1 one.txt)" || failed=1
grep -qx '  losslens topology field.npy' one.txt || failed=1
grep -Eqx 'losslens [0-9]+\.[0-9]+\.[0-9]+' <<<"$("$LOSSLENS" --version)" || failed=1
grep -q '^  topology ' <<<"$("$LOSSLENS" help)" || failed=1
for verb in $("$LOSSLENS" help | sed -n 's/^  \([a-z-]*\)  .*/\1/p'); do
  "$LOSSLENS" help "$verb" >help.txt
  grep -Eq '^examples?:$' help.txt || { echo "no example in the help of $verb"; failed=1; }
  grep -E '.{101}' help.txt && { echo "a line of the help of $verb is longer than 100"; failed=1; }
  [ -z "$(grep -o '^  --[a-z0-9-]*' help.txt | sort | uniq -d)" ] || { echo "an option stands twice in the help of $verb"; failed=1; }
done
# An option left at 0 tells what that means; sections part what belongs to what; examples can be copied, broken lines too.
"$LOSSLENS" help eval >help.txt
diff - <(grep -A1 -e '--samples N' -e '^data:$' -e 'eval --network resnet20' help.txt) <<'TEXT' || { echo "the help of eval differs"; failed=1; }
data:
  --data SOURCE           cifar10:PATH, fashion-mnist, folder:PATH, xy:X,Y, a file ...
--
  --samples N             how many samples to evaluate (default: all)
  --role ROLE=SPLIT[:N]   samples of fit, calibrate, evaluate or test: all, train, test, N of it, or
--
  losslens eval --network resnet20 --shortcut B --checkpoint model.pt \
      --data cifar10:cifar-10-batches-bin --mean .4914,.4822,.4465 --std .2023,.1994,.2010
TEXT
diff - <("$LOSSLENS" help | grep -A4 '^files:$') <<'TEXT' || { echo "the list of verbs differs"; failed=1; }
files:
  inspect      what is in a file of weights or a data set
  topology     merge tree, persistence and profile of any scalar field
  compare      distances between the topologies of fields, side by side
  data         data sets with a public address: list and fetch
TEXT
exit $failed
