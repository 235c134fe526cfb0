#!/usr/bin/python3
"""Losses, scores and gradients of the zoo's architectures by torchvision and torch in float64, with weights that both
sides compute by a formula from the tensor's name, so that only names, shapes and results are written.

    /usr/bin/python3 tests/generate/networks_torch.py > tests/study/networks_torch.txt

Made with PyTorch 1.13.1, torchvision 0.14.1. Element i of tensor k (in the order of the state dict, without counters)
is mapped from u = hash(k, i) in [-1, 1): tensors of two or more axes u sqrt(3 / fan_in), fan_in = all axes but the first;
weights of one axis 1 + u / 5, running_var 1.25 + u / 4, everything else of one axis u / 10; rounded to float32.
"""
import numpy as np
import torch
import torch.nn as nn
import torchvision.models as zoo

torch.set_num_threads(1)
SAMPLES = 2


def hashed(k, count):
    i = np.arange(count, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    h = (i * np.uint64(2654435761) + np.uint64(k) * np.uint64(2246822519) + np.uint64(12345)) & mask
    for shift, factor in ((15, 2246822519), (13, 3266489917)):
        h ^= h >> np.uint64(shift)
        h = (h * np.uint64(factor)) & mask
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2147483648.0 - 1.0


class Plain(nn.Module):
    """A vision transformer of nn.TransformerEncoder with the names of the checkpoints that are around."""

    def __init__(self, norm_first, activation):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 24, 4, 4)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, 24))
        self.pos_embedding = nn.Parameter(torch.zeros(1, 17, 24))
        layer = nn.TransformerEncoderLayer(24, 4, 40, 0.0, activation, batch_first=True, norm_first=norm_first)
        self.transformer = nn.TransformerEncoder(layer, 2)
        self.mlp_head = nn.Sequential(nn.LayerNorm(24), nn.Linear(24, 10))

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embedding
        return self.mlp_head(self.transformer(x)[:, 0])


def vgg(make):
    net = make(num_classes=10)
    net.avgpool = nn.Identity()
    net.classifier = nn.Linear(512, 10)
    return net


CASES = [
    ("resnet18 stem=imagenet", 64, lambda: zoo.resnet18(num_classes=10)),
    ("resnet34 stem=imagenet", 32, lambda: zoo.resnet34(num_classes=10)),
    ("resnet50 stem=imagenet", 32, lambda: zoo.resnet50(num_classes=10)),
    ("vgg11 batch_norm=no", 32, lambda: vgg(zoo.vgg11)),
    ("vgg11", 32, lambda: vgg(zoo.vgg11_bn)),
    ("vgg13 batch_norm=no", 32, lambda: vgg(zoo.vgg13)),
    ("vgg13", 32, lambda: vgg(zoo.vgg13_bn)),
    ("vgg16 batch_norm=no", 32, lambda: vgg(zoo.vgg16)),
    ("vgg16", 32, lambda: vgg(zoo.vgg16_bn)),
    ("vit dim=24 depth=2 heads=4 mlp=40 epsilon=1e-6", 16,
     lambda: zoo.VisionTransformer(16, 4, 2, 4, 24, 40, num_classes=10)),
    ("vit dim=24 depth=2 heads=4 mlp=40 norm=post activation=relu", 16, lambda: Plain(False, "relu")),
    ("vit dim=24 depth=2 heads=4 mlp=40 norm=pre", 16, lambda: Plain(True, "gelu")),
]

for title, side, make in CASES:
    net = make().double().eval()
    tensors = [(n, v) for n, v in net.state_dict().items() if not n.endswith("num_batches_tracked")]
    print("case", side, title)
    for k, (name, value) in enumerate(tensors):
        u = hashed(k, value.numel())
        if value.dim() >= 2:
            u = u * np.sqrt(3.0 / (value.numel() // value.shape[0]))
        elif name.endswith("running_var"):
            u = 1.25 + u / 4
        elif name.endswith("weight"):
            u = 1 + u / 5
        else:
            u = u / 10
        value.copy_(torch.from_numpy(u.astype(np.float32).astype(np.float64)).reshape(value.shape))
        print("tensor", name, *value.shape)
    x = torch.from_numpy(hashed(1000, SAMPLES * 3 * side * side).astype(np.float32).astype(np.float64)).reshape(SAMPLES, 3, side, side)
    labels = torch.tensor([3, 7])
    scores = net(x)
    loss = nn.functional.cross_entropy(scores, labels)
    loss.backward()
    grads = {n: p.grad for n, p in net.named_parameters()}
    print("scores", *("%.12g" % v for v in scores.detach().flatten()))
    print("loss %.12g" % loss.item())
    print("gradient %.12g" % torch.sqrt(sum((g ** 2).sum() for g in grads.values())).item())
    print("end")
