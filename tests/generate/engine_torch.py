#!/usr/bin/python3
"""Losses, gradients and Hessian-vector products of four small networks, by PyTorch in float64: the numbers that
tests/problem/test_engine_oracle.c compares with.

    /usr/bin/python3 tests/generate/engine_torch.py > tests/problem/data/engine_torch.txt

Parameters, data and directions are drawn from a formula that both sides evaluate with the same roundings; only
results are written. Per parameter tensor: its product with a probe vector, its norm, and some elements.
"""
import math
import sys
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


class Draw:
    """Quasi-random numbers: element k is the fraction of k phi + k^2 c."""

    def __init__(self):
        self.k = 0

    def __call__(self, low, high, *shape):
        count = math.prod(shape)
        k = torch.arange(self.k + 1, self.k + count + 1, dtype=torch.float64)
        self.k += count
        t = k * 0.6180339887498949 + k * k * 0.0014142135623730951
        u = t - torch.floor(t)
        return (low + (high - low) * u).reshape(shape)


class Net:
    def __init__(self):
        self.draw = Draw()
        self.parameters = []

    def p(self, name, low, high, *shape):
        value = self.draw(low, high, *shape).requires_grad_(True)
        self.parameters.append((name, value))
        return value

    def weight(self, name, *shape):
        a = 1.7 / math.sqrt(math.prod(shape[1:]))
        return self.p(name, -a, a, *shape)


