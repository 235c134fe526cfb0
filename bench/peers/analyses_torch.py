#!/usr/bin/python3
"""Analyses of a real ResNet-20 beside PyTorch eager, in alternation: top-10 eigenpairs against PyHessian's method, a step of
curve training, points of a landscape with batch norm kept and re-estimated.

    LOSSLENS_SHARED=... analyses_torch.py BUILD/bench_analyses [--threads 1] [--images 64] [--rounds 3] [ROW ...]

Prints, a row: what each side takes (least of the rounds; processor time with one thread, so that other programs disturb
little, else the clock's) and the ratio. Losses at the centres are asserted equal to 1e-4.

PyHessian's products are counted by its method on our products (same size of start, same rules), and multiplied with the time of
one of PyTorch's: said in the line. Row eigenpairs counts with its own stop (a change of the eigenvalue below 1e-3, at most 100
products a pair), eigenpairs-to-residual until a residual of 1e-3 (at most 1,000 products a pair; minutes). Counts are taken on all
cores: they do not depend on the threads.
"""
import argparse
import os
import subprocess
import sys
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("program")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--images", type=int, default=64)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("rows", nargs="*")
a = parser.parse_intermixed_args()
os.environ["OMP_NUM_THREADS"] = str(a.threads)  # its backward passes run beside the thread that set_num_threads is for

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    print("skipped: no torch here")
    sys.exit(0)

torch.set_num_threads(a.threads)
shared = os.environ["LOSSLENS_SHARED"]
clock = time.process_time if a.threads == 1 else time.perf_counter


def weights(seed):
    path = os.path.join(shared, "data/checkpoints/losslens/cifar10_resnet20_%d.pkl" % seed)
    state = torch.load(path, map_location="cpu")
    state = state.get("state_dict", state) if isinstance(state, dict) else state.state_dict()
    return {k.replace("module.", ""): v.float() for k, v in state.items() if not k.endswith("num_batches_tracked")}


def split(state):
    """parameters, buffers"""
    running = {k: v for k, v in state.items() if "running" in k}
    return {k: v for k, v in state.items() if k not in running}, running


def network(p, b, x, training, momentum=0.1):
    """The network as a function of its tensors; option B shortcuts."""

    def bn(key, y):
        return F.batch_norm(y, b[key + ".running_mean"], b[key + ".running_var"], p[key + ".weight"], p[key + ".bias"], training, momentum, 1e-5)

    x = F.relu(bn("bn1", F.conv2d(x, p["conv1.weight"], padding=1)))
    for stage in (1, 2, 3):
        for block in (0, 1, 2):
            key = "layer%d.%d" % (stage, block)
            stride = 2 if stage > 1 and block == 0 else 1
            y = F.relu(bn(key + ".bn1", F.conv2d(x, p[key + ".conv1.weight"], stride=stride, padding=1)))
            y = bn(key + ".bn2", F.conv2d(y, p[key + ".conv2.weight"], padding=1))
            if stride == 2:
                x = bn(key + ".downsample.1", F.conv2d(x, p[key + ".downsample.0.weight"], stride=2))
            x = F.relu(x + y)
    return F.linear(x.mean((2, 3)), p["fc.weight"], p["fc.bias"])


raw = np.fromfile(os.path.join(shared, "data/cifar10/test_batch_0000_0499.bin"), np.uint8).reshape(-1, 3073)
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
every = (torch.tensor(raw[: 2 * a.images, 1:].reshape(-1, 3, 32, 32)).float() / 255 - mean[:, None, None]) / std[:, None, None]
labels = torch.tensor(raw[: a.images, 0].astype(np.int64))
images = every[: a.images]
parameters, buffers = split(weights(0))


def ours(what, threads=a.threads):
    """seconds, count, value, residual"""
    time.sleep(0.25)  # PyTorch's threads spin for some 100 ms after their work
    done = subprocess.run([a.program, what, str(a.images), str(threads)], capture_output=True, text=True, check=True)
    wall, cpu, count, value, residual = (float(word) for word in done.stdout.split())
    return (cpu if a.threads == 1 else wall), count, value, residual


def timed(function):
    start = clock()
    value = function()
    return clock() - start, value


