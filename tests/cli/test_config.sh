#!/usr/bin/env bash
# --config: options from a YAML or JSON file give what the same flags give; the line wins; mistakes are named.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
awk 'BEGIN { for (i = 0; i < 30; i++) printf "%g,%g,%d\n", i, i * i % 7, i % 3 }' >table.csv
cat >eval.yaml <<'YAML'
# a perceptron on a table
network: mlp
options: {hidden: [5, 4], activation: tanh}
data: csv:table.csv
roles: {fit: train, test: "test:3"}
float64: true
gradient: true
by_order: false
seed: 3
json: true
threads: 1
YAML
flags=(--network mlp --option hidden=5,4 --option activation=tanh --data csv:table.csv --role fit=train --role test=test:3 --float64 --gradient --seed 3 --json --threads 1)
same() { # FILE-OF-ONE FILE-OF-OTHER what
  cmp -s "$1" "$2" || { echo "FAILED: $3"; diff "$1" "$2" || true; failed=1; }
}
"$LOSSLENS" eval "${flags[@]}" >wanted.json
"$LOSSLENS" eval --config eval.yaml >got.json
same wanted.json got.json "YAML and flags"
printf '{"network":"mlp","options":{"hidden":"5,4","activation":"tanh"},"data":"csv:table.csv","role":{"fit":"train","test":"test:3"},"float64":true,"gradient":true,"seed":3,"json":true}' >eval.json
"$LOSSLENS" eval --threads 1 --config=eval.json >got.json
same wanted.json got.json "JSON and flags"
"$LOSSLENS" eval "${flags[@]}" --option hidden=7 --seed 4 >wanted.json
"$LOSSLENS" eval --seed 4 --option hidden=7 --config eval.yaml >got.json
same wanted.json got.json "the line wins"
printf 'network: mlp\noptions:\n  hidden: 4\ndata: csv:table.csv\nepochs: 3\nbatch: 8\nquiet: true\nmomentum: 0.5\njson: yes\nout: a.safetensors\n' >train.yaml
sed 's/^json: yes$/json: true/' train.yaml >train_true.yaml
"$LOSSLENS" train --config train_true.yaml >/dev/null
"$LOSSLENS" train --network mlp --option hidden=4 --data csv:table.csv --epochs 3 --batch 8 --momentum 0.5 --quiet --out b.safetensors >/dev/null
same a.safetensors b.safetensors "training from YAML"
printf 'file: a.safetensors\njson: true\n' >inspect.yaml
"$LOSSLENS" inspect --config inspect.yaml >got.json
"$LOSSLENS" inspect a.safetensors --json >wanted.json
same wanted.json got.json "a word of the line"

# Every family of the zoo is listed, with the options that it takes.
"$LOSSLENS" inspect --networks >networks.txt
for family in resnet resnet18 vgg11 vit unet mlp cnn blocks; do
  grep -q "^$family[:,]" networks.txt || { echo "inspect --networks does not list $family"; exit 1; }
done
grep -q "^  hidden  *widths of the hidden layers (128,128 unless told)$" networks.txt || { echo "the MLP's option is missing"; exit 1; }
"$LOSSLENS" inspect --networks --json >networks.json
grep -q '"key":"crf_steps"' networks.json || { echo "the UNet's option is missing from the JSON"; exit 1; }

refused() {
  local wanted=$1 got code=0
  shift
  got=$("$LOSSLENS" "$@" 2>&1 >stdout.txt) || code=$?
  if [ "$code" = 0 ] || [ "$got" != "$wanted" ] || [ -s stdout.txt ]; then
    printf 'losslens %s\n  wanted %s\n  got    %s\n' "$*" "$wanted" "$got"
    failed=1
  fi
}
refused "losslens train: 'yes' is too much; wanted --network NAME --data SOURCE --out FILE [options] (losslens train --help)" train --config train.yaml
printf 'netwrk: mlp\n' >wrong.yaml
refused "losslens eval: there is no option --netwrk; did you mean --network? (losslens eval --help)" eval --config wrong.yaml
printf -- '- network: mlp\n' >wrong.yaml
refused "losslens eval: wrong.yaml: holds a list; wanted a map of options" eval --config wrong.yaml
printf 'options: {hidden: {a: 1}}\n' >wrong.yaml
refused "losslens eval: wrong.yaml: line 1, column 19: options is a map; wanted a value, a list of values, or a map of values" eval --config wrong.yaml
printf 'network: &a mlp\n' >wrong.yaml
refused "losslens eval: wrong.yaml: line 1, column 10: anchors (&name) are not allowed here" eval --config wrong.yaml
refused "losslens eval: missing.yaml: cannot open: No such file or directory" eval --config missing.yaml
refused "losslens eval: --config: needs a value; wanted FILE" eval --config
grep -q -- '--config FILE' <<<"$("$LOSSLENS" eval --help)" || { echo "help lacks --config"; failed=1; }
exit $failed
