#!/usr/bin/python3
"""Training of 1-D convection PINNs: losslens, one seed and many together, beside PyTorch, in alternation.

    bench/peers/pinn_torch.py LOSSLENS [--beta 1] [--seeds 8] [--threads 2] [--rounds 3]

The network is 2-50-50-50-50-1 tanh; 256 initial points, 100 boundary pairs, 100 collocation points; L-BFGS with strong
Wolfe line search, history 50. PyTorch runs torch.optim.LBFGS with the usual autograd.grad(create_graph=True), its
tolerances at 0, for as many iterations as losslens needed for that seed, from a network of the same shape. Before
anything is timed, its initial and boundary terms at losslens' weights must be those of losslens, both in
double precision (to 1e-5).
Prints medians over the rounds, per seed, and their ratio. Exits with 3 without torch.
"""
import argparse
import json
import math
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

try:
    import numpy as np
    import torch
except ImportError:
    print("skipped: no python3 with torch")
    sys.exit(3)

parser = argparse.ArgumentParser()
parser.add_argument("losslens")
parser.add_argument("--beta", type=float, default=1.0)
parser.add_argument("--seeds", type=int, default=8)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--iterations", type=int, default=10000)
o = parser.parse_args()
torch.set_num_threads(o.threads)

x = torch.arange(256).double() * (2 * math.pi / 256)
t = torch.arange(100).double() / 99
initial = torch.stack([x, torch.zeros(256)], 1).float()
target = torch.sin(x).float()[:, None]
lower = torch.stack([torch.zeros(100), t], 1).float()
upper = torch.stack([torch.full((100,), 2 * math.pi), t], 1).float()
chosen = np.random.default_rng(0).choice(25600, 100, replace=False)
inside_x = x[torch.from_numpy(chosen % 256)].float()[:, None].requires_grad_()
inside_t = t[torch.from_numpy(chosen // 256)].float()[:, None].requires_grad_()


def network():
    layers, width = [], 2
    for _ in range(4):
        layers += [torch.nn.Linear(width, 50), torch.nn.Tanh()]
        width = 50
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))


def terms(net):
    u = net(torch.cat([inside_x, inside_t], 1))
    ones = torch.ones_like(u)
    u_x = torch.autograd.grad(u, inside_x, ones, create_graph=True)[0]
    u_t = torch.autograd.grad(u, inside_t, ones, create_graph=True)[0]
    return ((net(initial) - target) ** 2).mean(), ((net(lower) - net(upper)) ** 2).mean(), ((u_t + o.beta * u_x) ** 2).mean()


def read_safetensors(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    return [
        (name, np.frombuffer(body[e["data_offsets"][0] : e["data_offsets"][1]], "<f4").reshape(e["shape"]))
        for name, e in sorted(header.items())
        if name != "__metadata__"
    ]


def check_equal(path):
    net, tensors = network(), dict(read_safetensors(path))
    names = sorted({name.rsplit(".", 1)[0] for name in tensors})
    with torch.no_grad():
        for layer, name in zip([m for m in net if isinstance(m, torch.nn.Linear)], names):
            layer.weight.copy_(torch.from_numpy(tensors[name + ".weight"].copy()))
            layer.bias.copy_(torch.from_numpy(tensors[name + ".bias"].copy()))
    # Both in double: differences of values near 1, squared, would else show the roundings of float32.
    net.double()
    left, right = torch.stack([torch.zeros(100), t], 1), torch.stack([torch.full((100,), 2 * math.pi, dtype=t.dtype), t], 1)
    mine_of = {
        "initial": ((net(torch.stack([x, torch.zeros_like(x)], 1)) - torch.sin(x)[:, None]) ** 2).mean(),
        "boundary": ((net(left) - net(right)) ** 2).mean(),
    }
    command = [o.losslens, "eval", "--problem", "convection", "--beta", str(o.beta), "--checkpoint", path, "--float64", "--json"]
    values = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["terms"]
    for name, mine in mine_of.items():
        theirs = values[name]
        assert abs(mine.item() - theirs) <= 1e-5 * abs(theirs) + 1e-9, f"{name}: torch {mine.item()}, losslens {theirs}"


def torch_seconds(iterations):
    torch.manual_seed(0)
    net = network()
    optimiser = torch.optim.LBFGS(
        net.parameters(), max_iter=iterations, max_eval=10**9, history_size=50, tolerance_grad=0, tolerance_change=0, line_search_fn="strong_wolfe"
    )
    count = 0

    def closure():
        nonlocal count
        count += 1
        optimiser.zero_grad()
        loss = sum(terms(net))
        loss.backward()
        return loss

    start = time.perf_counter()
    optimiser.step(closure)
    return time.perf_counter() - start, optimiser.state_dict()["state"][0]["n_iter"], count


def losslens(arguments):
    command = [o.losslens, "train", "--problem", "convection", "--beta", str(o.beta), "--threads", str(o.threads), "--epochs", str(o.iterations), "--quiet", "--json"]
    return json.loads(subprocess.run(command + arguments, check=True, capture_output=True, text=True).stdout)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "one.safetensors")
    losslens(["--seed", "0", "--out", path])
    check_equal(path)
rows = {"torch": [], "alone": [], "together": []}
for _ in range(o.rounds):
    alone = losslens(["--seed", "0"])
    seconds, done, evaluations = torch_seconds(alone["steps"])
    together = losslens(["--seeds", f"0..{o.seeds - 1}"])
    steps = sum(run["steps"] for run in together["runs"])
    rows["torch"].append(1e3 * seconds / done)
    rows["alone"].append(1e3 * alone["seconds"] / alone["steps"])
    rows["together"].append(1e3 * together["seconds"] / steps)
ms = {name: statistics.median(values) for name, values in rows.items()}
errors = [run["relative_l2"] for run in together["runs"]]
print(f"convection beta {o.beta:g}, {o.threads} threads, float32, L-BFGS; milliseconds an iteration, medians of {o.rounds} alternating rounds")
print(f"  PyTorch, one seed             {ms['torch']:8.2f}   ({done} iterations, {evaluations} evaluations)")
print(f"  losslens, one seed            {ms['alone']:8.2f}   {ms['torch'] / ms['alone']:6.2f} times as fast")
print(f"  losslens, {o.seeds:4d} seeds together {ms['together']:8.2f}   {ms['torch'] / ms['together']:6.2f} times as fast")
print(f"  {o.seeds} seeds: losslens {together['seconds']:.1f} s; PyTorch for the same {steps} iterations {ms['torch'] * steps / 1e3:.0f} s (extrapolated)")
print(f"  relative error of the {o.seeds} seeds: {min(errors):.4f} to {max(errors):.4f}")
