"""Cross-entropy and errors on the straight line between two real ResNet-20 (option B shortcuts), parameters and batch-norm
buffers interpolated, on CIFAR-10 test images 0..499 at 11 t. Expected numbers of tests/connectivity/full_resnet20.sh.
Usage: /usr/bin/python3 line_resnet20.py SHARED > expected_line.txt"""
import os
import sys

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
shared = sys.argv[1]
mean, std = torch.tensor([0.4914, 0.4822, 0.4465]), torch.tensor([0.2023, 0.1994, 0.2010])
raw = np.fromfile(os.path.join(shared, "data/cifar10/test_batch_0000_0499.bin"), np.uint8).reshape(-1, 3073)
x = (torch.tensor(raw[:, 1:].reshape(-1, 3, 32, 32)).float() / 255 - mean[:, None, None]) / std[:, None, None]
y = torch.tensor(raw[:, 0].astype(np.int64))


def load(seed):
    state = torch.load(os.path.join(shared, "data/checkpoints/losslens/cifar10_resnet20_%d.pkl" % seed), map_location="cpu")
    state = state.get("state_dict", state) if isinstance(state, dict) else state.state_dict()
    return {k.replace("module.", ""): v for k, v in state.items() if v.is_floating_point()}


def bn(s, key, h):
    return F.batch_norm(h, s[key + ".running_mean"], s[key + ".running_var"], s[key + ".weight"], s[key + ".bias"], False, 0.1, 1e-5)


def net(s, h):
    h = F.relu(bn(s, "bn1", F.conv2d(h, s["conv1.weight"], padding=1)))
    for stage in (1, 2, 3):
        for block in range(3):
            key, stride = "layer%d.%d" % (stage, block), 2 if stage > 1 and block == 0 else 1
            r = F.relu(bn(s, key + ".bn1", F.conv2d(h, s[key + ".conv1.weight"], stride=stride, padding=1)))
            r = bn(s, key + ".bn2", F.conv2d(r, s[key + ".conv2.weight"], padding=1))
            if stride == 2:
                h = bn(s, key + SHORTCUT + ".1", F.conv2d(h, s[key + SHORTCUT + ".0.weight"], stride=2))
            h = F.relu(r + h)
    last = "linear" if "linear.weight" in s else "fc"
    return F.linear(h.mean((2, 3)), s[last + ".weight"], s[last + ".bias"])


a, b = load(0), load(123)
SHORTCUT = ".shortcut" if "layer2.0.shortcut.0.weight" in a else ".downsample"
print("# tests/generate/line_resnet20.py with torch %s: t, cross-entropy, wrong of 500" % torch.__version__)
with torch.no_grad():
    for i in range(11):
        t = i / 10
        point = {k: (1 - t) * a[k] + t * b[k] for k in a}
        out = torch.cat([net(point, x[j : j + 100]) for j in range(0, 500, 100)])
        print("%g %.9g %d" % (t, F.cross_entropy(out.double(), y).item(), (out.argmax(1) != y).sum().item()))
