#!/usr/bin/env bash
# Every reference case of merge trees, through the program: pairs and trees by vertex, counts, for every
# connectivity. The cases and their checker live outside the repository; skipped where they are not.
set -euo pipefail
reference="${LOSSLENS_SHARED:-}/reference/topology"
if [ ! -f "$reference/check.py" ] || ! /usr/bin/python3 -c 'import numpy' 2>/dev/null; then
  echo "skipped: no reference cases (LOSSLENS_SHARED), or no python3 with numpy"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LOSSLENS="$LOSSLENS" WORK="$work" REFERENCE="$reference" /usr/bin/python3 - <<'PYTHON'
import glob, json, os, subprocess
import numpy

work, program = os.environ["WORK"], os.environ["LOSSLENS"]
names = {"axis": "axis", "freud": "freudenthal-plus", "freud_ttk": "freudenthal", "box": "box"}
count = 0
for path in sorted(glob.glob(os.path.join(os.environ["REFERENCE"], "g*.json"))):
    case = json.load(open(path))
    values = numpy.array([numpy.nan if v is None else float(v) for v in case["values"]])
    field = os.path.join(work, "field.npy")
    for connectivity in case["expected"]:
        if connectivity == "graph":
            numpy.save(field, values)
            edges = os.path.join(work, "edges.npy")
            numpy.save(edges, numpy.array(case["edges"], dtype=numpy.int64).reshape(-1, 2))
            command = [program, "topology", "--values", field, "--edges", edges, "--json"]
        else:
            numpy.save(field, values.reshape(case["shape"]))
            command = [program, "topology", field, "--connectivity", names[connectivity], "--json"]
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        result = {"pairs": [[b, -1 if essential else d] for b, d, essential in answer["pairs"]],
                  "tree": answer["tree"], "n_minima": answer["minima"], "n_saddles": answer["saddles"]}
        json.dump(result, open(os.path.join(work, f"{case['name']}.{connectivity}.json"), "w"))
        count += 1
print(count, "cases answered")
PYTHON
output=$(/usr/bin/python3 "$reference/check.py" "$work")
echo "$output"
# check.py counts what is missing as well; nothing may be.
grep -q ' 0 failed 0 missing' <<<"$output"
