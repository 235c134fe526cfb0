#!/usr/bin/env bash
# The web application in Chromium without a window, served by the program, with studies that the program made.
set -euo pipefail
web=$LOSSLENS_SOURCE/web
skip() { echo "skipped: $1"; exit 77; }
command -v node >/dev/null || skip "Node.js is not installed (tools/setup installs it)"
command -v "${CHROMIUM:-chromium}" >/dev/null || skip "Chromium is not installed (tools/setup installs it)"
[ -d "$web/node_modules/playwright-core" ] || skip "the web application is not installed (tools/build_web)"
[ -f "$web/dist/index.html" ] || { echo "web/dist is missing: tools/build_web makes it"; exit 1; }
export CHROMIUM=$(command -v "${CHROMIUM:-chromium}")

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$LOSSLENS_SOURCE/examples/pinn_quick.yaml" "$folder/"
(cd "$folder" && "$LOSSLENS" run pinn_quick.yaml >run.log 2>&1) || { tail -20 "$folder/run.log"; exit 1; }
mkdir "$folder/given"
cat >"$folder/given/given.yaml" <<'END'
study: given
effort: quick
groups:
  - {name: given, problem: convection, beta: 1, checkpoints: ['first_*.safetensors']}
analyses: {metrics: true}
END
"$LOSSLENS" train --problem convection --beta 1 --seeds 7..8 --epochs 3 --quiet --out "$folder/some.safetensors" >/dev/null
mv "$folder/some_7.safetensors" "$folder/given/first_0.safetensors"
(cd "$folder/given" && "$LOSSLENS" run given.yaml >run.log 2>&1) || { tail -20 "$folder/given/run.log"; exit 1; }
synthetic=$(dirname "$LOSSLENS")/server_full_synthetic
"$synthetic" "$folder/twelve.db"
"$synthetic" "$folder/hostile.db" --hostile
"$synthetic" "$folder/many.db" --models 200 --groups 2 --pairs 9900 --grid 15
"$synthetic" "$folder/store.db" --models 1000 --groups 50 --pairs 20000 --grid 9
node -e '
  // value,x,y of a bowl with ripples
  const rows = ["x,y,loss"];
  for (let i = 0; i <= 40; i++) for (let j = 0; j <= 40; j++) {
    const [x, y] = [i / 20 - 1, j / 20 - 1];
    rows.push(`${x},${y},${0.2 + x * x + y * y + 0.1 * Math.cos(9 * x) * Math.cos(9 * y)}`);
  }
  require("fs").writeFileSync(process.argv[1], rows.join("\n") + "\n");' "$folder/ripples.csv"

cd "$web"
status=0
for run in "app.mjs $folder/pinn_quick.db $folder/ripples.csv" "app.mjs $folder/twelve.db $folder/ripples.csv" \
    "local.mjs $folder/twelve.db" "hostile.mjs $folder/hostile.db" "scale.mjs $folder/many.db $folder/store.db" "runs.mjs $folder/pinn_quick.db $folder/given/given.db $folder/some_8.safetensors"; do
  echo "== ${run//$folder\//}"
  # shellcheck disable=SC2086 # the words are arguments
  node tests/$run || status=1
done
exit $status
