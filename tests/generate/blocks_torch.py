#!/usr/bin/python3
"""The network of tests/networks/blocks/network.yaml in PyTorch: weights, data, and its loss and gradient in float64.

    /usr/bin/python3 tests/generate/blocks_torch.py tests/networks/blocks

Made with PyTorch 1.13.1. Writes weights.pt, x.npy, y.npy, expected.txt.
"""
import sys
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(3)
torch.set_num_threads(1)


class Residual(nn.Module):
    def __init__(self, body, shortcut=None):
        super().__init__()
        self.body = body
        if shortcut is not None:
            self.shortcut = shortcut

    def forward(self, x):
        return self.body(x) + (self.shortcut(x) if hasattr(self, "shortcut") else x)


class Branches(nn.Module):
    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x):
        return torch.cat([b(x) for b in self.branches], 1)


class Second(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(16)
        self.attend = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x):
        y = self.norm1(x)
        return x + self.attend(y, y, y, need_weights=False)[0]


class Where(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 16, 16) * 0.1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(6, eps=1e-3)
        self.first = Residual(
            nn.Sequential(nn.Conv2d(6, 8, 3, stride=2, padding=1), nn.GroupNorm(4, 8), nn.LeakyReLU(0.2),
                          nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2)),
            nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(6, 8, 1)))
        self.branches = Branches(nn.Sequential(nn.Conv2d(8, 4, 1), nn.GELU()), nn.Sequential(nn.MaxPool2d(3, 1, 1)),
                                 nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 2, stride=2)))
        self.where = Where()
        self.second = Second()
        self.tail = nn.Sequential(nn.Identity(), nn.Linear(64, 12, bias=False), nn.Tanh())
        self.head = nn.Linear(12, 5)

    def forward(self, x):
        x = self.branches(self.first(nn.functional.silu(self.stem_norm(self.stem(x)))))
        x = self.second(x.flatten(2).permute(0, 2, 1) + self.where.weight)
        return self.head(self.tail(x.reshape(-1, 4, 64)).mean(1))


def main(folder):
    net = Net()
    for name, p in net.named_parameters():
        if p.dim() == 1:
            p.data += 0.3 * torch.randn_like(p)
    net.stem_norm.running_mean.normal_(0, 0.3)
    net.stem_norm.running_var.uniform_(0.5, 1.5)
    net.eval()
    x = torch.randn(7, 3, 8, 8)
    y = torch.tensor([4, 0, 3, 1, 2, 2, 0])
    torch.save(net.state_dict(), folder + "/weights.pt")
    np.save(folder + "/x.npy", x.numpy())
    np.save(folder + "/y.npy", y.numpy())
    net.double()
    net.requires_grad_(True)
    scores = net(x.double())
    loss = nn.functional.cross_entropy(scores, y)
    loss.backward()
    norm = torch.sqrt(sum((p.grad ** 2).sum() for p in net.parameters()))
    with open(folder + "/expected.txt", "w") as f:
        f.write("parameters %d\nerrors %d\nloss %.15g\ngradient_norm %.15g\n" %
                (sum(p.numel() for p in net.parameters()), int((scores.argmax(1) != y).sum()), loss.item(), norm.item()))


main(sys.argv[1])
