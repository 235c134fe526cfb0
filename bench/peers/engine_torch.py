#!/usr/bin/python3
"""The PyTorch side of bench_engine: engine_torch.py WORKLOAD FOLDER THREADS.

Loads the weights and data that bench_engine wrote, answers every line "run" with "seconds
processor-seconds value", where value is the norm of everything the workload wants. Uses the best of a few batch sizes (evaluation). Exits with 3 without torch.
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
        self.p = {}
        self.set(load("theta"))
        self.buffers = {
            k[: -len(".weight")]: (torch.zeros(v.shape[0]), torch.ones(v.shape[0]))
            for k, v in self.p.items()
            if v.dim() == 1 and k.endswith(".weight")
        }
        self.training = False
        self.seen = None  # statistics of batches, while they are collected

    def set(self, theta):
        at = 0
        for line in open(f"{folder}/table"):
            key, *shape = line.split()
            shape = [int(s) for s in shape]
            count = int(np.prod(shape)) if shape else 1
            self.p[key] = theta[at : at + count].reshape(shape).clone()
            at += count

    def bn(self, key, x):
        mean, variance = self.buffers[key]
        if self.seen is not None:
            mean, variance = mean.clone(), variance.clone()
            y = F.batch_norm(x, mean, variance, self.p[key + ".weight"], self.p[key + ".bias"], True, 1.0, 1e-5)
            self.seen.setdefault(key, []).append((mean, variance))
            return y
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
    if name.endswith("-last"):
        image = image.contiguous(memory_format=torch.channels_last)
        for key in keys:
            if net.p[key].dim() == 4:
                net.p[key] = net.p[key].contiguous(memory_format=torch.channels_last)

    def evaluate(batch, network):
        total = 0.0
        with torch.no_grad():
            for i in range(0, len(label), batch):
                total += float(F.cross_entropy(network(image[i : i + batch]), label[i : i + batch], reduction="sum"))
        return torch.tensor(total / len(label), dtype=torch.float64)

    def frozen(batch):
        """The network traced for one batch size: what PyTorch offers for inference."""

        class Module(torch.nn.Module):
            def forward(self, x):
                return net(x)

        with torch.no_grad():
            traced = torch.jit.trace(Module().eval(), image[:batch])
            return torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def best_batch(networks):
        best = {}
        for batch, network in networks.items():
            for _ in range(3 if name.endswith("-frozen") else 1):  # a traced network is optimised in its first calls
                evaluate(batch, network)
            start = time.perf_counter()
            evaluate(batch, network)
            best[batch] = time.perf_counter() - start
        return min(best, key=best.get)

    if name.startswith("resnet-evaluate"):
        networks = {b: frozen(b) if name.endswith("-frozen") else net for b in (64, 128, 256, 512)}
        batch = best_batch(networks)
        return lambda: [evaluate(batch, networks[batch])]
    if name == "resnet-reestimate":
        thetas = load("theta").reshape(2, -1)
        batch = best_batch({b: net for b in (64, 128)})
        kept = dict(net.buffers)

        def points():
            losses = []
            for theta in thetas:
                net.set(theta)
                net.buffers, net.seen = dict(kept), {}
                with torch.no_grad():
                    for i in range(0, len(label), 128):
                        net(image[i : i + 128])
                net.buffers = {
                    key: tuple(torch.stack([s[part] for s in seen]).mean(0) for part in (0, 1))
                    for key, seen in net.seen.items()
                }
                net.seen = None
                losses.append(evaluate(batch, net))
            return losses

        return points
    for key in keys:
        net.p[key].requires_grad_(True)
    parameters = [net.p[key] for key in keys]
    net.training = name.startswith("resnet-train")
    if net.training:
        return lambda: torch.autograd.grad(F.cross_entropy(net(image), label), parameters)
    size = sum(p.numel() for p in parameters)
    blocks = []
    for tangent in load("tangent").reshape(-1, size):
        at, vectors = 0, []
        for parameter in parameters:
            vectors.append(tangent[at : at + parameter.numel()].reshape(parameter.shape))
            at += parameter.numel()
        blocks.append(vectors)
    gradients = torch.autograd.grad(F.cross_entropy(net(image), label), parameters, create_graph=True)
    return lambda: [
        part
        for vectors in blocks
        for part in torch.autograd.grad(gradients, parameters, grad_outputs=vectors, retain_graph=True)
    ]


run = resnet()
run()
print("ready", flush=True)
for line in sys.stdin:
    start, spent = time.perf_counter(), time.process_time()
    result = run()
    print(time.perf_counter() - start, time.process_time() - spent, norm(result), flush=True)
