"""Landscape, linear path and layer CKA of real ResNet-20s (option B shortcuts, batch norm in evaluation mode) on CIFAR-10
test images 0..499, by PyTorch in double precision: the numbers that tests/study/full_real_networks.c compares with.

    /usr/bin/python3 tests/generate/landscape_torch.py SHARED > tests/study/expected_landscape.h

The two directions come from a formula in whole numbers that both sides evaluate exactly; filter normalisation and the
zero at tensors with one axis are done here by their definition (Li et al. 2018)."""
import os
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


class Block(nn.Module):
    def __init__(self, c_in, c, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c, 1, stride, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.ModuleList(Block(*w) for w in widths)
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        layers = [F.relu(self.bn1(self.conv1(x)))]
        for block in self.blocks:
            layers.append(block(layers[-1]))
        layers.append(layers[-1].mean((2, 3)))
        return self.linear(layers[-1]), layers


shared = sys.argv[1]


def load(seed):
    state = torch.load(os.path.join(shared, "data/checkpoints/losslens/cifar10_resnet20_%d.pkl" % seed), map_location="cpu")
    state = state.get("state_dict", state) if isinstance(state, dict) else state.state_dict()
    net = ResNet20()
    values = dict(zip(net.state_dict(), (v.double() if v.is_floating_point() else v for v in state.values())))
    net.load_state_dict(values)
    return net.eval()


raw = np.fromfile(os.path.join(shared, "data/cifar10/test_batch_0000_0499.bin"), np.uint8).reshape(-1, 3073)
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
x = (torch.tensor(raw[:, 1:].reshape(-1, 3, 32, 32)).double() / 255 - mean[:, None, None]) / std[:, None, None]
y = torch.tensor(raw[:, 0].astype(np.int64))


def loss_of(net):
    with torch.no_grad():
        return F.cross_entropy(net(x)[0], y).item()


def direction(net, axis):
    """One tensor a parameter: numbers in [-1/2, 1/2) from the index in theta, then filter normalisation."""
    out, first = [], 0
    for p in net.parameters():
        i = np.arange(first, first + p.numel(), dtype=np.uint64)
        first += p.numel()
        h = (i * np.uint64(2654435761) + np.uint64(axis * 40503 + 12345)) & np.uint64(0xFFFFFFFF)
        h = ((h ^ (h >> np.uint64(15))) * np.uint64(2246822519)) & np.uint64(0xFFFFFFFF)
        d = torch.tensor((h ^ (h >> np.uint64(13))).astype(np.float64) / 2.0**32 - 0.5).reshape(p.shape)
        if p.dim() <= 1:
            d = torch.zeros_like(d)
        else:
            for s in range(p.shape[0]):
                d[s] *= p[s].detach().norm() / d[s].norm()
        out.append(d)
    return out


def show(name, shape, values):
    print("static const double %s%s = {" % (name, shape))
    values = ["%.10g" % v for v in values]
    for i in range(0, len(values), 8):
        print("    " + ", ".join(values[i:i + 8]) + ",")
    print("};")


print("/* Made by tests/generate/landscape_torch.py with PyTorch %s. */" % torch.__version__)
a, b = load(0), load(123)
d = [direction(a, k) for k in (0, 1)]
start = [p.detach().clone() for p in a.parameters()]
grid = []
for s in np.linspace(-1, 1, 5):
    for t in np.linspace(-1, 1, 5):
        with torch.no_grad():
            for p, p0, u, v in zip(a.parameters(), start, d[0], d[1]):
                p.copy_(p0 + s * u + t * v)
        grid.append(loss_of(a))
show("torch_grid", "[25]", grid)
with torch.no_grad():
    for p, p0 in zip(a.parameters(), start):
        p.copy_(p0)

path, between = [], load(0)
sa, sb = a.state_dict(), b.state_dict()
for i in range(11):
    t = i / 10
    between.load_state_dict({k: (1 - t) * sa[k] + t * sb[k] if sa[k].is_floating_point() else sa[k] for k in sa})
    path.append(loss_of(between))
show("torch_path", "[11]", path)

with torch.no_grad():
    layers = [f.flatten(1) for net in (a, b) for f in net(x)[1]]
m = len(x)
grams = [f @ f.T for f in layers]
h = torch.eye(m) - 1.0 / m
centred = [h @ k @ h for k in grams]


def unbiased(k, l):
    k, l = k - torch.diag(torch.diag(k)), l - torch.diag(torch.diag(l))
    return (torch.sum(k * l.T) + k.sum() * l.sum() / ((m - 1) * (m - 2)) - 2 * torch.sum(k.sum(0) * l.sum(0)) / (m - 2)) / (m * (m - 3))


n = len(layers)
for name, table, hsic in (("biased", centred, lambda k, l: torch.sum(k * l)), ("debiased", grams, unbiased)):
    own = [hsic(k, k).item() for k in table]
    show("torch_cka_" + name, "[%d]" % (n * n),
         [hsic(table[i], table[j]).item() / (own[i] * own[j]) ** 0.5 for i in range(n) for j in range(n)])
