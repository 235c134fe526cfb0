"""Top eigenvalues of the Hessian of a real ResNet-20 (option B shortcuts, batch norm in evaluation mode) on CIFAR-10 test
images 0..63, by Lanczos with full re-orthogonalisation over PyTorch's double backward, float32. Expected numbers of
tests/curvature/full_resnet20.sh. Usage: /usr/bin/python3 hessian_resnet20.py SHARED > expected_resnet20.txt"""
import os
import sys

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


shared = sys.argv[1]
state = torch.load(os.path.join(shared, "data/checkpoints/losslens/cifar10_resnet20_0.pkl"), map_location="cpu")
state = state.get("state_dict", state) if isinstance(state, dict) else state.state_dict()
state = {k.replace("module.", ""): v for k, v in state.items()}
net = ResNet20()
own = net.state_dict()
if set(own) != set(state):  # same order, other names
    state = dict(zip(own, state.values()))
net.load_state_dict(state)
net.eval()
raw = np.fromfile(os.path.join(shared, "data/cifar10/test_batch_0000_0499.bin"), np.uint8).reshape(-1, 3073)[:64]
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
x = (torch.tensor(raw[:, 1:].reshape(-1, 3, 32, 32)).float() / 255 - mean[:, None, None]) / std[:, None, None]
y = torch.tensor(raw[:, 0].astype(np.int64))
parameters = list(net.parameters())
loss = F.cross_entropy(net(x), y)
gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, parameters, create_graph=True)])


def product(v):
    return torch.cat([h.reshape(-1) for h in torch.autograd.grad(gradient, parameters, v, retain_graph=True)]).double()


torch.manual_seed(0)
n, steps = gradient.numel(), 36
basis = torch.zeros(steps + 1, n, dtype=torch.float64)
v = torch.randn(n, dtype=torch.float64)
basis[0] = v / v.norm()
t = torch.zeros(steps, steps, dtype=torch.float64)
for j in range(steps):
    w = product(basis[j].float())
    for _ in range(2):
        c = basis[: j + 1] @ w
        w = w - basis[: j + 1].T @ c
        t[: j + 1, j] += c
    basis[j + 1] = w / w.norm()
values = torch.linalg.eigvalsh(torch.triu(t) + torch.triu(t, 1).T)
print("# tests/generate/hessian_resnet20.py with torch %s: loss, then the largest eigenvalues" % torch.__version__)
print("%.9g" % loss.item())
for value in reversed(values[-5:].tolist()):
    print("%.6g" % value)
