#!/usr/bin/python3
"""The same few images as every kind of data source: CIFAR binary and python archives, tensors, folders of PNG and JPEG.

    /usr/bin/python3 tests/generate/data_sources.py tests/data/sources

Made with numpy, torch and Pillow. All sources of one kind hold the same samples, so that losslens must give one hash.
"""
import gzip
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import zipfile
import numpy as np
import torch
from PIL import Image

out = sys.argv[1]
os.makedirs(out, exist_ok=True)


def images(count, channels, side, step):
    """Smooth enough to be packed well, different enough to be told apart."""
    n, c, i, j = np.ogrid[:count, :channels, :side, :side]
    return ((37 * n + 11 * c + step * i + 3 * j) % 256).astype(np.uint8)


def tar(name, members):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in members:
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with open(os.path.join(out, name), "wb") as f:
        with gzip.GzipFile(fileobj=f, mode="wb", mtime=0, filename="") as packed:
            packed.write(raw.getvalue())


def cifar(classes, labels, train, test):
    """`train`: samples of each training batch; the last `test` samples are the test batch."""
    pixels = images(len(labels), 3, 32, 2)
    flat = pixels.reshape(len(labels), -1)
    coarse = [label // 5 for label in labels]
    parts, at = [], 0
    for number, count in enumerate(train + [test]):
        chosen = slice(at, at + count)
        at += count
        if classes == 10:
            name = "test_batch" if number == len(train) else "data_batch_%d" % (number + 1)
            binary = b"".join(bytes([l]) + p.tobytes() for l, p in zip(labels[chosen], flat[chosen]))
            record = {b"batch_label": b"x", b"labels": list(labels[chosen]), b"data": flat[chosen], b"filenames": [b"f.png"] * count}
        else:
            name = "test" if number == len(train) else "train"
            binary = b"".join(bytes([c, l]) + p.tobytes() for c, l, p in zip(coarse[chosen], labels[chosen], flat[chosen]))
            record = {b"fine_labels": list(labels[chosen]), b"coarse_labels": coarse[chosen], b"data": flat[chosen], b"filenames": [b"f.png"] * count}
        parts.append((name, binary, pickle.dumps(record, protocol=2)))
    if classes == 10:
        names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
        tar("cifar-10-binary.tar.gz", [("cifar-10-batches-bin/" + n + ".bin", b) for n, b, _ in parts] + [("cifar-10-batches-bin/batches.meta.txt", "\n".join(names + [""]).encode()), ("cifar-10-batches-bin/readme.html", b"<html>")])
        meta = pickle.dumps({b"num_cases_per_batch": 2, b"label_names": [n.encode() for n in names], b"num_vis": 3072}, protocol=2)
        tar("cifar-10-python.tar.gz", [("cifar-10-batches-py/" + n, p) for n, _, p in parts] + [("cifar-10-batches-py/batches.meta", meta), ("cifar-10-batches-py/readme.html", b"<html>")])
    else:
        tar("cifar-100-binary.tar.gz", [("cifar-100-binary/" + n + ".bin", b) for n, b, _ in parts])
        tar("cifar-100-python.tar.gz", [("cifar-100-python/" + n, p) for n, _, p in parts])
    np.savez_compressed(out + "/cifar%d.npz" % classes, x=pixels, y=np.array(labels, dtype=np.int64))


cifar(10, [3, 9, 0, 1, 2, 4, 5, 6, 7, 8, 9], [2, 2, 2, 2, 1], 2)
cifar(100, [4, 99, 17, 50, 8], [3], 2)

# x and y of a regression, in every format of tensors; npz also with the 64-bit fields of zip64.
x = (np.arange(24, dtype=np.float32).reshape(6, 4) % 7) / 3
y = (x[:, :2] * 2 - 1).astype(np.float32)
np.save(out + "/x.npy", x)
np.save(out + "/y.npy", y)
np.savez(out + "/pair.npz", x=x, y=y)
with zipfile.ZipFile(out + "/pair_zip64.npz", "w") as archive:
    for name, value in (("x.npy", x), ("y.npy", y)):
        data = io.BytesIO()
        np.save(data, value)
        with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as entry:
            entry.write(data.getvalue())
torch.save({"inputs": torch.from_numpy(x), "targets": torch.from_numpy(y)}, out + "/pair.pt")
torch.save({"X": torch.from_numpy(x.T.copy()).T, "Y": torch.from_numpy(y)}, out + "/pair_legacy.pt", _use_new_zipfile_serialization=False)
header = json.dumps({"x": {"dtype": "F32", "shape": list(x.shape), "data_offsets": [0, x.nbytes]}, "y": {"dtype": "F32", "shape": list(y.shape), "data_offsets": [x.nbytes, x.nbytes + y.nbytes]}}).encode()
header += b" " * (-len(header) % 8)
with open(out + "/pair.safetensors", "wb") as f:
    f.write(struct.pack("<Q", len(header)) + header + x.tobytes() + y.tobytes())

# A folder of classes (grey PNG of 6 x 5), the same as IDX, and masks for it in three classes.
grey = images(4, 1, 6, 5)[:, 0, :, :5].copy()
for i, (kind, name) in enumerate([("cat", "1.png"), ("cat", "2.png"), ("cat", "10.png"), ("dog", "a.png")]):
    os.makedirs(out + "/folder/" + kind, exist_ok=True)
    Image.fromarray(grey[i]).save(out + "/folder/%s/%s" % (kind, name))
with open(out + "/folder-images.idx", "wb") as f:
    f.write(struct.pack(">IIII", 0x803, *grey.shape) + grey.tobytes())
with gzip.GzipFile(out + "/folder-labels.idx.gz", "wb", mtime=0) as f:
    f.write(struct.pack(">II", 0x801, 4) + bytes([0, 0, 0, 1]))
os.makedirs(out + "/images", exist_ok=True)
os.makedirs(out + "/masks", exist_ok=True)
colour = images(3, 3, 8, 9)
for i in range(3):
    Image.fromarray(colour[i].transpose(1, 2, 0)).save(out + "/images/shape_%d.png" % i)
    Image.fromarray((np.add.outer(np.arange(8), np.arange(8)) // 5 + i == 2).astype(np.uint8) + (np.indices((8, 8))[0] > 5).astype(np.uint8)).save(out + "/masks/shape_%d.png" % i)
masks = np.stack([np.array(Image.open(out + "/masks/shape_%d.png" % i)) for i in range(3)]).astype(np.int64)
np.savez_compressed(out + "/segmentation.npz", images=colour, labels=masks)
