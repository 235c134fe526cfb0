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
path = landscape(10, "--direction", "pca", "--trajectory", work + "/epoch_*.npz", "--grid", "3x3")
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
none = subprocess.run([program, "landscape", "--problem", "convection", "--beta", "1", "--direction", "pca", "--trajectory",
                       work + "/nothing_*.npz", "--grid", "2x2"], capture_output=True, text=True)
assert none.returncode == 1 and "nothing_*.npz" in none.stderr, none.stderr
PYTHON