def alternate(what, peer):
    """least seconds of ours a unit, of the peer's; our last count, value and residual"""
    best = [float("inf"), float("inf")]
    for _ in range(a.rounds):
        seconds, count, value, residual = ours(what)
        best[0] = min(best[0], seconds / count)
        for _ in range(2):  # the first may find its memory given back
            seconds, _ = timed(peer)
            best[1] = min(best[1], seconds)
    return best[0], best[1], count, value, residual


def say(text):
    side = "processor time" if a.threads == 1 else "clock"
    print("%s (%d thread%s, %d images, %s)" % (text, a.threads, "s" if a.threads > 1 else "", a.images, side), flush=True)


def eigenpairs(row, stop):
    leaves = {k: v.clone().requires_grad_() for k, v in parameters.items()}
    loss = F.cross_entropy(network(leaves, buffers, images, False), labels)
    gradient = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
    v = [torch.randn_like(g) for g in gradient]
    product = lambda: torch.autograd.grad(gradient, list(leaves.values()), v, retain_graph=True)
    product()
    mine, theirs, count, _, residual = alternate("eigenpairs", product)
    say("a Hessian product inside the solver: %.3f s, PyTorch %.3f s: %.2f x" % (mine, theirs, theirs / mine))
    _, needed, wrong, left = ours(row, os.cpu_count())
    say("top-10 eigenpairs: %.0f products of ours in %.1f s, residuals to %.1g; PyHessian's method to %s %.0f products x %.3f s of "
        "PyTorch's (extrapolated), residuals to %.1g, eigenvalues wrong by up to %.1g: %.1f x" %
        (count, count * mine, residual, stop, needed, theirs, left, wrong, needed * theirs / (count * mine)))


def curve():
    second = split(weights(123))[0]
    bend = {k: (0.5 * (parameters[k] + second[k])).requires_grad_() for k in parameters}
    statistics = {k: v.clone() for k, v in buffers.items()}
    optimiser = torch.optim.Adam(bend.values(), lr=1e-3)

    def step():
        t = float(torch.rand(()))
        at = {k: (1 - t) ** 2 * parameters[k] + 2 * t * (1 - t) * bend[k] + t * t * second[k] for k in bend}
        optimiser.zero_grad()
        F.cross_entropy(network(at, statistics, images, True), labels).backward()
        optimiser.step()

    step()
    mine, theirs = alternate("curve", step)[:2]
    say("curve training: a step %.3f s, PyTorch %.3f s: %.2f x" % (mine, theirs, theirs / mine))


def landscape(what):
    grid = [(x, y) for x in (-0.1, 0.0, 0.1) for y in (-0.1, 0.0, 0.1)]
    torch.manual_seed(0)

    def direction():
        made = {}
        for k, w in parameters.items():
            d = torch.randn_like(w) if w.dim() > 1 else torch.zeros_like(w)
            if w.dim() > 1:  # every filter as long as the network's
                rows = w.flatten(1).norm(dim=1) / (d.flatten(1).norm(dim=1) + 1e-10)
                d = d * rows.reshape([-1] + [1] * (w.dim() - 1))
            made[k] = d
        return made

    one, two = direction(), direction()
    centre = []

    @torch.no_grad()
    def loop():
        centre.clear()
        for x, y in grid:
            p = {k: parameters[k] + x * one[k] + y * two[k] for k in parameters}
            b = buffers
            if what == "re-estimate":
                b = {k: v.clone() for k, v in buffers.items()}
                for i, batch in enumerate(every.split(a.images)):  # means over batches
                    network(p, b, batch, True, 1 / (i + 1))
            loss = F.cross_entropy(network(p, b, images, False), labels).item()
            if x == y == 0:
                centre.append(loss)

    loop()
    mine, theirs, _, value, _ = alternate(what, loop)
    theirs /= len(grid)
    assert abs(value - centre[0]) < 1e-4, (value, centre)
    say("landscape, batch norm %s: a point %.4f s, PyTorch eager %.4f s: %.2f x" % (what, mine, theirs, theirs / mine))


rows = {
    "eigenpairs": lambda: eigenpairs("power", "its own stop"),
    "eigenpairs-to-residual": lambda: eigenpairs("power-to-residual", "a residual of 1e-3"),
    "curve": curve,
    "keep": lambda: landscape("keep"),
    "re-estimate": lambda: landscape("re-estimate"),
}
for row in a.rows or rows:
    rows[row]()
