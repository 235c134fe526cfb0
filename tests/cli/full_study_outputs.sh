#!/usr/bin/env bash
# What comes out of a finished study: tables, figures with their captions, and the report, from a small study that is run
# here; and what is said when a wish cannot be met.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$(cd "$(dirname "$0")/../.." && pwd)
cp "$root/examples/pinn_quick.yaml" "$work/"
cd "$work"
failed=0
fail() { echo "$*"; failed=1; }
# refused 'message' ARGUMENTS...
refused() {
  local wanted=$1 got
  shift
  if got=$("$LOSSLENS" "$@" 2>&1); then fail "accepted: $*"; fi
  grep -qF -- "$wanted" <<<"$got" || fail "losslens $*: wanted '$wanted', got '$got'"
}

cat >>pinn_quick.yaml <<'YAML'
claims:
  - {says: beta = 1 is learnt, source: Krishnapriyan et al. 2021, number: relative_error, group: convection(beta=1), below: 0.5}
YAML
"$LOSSLENS" run pinn_quick.yaml >run.txt 2>&1 || { cat run.txt; exit 1; }

# Tables: one line a group and a head; the accuracy of beta = 1 is known from elsewhere (published: about 0.01).
"$LOSSLENS" table pinn_quick.db --metrics relative_error,lambda_1 --format csv >table.csv
[ "$(wc -l <table.csv)" = 3 ] || fail "table: $(cat table.csv)"
awk -F, '/beta=1\)/ { exit !($2 > 0.001 && $2 < 0.05 && $4 == 2) }' table.csv || fail "relative error: $(cat table.csv)"
awk -F, '/beta=50\)/ { exit !($2 > 0.5) }' table.csv || fail "relative error of beta = 50: $(cat table.csv)"
"$LOSSLENS" table pinn_quick.db --by model --out models.md --format markdown
[ "$(grep -c '^| convection' models.md)" = 4 ] || fail "models: $(cat models.md)"
refused "did you mean relative_error" table pinn_quick.db --metrics relative_eror

# Figures of every kind that a PINN study has; composed ones say in words what they show.
for view in contour surface diagram barcode tree profile eigenvalues training solution solution-error; do
  "$LOSSLENS" figure pinn_quick.db --view $view --figure $view.svg --no-caption >/dev/null || fail "$view"
  grep -q '</svg>' $view.svg || fail "$view is no SVG"
done
for view in structure cka; do "$LOSSLENS" figure pinn_quick.db --view $view --figure $view.pdf >/dev/null || fail "$view"; done
"$LOSSLENS" figure pinn_quick.db --view curve --columns 'convection(beta=1)/0,convection(beta=1)/1' --figure curve.svg >/dev/null || fail curve
"$LOSSLENS" figure pinn_quick.db --layout losslens --rows contour,tree --figure composed.pdf >/dev/null || fail "composed"
[ "$(grep -c '^([a-e])' composed.txt)" = 5 ] || fail "caption: $(cat composed.txt)"
grep -q 'logarithmic' composed.txt || fail "the caption does not tell of the logarithmic scale"
if command -v pdffonts >/dev/null; then
  pdffonts composed.pdf | awk 'NR > 2 && $(NF - 4) != "yes" { print "a font is not embedded: " $0; bad = 1 } END { exit bad }' || failed=1
fi
refused "did you mean contour" figure pinn_quick.db --view contuor --figure x.pdf
refused "no such model or group" figure pinn_quick.db --columns nobody --figure x.pdf
refused "sorts nothing into classes" figure pinn_quick.db --view confusion --figure x.pdf
refused "where to?" figure pinn_quick.db
refused "x.gif" figure pinn_quick.db --figure x.gif
[ ! -e x.pdf ] || fail "a refused figure left a file"

# The report: one file, nothing from elsewhere, no scripts; the claim judged.
"$LOSSLENS" report pinn_quick.db >/dev/null
page=pinn_quick.html
grep -qi '<script' $page && fail "the report has a script"
elsewhere=$(grep -Eo '(src|href)="[^#"][^"]{0,40}' $page | grep -cv '"data:' || true)
[ "$elsewhere" = 0 ] || fail "the report points elsewhere"
for words in 'supported' 'beta = 1 is learnt' 'Methods' '@software{losslens' 'Global structure' 'relative_error'; do
  grep -qF "$words" $page || fail "the report lacks '$words'"
done
exit $failed
