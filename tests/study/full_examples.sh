#!/usr/bin/env bash
# The small example runs, is looked at, is added to, and runs again in no time; the case studies are planned; init's files too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$LOSSLENS_SOURCE"/examples/*.yaml "$work"
cd "$work"
fail() { echo "failed: $*" >&2; exit 1; }

"$LOSSLENS" run pinn_quick.yaml --quiet >first.txt
grep -q 'pinn_quick.db: 33 jobs, 33 computed now' first.txt || fail "$(cat first.txt)"
"$LOSSLENS" run pinn_quick.yaml --json >again.json
grep -q '"computed":0' again.json || fail "$(cat again.json)"
grep -q '33 of 33 jobs done' <<<"$("$LOSSLENS" status pinn_quick.db)" || fail status
"$LOSSLENS" run pinn_quick.db --add landscape --models 'convection(beta=1)/0' --option grid=5x5 --option direction=hessian --quiet >added.txt
grep -q '35 jobs, 4 computed now' added.txt || fail "$(cat added.txt)" # landscape, its topology, comparison, trust
if "$LOSSLENS" run pinn_quick.db --add landscape --option gird=5x5 2>wrong.txt; then fail "a misspelt option was taken"; fi
grep -q 'did you mean "grid"' wrong.txt || fail "$(cat wrong.txt)"
"$LOSSLENS" run pinn_quick.db --prune --quiet >/dev/null
"$LOSSLENS" status --verify pinn_quick.db >/dev/null

"$LOSSLENS" run case2_convection.yaml --dry-run --json >plan.json
grep -q '"standard"' plan.json || fail "$(cat plan.json)"
for example in resnet checkpoints pinn topology; do
  "$LOSSLENS" init "mine_$example" --example $example >/dev/null
  if "$LOSSLENS" init "mine_$example" --example $example 2>/dev/null; then fail "init overwrote a file"; fi
done
"$LOSSLENS" run mine_pinn.yaml --dry-run >/dev/null
if "$LOSSLENS" run mine_checkpoints.yaml 2>wrong.txt; then fail "there are no checkpoints"; fi
grep -q 'no file fits' wrong.txt || fail "$(cat wrong.txt)"
