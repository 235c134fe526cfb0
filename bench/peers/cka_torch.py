"""CKA of all layers of one pair of networks by the method of torch_cka: for every pair of layers, both Gram matrices of the
batch with a zero diagonal, and three unbiased HSICs by matrix products. Random features of the layers' widths.
usage: cka_torch.py SAMPLES THREADS WIDTH...   prints seconds"""
import sys
import time

import torch

m, threads, widths = int(sys.argv[1]), int(sys.argv[2]), [int(w) for w in sys.argv[3:]]
torch.set_num_threads(threads)
ones = torch.ones(m, 1)


def hsic(k, l):
    product = k @ l
    value = torch.trace(product)
    value = value + (ones.t() @ k @ ones @ ones.t() @ l @ ones).item() / ((m - 1) * (m - 2))
    value = value - (ones.t() @ product @ ones).item() * 2 / (m - 2)
    return (value / (m * (m - 3))).item()


first, second = ([torch.randn(m, w) for w in widths] for _ in range(2))
start = time.perf_counter()
table = []
for x in first:
    k = x @ x.t()
    k.fill_diagonal_(0.0)
    kk = hsic(k, k)
    for y in second:
        l = y @ y.t()
        l.fill_diagonal_(0.0)
        table.append(hsic(k, l) / (kk * hsic(l, l)) ** 0.5)
print(time.perf_counter() - start)
