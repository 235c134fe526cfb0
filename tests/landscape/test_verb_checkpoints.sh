#!/usr/bin/env bash
# losslens landscape through checkpoints of a physics-informed network: a path that lies in one plane by construction, lines,
# planes and patches whose corners are the checkpoints' own losses.
set -euo pipefail
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
export WORK
python3 - <<'PYTHON'
import array, json, os, struct, subprocess, sys, zipfile
program, work = os.environ["LOSSLENS"], os.environ["WORK"]
sizes = [2, 50, 50, 50, 50, 1]

def npy(shape, values):
    head = ("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }" % (tuple(shape),)).encode()
    head += b" " * (63 - (10 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + array.array("d", values).tobytes()

# theta = p + u q + u^2 r with u from 1 (epoch 0) to 0 (epoch 10).
for epoch in range(11):
    with zipfile.ZipFile("%s/epoch_%d.npz" % (work, epoch), "w") as file:
        first, u = 0, (10 - epoch) / 10
        for l in range(5):
            for name, shape in (("weight", (sizes[l + 1], sizes[l])), ("bias", (sizes[l + 1],))):
                n = shape[0] * (shape[1] if len(shape) > 1 else 1)
                a = sizes[l] ** -0.5
                p = [(k * 0.6180339887498949) % 1 - 0.5 for k in range(first, first + n)]
                r = [(k * 0.7548776662466927) % 1 - 0.5 for k in range(first, first + n)]
                file.writestr("layers.%d.%s.npy" % (l, name),
                              npy(shape, [a * (x * (1 + 0.5 * u) + 0.2 * u * u * y) for x, y in zip(p, r)]))
                first += n

def landscape(epoch, *arguments):
    done = subprocess.run([program, "landscape", "--problem", "convection", "--beta", "1", "--float64", "--quiet", "--json",
                           "--checkpoint", "%s/epoch_%d.npz" % (work, epoch), *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("losslens landscape %s: %s" % (" ".join(arguments), done.stderr))
    return json.loads(done.stdout)

def at(epoch):
    return "%s/epoch_%d.npz" % (work, epoch)

own = {e: landscape(e, "--grid", "1", "--range", "0:1")["centre_loss"] for e in (0, 4, 7, 10)}
assert len(set(own.values())) == 4

def near(what, got, wanted):
    assert abs(got - wanted) <= 1e-9 * abs(wanted), (what, got, wanted)

line = landscape(10, "--direction", "between", "--to", at(4), "--grid", "3")
assert line["axis_0"] == [0, 0.5, 1]
near("line", line["loss"][0], own[10])
near("line", line["loss"][2], own[4])
patch = landscape(10, "--direction", "between", "--to", at(4), "--to", at(7), "--to", at(0), "--grid", "2x2")
for i, e in enumerate((10, 7, 4, 0)):
    near("bilinear", patch["loss"][i // 2][i % 2], own[e])
weights = landscape(10, "--direction", "between", "--barycentric", "--to", at(4), "--to", at(7), "--grid", "2x2")
for i, e in enumerate((10, 7, 4)):
    near("barycentric", weights["loss"][i // 2][i % 2], own[e])
plane = landscape(10, "--direction", "between", "--to", at(4), "--to", at(7), "--grid", "2x2")
assert abs(plane["direction_cosines"][0][1]) < 1e-9
assert plane["trajectory"][0] == [0, 0] and len(plane["trajectory"]) == 3

# Natural order: epoch_10, the centre, comes last, and epoch_9 before it.
path = landscape(10, "--direction", "pca", "--trajectory", work + "/epoch_*.npz", "--grid", "3x3", "--range", "auto")
assert len(path["trajectory"]) == 11 and max(map(abs, path["trajectory"][10])) < 1e-9
steps = [p[0] for p in path["trajectory"]]
assert steps == sorted(steps, reverse=True) or steps == sorted(steps), steps
near("explained variance", sum(path["explained_variance"]), 1)
scale = max(abs(p[0]) for p in path["trajectory"])
assert max(path["trajectory_residual"]) < 1e-6 * scale, path["trajectory_residual"]
for d in range(2):  # the range holds the path
    low, high = path["axis_%d" % d][0], path["axis_%d" % d][-1]
    assert all(low <= p[d] <= high for p in path["trajectory"])
# A random plane in 7,851 dimensions holds about 2/7851 of the path.
shadow = landscape(10, "--trajectory", work + "/epoch_*.npz", "--grid", "2x2", "--normalise", "none")
assert 0 <= shadow["trajectory_explained_variance"] < 0.01, shadow["trajectory_explained_variance"]
verdict = [c["verdict"] for c in shadow["checks"] if c["check"] == "explained_variance"]
assert verdict == ["fail"] or verdict == ["doubt"], verdict
# Two paths in one plane. Without stored epochs names give the order; with them, the epochs do.
order = [3, 0, 9, 6]
for i, e in enumerate(order):
    with zipfile.ZipFile(at(e)) as old, zipfile.ZipFile("%s/other_%d.npz" % (work, i), "w") as file:
        for name in old.namelist():
            file.writestr(name, old.read(name))
two = landscape(10, "--direction", "pca", "--trajectory", work + "/epoch_*.npz", "--trajectory", work + "/other_*.npz", "--grid", "3x3")
assert two["trajectory_lengths"] == [11, 4] and len(two["trajectory"]) == 15, two["trajectory_lengths"]
assert "trajectory_epochs" not in two
for i, e in enumerate(order):
    assert all(abs(a - b) < 1e-9 * scale for a, b in zip(two["trajectory"][11 + i], two["trajectory"][e])), (i, e)
def safetensors(path, tensors, epoch):
    head, body = {"__metadata__": {"epoch": str(epoch)}}, b""
    for name, (shape, data) in tensors.items():
        head[name] = {"dtype": "F64", "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)

for i, e in enumerate(order):
    with zipfile.ZipFile(at(e)) as old:
        tensors = {}
        for l in range(5):
            for name, shape in (("weight", [sizes[l + 1], sizes[l]]), ("bias", [sizes[l + 1]])):
                raw = old.read("layers.%d.%s.npy" % (l, name))
                tensors["layers.%d.%s" % (l, name)] = (shape, raw[10 + struct.unpack("<H", raw[8:10])[0]:])
    safetensors("%s/stored_%d.safetensors" % (work, i), tensors, e)
stored = landscape(10, "--direction", "pca", "--trajectory", work + "/epoch_*.npz", "--trajectory", work + "/stored_*.safetensors",
                   "--grid", "3x3")
for i, e in enumerate(sorted(order)):
    assert all(abs(a - b) < 1e-9 * scale for a, b in zip(stored["trajectory"][11 + i], stored["trajectory"][e])), (i, e)
alone = landscape(10, "--trajectory", work + "/stored_*.safetensors", "--grid", "2x2")
assert alone["trajectory_epochs"] == sorted(order) and "trajectory_lengths" not in alone
# Two halves of every term's points, and what they agree on.
halves = landscape(10, "--grid", "5x5", "--range", "-.2:.2", "--halves")
assert halves["sets"] == 3 and halves["set_1_samples"] + halves["set_2_samples"] == halves["set_0_samples"]
assert halves["features"]["minima"] >= halves["features"]["minima_resolved"] >= 1
verdict = [c["number"] for c in halves["checks"] if c["check"] == "sample_noise"]
assert verdict[0] is not None and verdict[0] > 0, verdict
# Adam's step from its moments: 2 / (sqrt(4) + 1e-8) in each of 7,851 places.
with zipfile.ZipFile(work + "/moments.npz", "w") as file:
    for l in range(5):
        for j, shape in enumerate(((sizes[l + 1], sizes[l]), (sizes[l + 1],))):
            n = shape[0] * (shape[1] if len(shape) > 1 else 1)
            file.writestr("state.%d.exp_avg.npy" % (2 * l + j), npy(shape, [2.0] * n))
            file.writestr("state.%d.exp_avg_sq.npy" % (2 * l + j), npy(shape, [4.0] * n))
adam = landscape(10, "--direction", "adam", "--moments", work + "/moments.npz", "--grid", "3")
near("norm of Adam's step", adam["direction_norms"][0], 7851 ** 0.5 * 2 / (2 + 1e-8))
# A network in a list of two: the same directions, its own centre; and a direction from a file: r at theta_10 = p.
pair = landscape(10, at(4), "--grid", "3", "--range", "-1:1", "--normalise", "none")["networks"]
near("first of two", pair[0]["centre_loss"], own[10])
near("second of two", pair[1]["centre_loss"], own[4])
assert pair[0]["direction_norms"] == pair[1]["direction_norms"] and pair[1]["checkpoint"] == at(4)
owns = landscape(10, at(4), "--grid", "3", "--range", "-1:1", "--own-directions")["networks"]
assert owns[0]["direction_norms"] != owns[1]["direction_norms"]
given = landscape(4, "--direction", "file", "--direction-file", at(10), "--grid", "1", "--range", "0:1")
near("given", given["loss"][0], own[4])
near("norm of the file's vector", given["direction_norms"][0] ** 2, sum(
    (a * ((k * 0.6180339887498949) % 1 - 0.5)) ** 2 for k, a in enumerate(
        sizes[l] ** -0.5 for l in range(5) for _ in range(sizes[l + 1] * (sizes[l] + 1)))))
none = subprocess.run([program, "landscape", "--problem", "convection", "--beta", "1", "--direction", "pca", "--trajectory",
                       work + "/nothing_*.npz", "--grid", "2x2"], capture_output=True, text=True)
assert none.returncode == 1 and "nothing_*.npz" in none.stderr, none.stderr
PYTHON
