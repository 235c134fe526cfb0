#!/usr/bin/python3
"""The PyTorch side of bench_engine: engine_torch.py WORKLOAD FOLDER THREADS.

Loads the weights and data that bench_engine wrote, answers every line "run" with "seconds value", where value is the
norm of everything the workload wants. Uses the best of a few batch sizes (evaluation). Exits with 3 without torch.
"""
import sys
import time

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(3)

name, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)


def load(what, dtype=np.float32):
    return torch.from_numpy(np.fromfile(f"{folder}/{what}", dtype=dtype))


def norm(tensors):
    return float(torch.sqrt(sum((t.double() ** 2).sum() for t in tensors)))


class ResNet:
    """ResNet-20 for CIFAR shapes with projection shortcuts; parameters by name."""

    def __init__(self):
        theta, at = load("theta"), 0
        self.p = {}
        for line in open(f"{folder}/table"):
            key, *shape = line.split()
            shape = [int(s) for s in shape]
            count = int(np.prod(shape)) if shape else 1
            self.p[key] = theta[at : at + count].reshape(shape).clone()
            at += count
        self.buffers = {
            k[: -len(".weight")]: (torch.zeros(v.shape[0]), torch.ones(v.shape[0]))
            for k, v in self.p.items()
            if v.dim() == 1 and k.endswith(".weight")
        }
        self.training = False

    def bn(self, key, x):
        mean, variance = self.buffers[key]
        if self.training:
            mean, variance = mean.clone(), variance.clone()
        return F.batch_norm(x, mean, variance, self.p[key + ".weight"], self.p[key + ".bias"], self.training, 0.1, 1e-5)

    def __call__(self, x):
        p = self.p
        x = F.relu(self.bn("bn1", F.conv2d(x, p["conv1.weight"], padding=1)))
        for stage in (1, 2, 3):
            for block in (0, 1, 2):
                key = f"layer{stage}.{block}"
                stride = 2 if stage > 1 and block == 0 else 1
                y = F.relu(self.bn(key + ".bn1", F.conv2d(x, p[key + ".conv1.weight"], stride=stride, padding=1)))
                y = self.bn(key + ".bn2", F.conv2d(y, p[key + ".conv2.weight"], padding=1))
                if stride == 2:
                    x = self.bn(key + ".downsample.1", F.conv2d(x, p[key + ".downsample.0.weight"], stride=2))
                x = F.relu(x + y)
        return F.linear(x.mean((2, 3)), p["fc.weight"], p["fc.bias"])


def resnet():
    net = ResNet()
    label = load("label", np.int64)
    image = load("image").reshape(-1, 3, 32, 32)
    keys = list(net.p)
    if name == "resnet-evaluate":
        def evaluate(batch):
            total = 0.0
            with torch.no_grad():
                for i in range(0, len(label), batch):
                    total += float(F.cross_entropy(net(image[i : i + batch]), label[i : i + batch], reduction="sum"))
            return [torch.tensor(total / len(label))]

        best = {}
        for batch in (64, 128, 256, 512):
            evaluate(batch)
            start = time.perf_counter()
            evaluate(batch)
            best[batch] = time.perf_counter() - start
        batch = min(best, key=best.get)
        return lambda: evaluate(batch)
    for key in keys:
        net.p[key].requires_grad_(True)
    parameters = [net.p[key] for key in keys]
    net.training = name == "resnet-train"
    if name == "resnet-train":
        return lambda: torch.autograd.grad(F.cross_entropy(net(image), label), parameters)
    tangent, at, vectors = load("tangent"), 0, []
    for parameter in parameters:
        vectors.append(tangent[at : at + parameter.numel()].reshape(parameter.shape))
        at += parameter.numel()
    gradients = torch.autograd.grad(F.cross_entropy(net(image), label), parameters, create_graph=True)
    return lambda: torch.autograd.grad(gradients, parameters, grad_outputs=vectors, retain_graph=True)


def layers(theta, widths):
    at, parameters = 0, []
    for a, b in zip(widths[:-1], widths[1:]):
        parameters.append(theta[..., at : at + a * b].reshape(*theta.shape[:-1], b, a).clone())
        at += a * b
        parameters.append(theta[..., at : at + b].clone())
        at += b
    return parameters


def pinn():
    dtype = np.float64 if name.endswith("f64") else np.float32
    parameters = layers(load("theta", dtype), (2, 50, 50, 50, 50, 1))
    for p in parameters:
        p.requires_grad_(True)
    x = load("x", dtype).reshape(-1, 1).requires_grad_(True)
    t = load("t", dtype).reshape(-1, 1).requires_grad_(True)

    def step():
        h = torch.cat((x, t), 1)
        for i in range(0, len(parameters), 2):
            h = F.linear(h, parameters[i], parameters[i + 1])
            if i + 2 < len(parameters):
                h = torch.tanh(h)
        u_x = torch.autograd.grad(h, x, torch.ones_like(h), create_graph=True, retain_graph=True)[0]
        u_t = torch.autograd.grad(h, t, torch.ones_like(h), create_graph=True, retain_graph=True)[0]
        return [g for g in torch.autograd.grad(((u_t + 30.0 * u_x) ** 2).mean(), parameters, allow_unused=True)
                if g is not None]

    return step


def mlp_many():
    parameters = layers(load("theta").reshape(441, -1), (2, 32, 32, 1))
    x = load("x").reshape(1, -1, 2).expand(441, -1, -1)
    y = load("y").reshape(1, -1, 1)

    def step():
        with torch.no_grad():
            h = x
            for i in range(0, len(parameters), 2):
                h = torch.baddbmm(parameters[i + 1].unsqueeze(1), h, parameters[i].transpose(1, 2))
                if i + 2 < len(parameters):
                    h = torch.tanh(h)
            return [((h - y) ** 2).mean((1, 2))]

    return step


run = resnet() if name.startswith("resnet") else pinn() if name.startswith("pinn") else mlp_many()
run()
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    result = run()
    seconds = time.perf_counter() - start
    print(seconds, norm(result), flush=True)
