# The five lines of docs/store.md read an array that the program stored.
set -euo pipefail
/usr/bin/python3 -c 'import numpy, sqlite3' 2>/dev/null || { echo "skipped: no python3 with numpy"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
maker=${LOSSLENS_STORE_SAMPLE:-./store_full_sample}
[ -x "$maker" ] || { echo "skipped: $maker is not built"; exit 77; }
"$maker" "$folder/study.db"
awk '/^```python/ { on = 1; next } /^```/ { on = 0 } on' "$LOSSLENS_SOURCE/docs/store.md" > "$folder/read.py"
[ "$(wc -l < "$folder/read.py")" -eq 5 ]
echo 'print(array.dtype, array.shape, array.sum())' >> "$folder/read.py"
got=$(/usr/bin/python3 "$folder/read.py" "$folder/study.db" "sample" ramp)
echo "$got"
[ "$got" = "float64 (300, 7000) 2204998950000.0" ] # 0 + 1 + ... + 2,099,999, in two blobs or one
got=$(/usr/bin/python3 "$folder/read.py" "$folder/study.db" "sample" zeros)
[ "$got" = "uint8 (1000,) 0" ]
listed=$("$LOSSLENS" export "$folder/study.db")
echo "$listed" | grep -q "1 results, 0 jobs"
"$LOSSLENS" export "$folder/study.db" --record sample --format npz --out "$folder/out" > /dev/null
/usr/bin/python3 - "$folder"/out/1_sample.npz <<'END'
import sys, numpy
with numpy.load(sys.argv[1]) as data:
    assert data["ramp"].shape == (300, 7000) and (data["ramp"].ravel() == numpy.arange(2100000)).all()
    assert int(data["answer"]) == 42 and bytes(data["word"]).decode() == "hello"
    assert numpy.isnan(data["missing"])
END
if "$LOSSLENS" export "$folder/study.db" --record nothing 2> "$folder/words"; then exit 1; fi
grep -q "there is no record nothing" "$folder/words"