def report(title, net, loss):
    values = [v for _, v in net.parameters]
    v = [net.draw(-1, 1, *x.shape) for x in values]
    probe = [net.draw(-1, 1, *x.shape) for x in values]
    g = torch.autograd.grad(loss, values, create_graph=True)
    h = torch.autograd.grad(sum((a * b).sum() for a, b in zip(g, v)), values)
    print(f"net {title} {loss.item():.17g}")
    for i, (name, x) in enumerate(net.parameters):
        for kind, t in (("gradient", g[i].detach()), ("hessian", h[i])):
            flat = t.flatten()
            shown = [flat[j * len(flat) // min(6, len(flat))].item() for j in range(min(6, len(flat)))]
            print(kind, name, f"{(t * probe[i]).sum().item():.17g} {t.norm().item():.17g}",
                  " ".join(f"{e:.17g}" for e in shown))


def resnet(training):
    net = Net()
    n = 4

    def norm(name, x):
        c = x.shape[1]
        scale, shift = net.p(name + ".scale", 0.5, 1.5, c), net.p(name + ".shift", -0.5, 0.5, c)
        mean, variance = net.draw(-0.2, 0.2, c), net.draw(0.5, 1.5, c)
        return F.batch_norm(x, mean.clone(), variance.clone(), scale, shift, training, 0.1, 1e-5)

    x = net.draw(-1, 1, n, 3, 8, 8)
    y = F.relu(norm("stem", F.conv2d(x, net.weight("stem.w", 4, 3, 3, 3), padding=1)))
    for stage, width in enumerate((4, 8, 16)):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            name = f"s{stage}b{block}"
            a = F.conv2d(y, net.weight(name + ".w1", width, y.shape[1], 3, 3), stride=stride, padding=1)
            a = F.relu(norm(name + ".n1", a))
            a = norm(name + ".n2", F.conv2d(a, net.weight(name + ".w2", width, width, 3, 3), padding=1))
            if stride == 2:
                more = width - y.shape[1]
                y = F.pad(y[:, :, ::2, ::2], (0, 0, 0, 0, more // 2, more - more // 2))
            y = F.relu(a + y)
    logits = F.linear(y.mean((2, 3)), net.weight("fc.w", 5, 16), net.p("fc.b", -0.1, 0.1, 5))
    labels = torch.tensor([0, 3, 1, 4])
    report("resnet_training" if training else "resnet", net, F.cross_entropy(logits, labels))


def transformer():
    net = Net()
    n, t, d, heads = 3, 5, 8, 2
    x = net.draw(-1, 1, n, t, d)

    def norm(name, x):
        return F.layer_norm(x, (d,), net.p(name + ".scale", 0.5, 1.5, d), net.p(name + ".shift", -0.5, 0.5, d), 1e-5)

    a = norm("n1", x)
    qkv = F.linear(a, net.weight("in.w", 3 * d, d), net.p("in.b", -0.1, 0.1, 3 * d))
    q, k, v = (z.reshape(n, t, heads, d // heads).transpose(1, 2) for z in qkv.split(d, -1))
    s = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // heads), -1) @ v
    s = s.transpose(1, 2).reshape(n, t, d)
    x = x + F.linear(s, net.weight("out.w", d, d), net.p("out.b", -0.1, 0.1, d))
    a = norm("n2", x)
    a = F.gelu(F.linear(a, net.weight("up.w", 16, d), net.p("up.b", -0.1, 0.1, 16)))
    x = x + F.linear(a, net.weight("down.w", d, 16), net.p("down.b", -0.1, 0.1, d))
    logits = F.linear(x.mean(1), net.weight("fc.w", 4, d), net.p("fc.b", -0.1, 0.1, 4))
    report("transformer", net, F.cross_entropy(logits, torch.tensor([2, 0, 3]), label_smoothing=0.1))


def unet():
    net = Net()
    n = 2
    x = net.draw(-1, 1, n, 2, 8, 8)

    def block(name, x, o):
        y = F.conv2d(x, net.weight(name + ".w", o, x.shape[1], 3, 3), net.p(name + ".b", -0.1, 0.1, o), padding=1)
        y = F.group_norm(y, 2, net.p(name + ".scale", 0.5, 1.5, o), net.p(name + ".shift", -0.5, 0.5, o), 1e-5)
        return F.gelu(y, approximate="tanh")

    a = block("a", x, 4)
    b = block("b", F.max_pool2d(a, 2), 8)
    up = F.conv_transpose2d(b, net.weight("up.w", 8, 4, 2, 2), net.p("up.b", -0.1, 0.1, 4), stride=2)
    c = block("c", torch.cat((a, up), 1), 4)
    wide = F.interpolate(F.avg_pool2d(c, 2), scale_factor=2, mode="bilinear", align_corners=False)
    logits = F.conv2d(c + wide, net.weight("head.w", 3, 4, 1, 1), net.p("head.b", -0.1, 0.1, 3))
    labels = torch.tensor([(i * i + i // 3) % 4 for i in range(n * 64)]).reshape(n, 8, 8)  # 3 is ignored
    weights = torch.tensor([0.5, 1.0, 2.0])
    report("unet", net, F.cross_entropy(logits, labels, weight=weights, ignore_index=3))


def pinn():
    net = Net()
    n = 12
    points = net.draw(0, 1, n, 2).requires_grad_(True)
    layers = []
    sizes = (2, 10, 10, 10, 1)
    for i in range(4):
        layers.append((net.weight(f"l{i}.w", sizes[i + 1], sizes[i]), net.p(f"l{i}.b", -0.3, 0.3, sizes[i + 1])))
    y = points
    for i, (w, b) in enumerate(layers):
        y = F.linear(y, w, b)
        y = torch.tanh(y) if i < 3 else y
    u = y[:, 0]
    first = torch.autograd.grad(u.sum(), points, create_graph=True)[0]
    u_x, u_t = first[:, 0], first[:, 1]
    u_xx = torch.autograd.grad(u_x.sum(), points, create_graph=True)[0][:, 0]
    residual = u_t + 3 * u_x - 0.1 * u_xx - 2 * u * (1 - u)
    data = F.huber_loss(u, torch.sin(3 * points[:, 0].detach()), delta=0.5)
    report("pinn", net, (residual * residual).mean() + data)


print("# tests/generate/engine_torch.py, torch", torch.__version__, "python", sys.version.split()[0])
resnet(False)
resnet(True)
transformer()
unet()
pinn()
