"""Top eigenvalues of the Hessian of a real ResNet-20 (option B shortcuts, batch norm in evaluation mode) on the first CIFAR-10
test images, by Lanczos with full re-orthogonalisation over PyTorch's double backward, float32, and the loss. Expected numbers of
tests/curvature/full_resnet20.sh (64 images, 5 values) and long_resnet20.sh (500 images, 10 values):

    /usr/bin/python3 hessian_resnet20.py SHARED > expected_resnet20.txt
    /usr/bin/python3 hessian_resnet20.py SHARED --images 500 --values 10 --steps 60 --state FILE [--seconds 150] \\
        > expected_resnet20_500.txt

With --state the basis is kept in FILE; --seconds ends a sitting early (exit status 3) and the same command goes on."""
import argparse
import os
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


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
        self.layer1 = nn.Sequential(*[Block(16, 16, 1) for _ in range(3)])
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("shared")
arguments.add_argument("--images", type=int, default=64)
arguments.add_argument("--values", type=int, default=5)
arguments.add_argument("--steps", type=int, default=36)
arguments.add_argument("--state")
arguments.add_argument("--seconds", type=float, default=1e9)
a = arguments.parse_args()
state = torch.load(os.path.join(a.shared, "data/checkpoints/losslens/cifar10_resnet20_0.pkl"), map_location="cpu")
state = state.get("state_dict", state) if isinstance(state, dict) else state.state_dict()
state = {k.replace("module.", ""): v for k, v in state.items()}
net = ResNet20()
own = net.state_dict()
if set(own) != set(state):  # same order, other names
    state = dict(zip(own, state.values()))
net.load_state_dict(state)
net.eval()
images = os.path.join(a.shared, "data/cifar10/test_batch_0000_0499.bin")
raw = np.fromfile(images, np.uint8).reshape(-1, 3073)[: a.images]
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
x = (torch.tensor(raw[:, 1:].reshape(-1, 3, 32, 32)).float() / 255 - mean[:, None, None]) / std[:, None, None]
y = torch.tensor(raw[:, 0].astype(np.int64))
parameters = list(net.parameters())
batches = list(zip(x.split(128), y.split(128)))  # the mean over all images is the weighted sum of the batches' sums
loss, gradients = 0.0, []  # gradients keep their graphs: one backward pass a product
for inputs, labels in batches:
    part = F.cross_entropy(net(inputs), labels, reduction="sum") / len(x)
    loss += part.item()
    graph = torch.autograd.grad(part, parameters, create_graph=True)
    gradients.append(torch.cat([g.reshape(-1) for g in graph]))


def product(v):
    total = 0
    for gradient in gradients:
        rows = torch.autograd.grad(gradient, parameters, v, retain_graph=True)
        total = total + torch.cat([h.reshape(-1) for h in rows]).double()
    return total


torch.manual_seed(0)
n, begun = gradients[0].numel(), time.time()
v = torch.randn(n, dtype=torch.float64)
basis, t, done = torch.zeros(a.steps + 1, n, dtype=torch.float64), torch.zeros(a.steps + 1, a.steps, dtype=torch.float64), 0
basis[0] = v / v.norm()
if a.state and os.path.exists(a.state):
    basis, t, done = torch.load(a.state)
for j in range(done, a.steps):
    w = product(basis[j].float())
    for _ in range(2):
        c = basis[: j + 1] @ w
        w = w - basis[: j + 1].T @ c
        t[: j + 1, j] += c
    t[j + 1, j] = w.norm()
    basis[j + 1] = w / w.norm()
    if a.state and (time.time() - begun > a.seconds or j % 10 == 9):
        torch.save((basis, t, j + 1), a.state)
        if time.time() - begun > a.seconds and j + 1 < a.steps:
            print("%d of %d steps" % (j + 1, a.steps), file=sys.stderr)
            sys.exit(3)
square = t[: a.steps]
values, vectors = torch.linalg.eigh(torch.triu(square) + torch.triu(square, 1).T)
residuals = t[a.steps, a.steps - 1].abs() * vectors[-1].abs() / values.abs()
print("# tests/generate/hessian_resnet20.py with torch %s: loss on %d images, then the largest eigenvalues" % (torch.__version__, a.images))
print("# relative residuals of the recurrence: " + " ".join("%.0e" % r for r in reversed(residuals[-a.values :].tolist())))
print("%.9g" % loss)
for value in reversed(values[-a.values :].tolist()):
    print("%.6g" % value)
