#!/usr/bin/python3
"""Tiny vision transformers under the tensor names that public code gives them, with their loss and gradient in float64.

    /usr/bin/python3 tests/generate/vit_names.py tests/networks/vit

Made with PyTorch 1.13.1 and torchvision 0.14.1. Writes NAME.pt (float32) for each naming and expected.txt: naming, loss,
gradient norm and the options that losslens needs. Data: tests/networks/blocks/x.npy, y.npy. torchvision's and
nn.TransformerEncoder's models are theirs; the others have the names and the computation of vit-pytorch and timm, written here.
"""
import os
import sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models.vision_transformer import VisionTransformer

DIM, HEADS, HEAD, MLP, DEPTH, PATCH, SIDE, CLASSES = 8, 2, 4, 12, 2, 4, 8, 5
PATCHES = (SIDE // PATCH) ** 2
torch.manual_seed(11)
torch.set_num_threads(1)
out = sys.argv[1]
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "networks", "blocks")
x = torch.from_numpy(np.load(here + "/x.npy")).double()
y = torch.from_numpy(np.load(here + "/y.npy"))


def attend(qkv, heads):
    n, t, _ = qkv.shape
    q, k, v = (part.reshape(n, t, heads, -1).transpose(1, 2) for part in qkv.chunk(3, -1))
    weights = torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5, -1)
    return (weights @ v).transpose(1, 2).reshape(n, t, -1)


class Patches(nn.Module):
    """[N, C, H, W] -> [N, patches, rows x columns x channels of a patch]."""

    def forward(self, x):
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // PATCH, PATCH, w // PATCH, PATCH)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(n, -1, PATCH * PATCH * c)


class Attention(nn.Module):  # lucidrains; inner dimension other than DIM
    def __init__(self, own_norm):
        super().__init__()
        if own_norm:
            self.norm = nn.LayerNorm(DIM)
        self.to_qkv = nn.Linear(DIM, 3 * HEADS * 6, bias=False)
        self.to_out = nn.Sequential(nn.Linear(HEADS * 6, DIM), nn.Dropout(0.0))

    def forward(self, x):
        x = self.norm(x) if hasattr(self, "norm") else x
        return self.to_out(attend(self.to_qkv(x), HEADS))


class FeedForward(nn.Module):
    def __init__(self, own_norm):
        super().__init__()
        layers = [nn.Linear(DIM, MLP), nn.GELU(), nn.Dropout(0.0), nn.Linear(MLP, DIM), nn.Dropout(0.0)]
        self.net = nn.Sequential(*([nn.LayerNorm(DIM)] if own_norm else []), *layers)

    def forward(self, x):
        return self.net(x)


class PreNorm(nn.Module):
    def __init__(self, fn):
        super().__init__()
        self.norm = nn.LayerNorm(DIM)
        self.fn = fn

    def forward(self, x):
        return self.fn(self.norm(x))


class Transformer(nn.Module):
    def __init__(self, wrapped, final_norm):
        super().__init__()
        wrap = PreNorm if wrapped else (lambda part: part)
        pair = lambda: nn.ModuleList([wrap(Attention(not wrapped)), wrap(FeedForward(not wrapped))])
        self.layers = nn.ModuleList([pair() for _ in range(DEPTH)])
        if final_norm:
            self.norm = nn.LayerNorm(DIM)

    def forward(self, x):
        for attention, feed in self.layers:
            x = attention(x) + x
            x = feed(x) + x
        return self.norm(x) if hasattr(self, "norm") else x


class Lucidrains(nn.Module):
    def __init__(self, normed, wrapped, final_norm):
        super().__init__()
        width = PATCH * PATCH * 3
        linear = [nn.Linear(width, DIM)]
        self.to_patch_embedding = nn.Sequential(Patches(), *([nn.LayerNorm(width)] + linear + [nn.LayerNorm(DIM)] if normed else linear))
        self.pos_embedding = nn.Parameter(torch.randn(1, PATCHES + 1, DIM))
        self.cls_token = nn.Parameter(torch.randn(1, 1, DIM))
        self.transformer = Transformer(wrapped, final_norm)
        head = nn.Linear(DIM, CLASSES)
        self.mlp_head = head if final_norm else nn.Sequential(nn.LayerNorm(DIM), head)

    def forward(self, x):
        x = self.to_patch_embedding(x)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        return self.mlp_head(self.transformer(x + self.pos_embedding)[:, 0])


class TimmBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(DIM, eps=1e-6)
        self.attn = nn.Module()
        self.attn.qkv = nn.Linear(DIM, 3 * DIM)
        self.attn.proj = nn.Linear(DIM, DIM)
        self.norm2 = nn.LayerNorm(DIM, eps=1e-6)
        self.mlp = nn.Module()
        self.mlp.fc1 = nn.Linear(DIM, MLP)
        self.mlp.fc2 = nn.Linear(MLP, DIM)

    def forward(self, x):
        x = x + self.attn.proj(attend(self.attn.qkv(self.norm1(x)), HEADS))
        return x + self.mlp.fc2(F.gelu(self.mlp.fc1(self.norm2(x))))


class Timm(nn.Module):
    def __init__(self, mean):
        super().__init__()
        self.mean = mean
        if not mean:
            self.cls_token = nn.Parameter(torch.randn(1, 1, DIM))
        self.pos_embed = nn.Parameter(torch.randn(1, PATCHES + (0 if mean else 1), DIM))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, DIM, PATCH, PATCH)
        self.blocks = nn.Sequential(*[TimmBlock() for _ in range(DEPTH)])
        setattr(self, "fc_norm" if mean else "norm", nn.LayerNorm(DIM, eps=1e-6))
        self.head = nn.Linear(DIM, CLASSES)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        if not self.mean:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = self.blocks(x + self.pos_embed)
        return self.head(self.fc_norm(x.mean(1)) if self.mean else self.norm(x)[:, 0])


class TorchEncoder(nn.Module):
    def __init__(self, norm_first, activation):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, DIM))
        self.pos_embedding = nn.Parameter(torch.randn(1, PATCHES + 1, DIM))
        self.patch_embed = nn.Conv2d(3, DIM, PATCH, PATCH)
        layer = nn.TransformerEncoderLayer(DIM, HEADS, MLP, 0.0, activation, batch_first=True, norm_first=norm_first)
        self.encoder = nn.TransformerEncoder(layer, DEPTH, enable_nested_tensor=False)
        self.mlp_head = nn.Sequential(nn.LayerNorm(DIM), nn.Linear(DIM, CLASSES))

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        return self.mlp_head(self.encoder(x + self.pos_embedding)[:, 0])


COMMON = "patch=%d dim=%d depth=%d heads=%d mlp=%d" % (PATCH, DIM, DEPTH, HEADS, MLP)
LUCID = " dim_head=6 qkv_bias=no"
models = {
    "lucidrains": (Lucidrains(True, False, True), COMMON + LUCID + " embedding=normed"),
    "lucidrains_head_norm": (Lucidrains(True, False, False), COMMON + LUCID + " embedding=normed"),
    "lucidrains_prenorm": (Lucidrains(True, True, False), COMMON + LUCID + " embedding=normed"),
    "lucidrains_old": (Lucidrains(False, True, False), COMMON + LUCID + " embedding=linear"),
    "timm": (Timm(False), COMMON + " epsilon=1e-6"),
    "timm_mean": (Timm(True), COMMON + " epsilon=1e-6 pool=mean"),
    "torchvision": (VisionTransformer(SIDE, PATCH, DEPTH, HEADS, DIM, MLP, num_classes=CLASSES), COMMON + " epsilon=1e-6"),
    "torch_encoder": (TorchEncoder(False, "relu"), COMMON + " norm=post activation=relu"),
    "torch_encoder_first": (TorchEncoder(True, "gelu"), COMMON + " norm=pre activation=gelu"),
}
with open(out + "/expected.txt", "w") as f:
    for name, (model, options) in models.items():
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn_like(p) * 0.3 + (1.0 if p.dim() == 1 else 0.0))
        model.eval()
        torch.save(model.state_dict(), out + "/%s.pt" % name)
        model.double().train()  # dropout is 0; training mode keeps torch from its fused inference path
        loss = F.cross_entropy(model(x), y)
        grads = torch.autograd.grad(loss, list(model.parameters()))
        norm = torch.sqrt(sum((g**2).sum() for g in grads)).item()
        f.write("%s %.15g %.15g %s\n" % (name, loss.item(), norm, options))
