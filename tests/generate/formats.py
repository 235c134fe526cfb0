#!/usr/bin/python3
"""Makes the fixtures of tests/formats: small files written by numpy, PyTorch and Pillow, what these tools read
back from them, and files that must be refused.

    /usr/bin/python3 tests/generate/formats.py [SHARED]

files.txt and shared.txt: `FILE path`, then a line a tensor: name|dtype|shape|sum of x[k] (k mod 97 + 1)|sum of squares.
With SHARED (a folder with data/formats, data/checkpoints, data/pinn) shared.txt is made anew too: sums only.
refused.txt: file|status|what the message must contain. Made with Python 3.11, numpy 1.24, PyTorch 1.13, Pillow 9.4.
"""
import collections, glob, gzip, io, os, pickle, shutil, struct, sys, types, zipfile

import numpy as np
import torch
from PIL import Image

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'formats')
FILES, REFUSED = os.path.join(HERE, 'files'), os.path.join(HERE, 'refused')


# ---------------------------------------------------------------- what other tools read

class StubModule(types.ModuleType):
    """A module that is not installed: every class in it is an empty one."""
    def __getattr__(self, name):
        if name.startswith('__'):
            raise AttributeError(name)
        return type(name, (), {'__module__': self.__name__})


def torch_load(path):
    while True:
        try:
            return torch.load(path, map_location='cpu')
        except ModuleNotFoundError as missing:
            sys.modules[missing.name] = StubModule(missing.name)


def numbers(tensor):
    values = tensor.detach().to(torch.float64).reshape(-1).numpy()
    return float((values * (np.arange(values.size) % 97 + 1)).sum()), float((values * values).sum())


def walk(found, path, value, depth=0, path_ids=()):
    def join(key):
        return (path + '.' if path else '') + str(key)
    if isinstance(value, np.ndarray):
        flat = value.astype(np.float64).reshape(-1)
        found[path] = (value.dtype.name, list(value.shape), float((flat * (np.arange(flat.size) % 97 + 1)).sum()),
                       float((flat * flat).sum()))
        return
    if isinstance(value, torch.Tensor):
        if not value.is_complex():
            found[path] = (str(value.dtype)[6:], list(value.shape)) + numbers(value)
        return
    if id(value) in path_ids or depth > 60:
        return
    path_ids += (id(value),)
    if isinstance(value, dict):
        for place, (key, item) in enumerate(value.items()):
            key = key.decode() if isinstance(key, bytes) else key
            walk(found, join(key if isinstance(key, (str, int)) else '#%d' % place), item, depth + 1, path_ids)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            walk(found, join(place), item, depth + 1, path_ids)
    elif hasattr(value, '__dict__'):
        state = value.__dict__
        module = '_parameters' in state and '_modules' in state
        for holder in ('_parameters', '_buffers', '_modules') if module else ():
            for key, item in state[holder].items():
                walk(found, join(key), item, depth + 1, path_ids)
        for key, item in state.items():
            if not (module and key.startswith('_')):
                walk(found, join(key), item, depth + 1, path_ids)


def read(path):
    found = {}
    name = path.lower()
    if name.endswith('.npy'):
        walk(found, '', np.load(path))
    elif name.endswith('.npz'):
        with np.load(path) as arrays:
            for key in arrays:
                walk(found, key, arrays[key])
    elif name.endswith('.safetensors'):
        data = open(path, 'rb').read()
        import json
        length = struct.unpack('<Q', data[:8])[0]
        types_ = {'F16': torch.float16, 'BF16': torch.bfloat16, 'F32': torch.float32, 'F64': torch.float64,
                  'I64': torch.int64, 'I32': torch.int32, 'U8': torch.uint8, 'BOOL': torch.bool}
        for key, entry in json.loads(data[8:8 + length]).items():
            if key == '__metadata__':
                continue
            begin, end = entry['data_offsets']
            raw = bytearray(data[8 + length + begin:8 + length + end])
            tensor = torch.frombuffer(raw, dtype=types_[entry['dtype']]) if raw else torch.zeros(0)
            walk(found, key, tensor.reshape(entry['shape']))
    elif name.endswith('.pickle'):
        with open(path, 'rb') as file:
            walk(found, '', pickle.load(file))
    else:
        try:
            walk(found, '', torch_load(path))
        except RuntimeError:
            script = torch.jit.load(path)
            walk(found, '', dict(list(script.named_parameters()) + list(script.named_buffers())))
    return found


def manifest(target, root, paths):
    with open(target, 'w') as out:
        for path in sorted(paths):
            out.write('FILE %s\n' % os.path.relpath(path, root))
            for name, (kind, shape, total, squares) in read(path).items():
                out.write('%s|%s|%s|%.17g|%.17g\n' % (name, kind, ','.join(map(str, shape)), total, squares))


# ---------------------------------------------------------------- files that are read

class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.tied = self.first
        self.depth = 2


def save(name, value, **options):
    torch.save(value, os.path.join(FILES, name), **options)


def make_files():
    torch.manual_seed(1)
    base = torch.randn(6, 5)
    views = collections.OrderedDict(whole=base, turned=base.t(), part=base[1:4, 2:], column=base[:, 3],
                                    repeated=base[0, 0].expand(2, 3), half=base.half(), brain=base.bfloat16(),
                                    double=base.double(), flags=base > 0, bytes=torch.arange(7, dtype=torch.uint8),
                                    small=torch.arange(-3, 4, dtype=torch.int8), short=torch.tensor([-300, 300], dtype=torch.int16),
                                    int=torch.tensor([[1 << 30]], dtype=torch.int32), long=torch.tensor(-(1 << 40)),
                                    empty=torch.zeros(0, 3), infinite=torch.tensor([float('inf'), 1.0])[1:])
    save('views_zip.pt', views)
    save('views_legacy.pt', views, _use_new_zipfile_serialization=False)
    save('protocol4.pt', views, pickle_protocol=4)
    save('protocol4_legacy.pt', views, pickle_protocol=4, _use_new_zipfile_serialization=False)
    save('module.pt', torch.nn.Sequential(Block(), torch.nn.ReLU()))
    save('lightning.ckpt', {'epoch': 3, 'global_step': 120, 'state_dict': collections.OrderedDict(
        [('model.first.weight', base), ('model.first.bias', base[0])]), 'lr_schedulers': [], 'best': 88.25,
        'name': 'run', 'hyper_parameters': {'width': 16, 'sizes': [3, 4], 'device': torch.device('cpu')},
        'optimizer_states': [{'state': {0: {'step': torch.tensor(7.), 'exp_avg': base}}, 'param_groups': [{'lr': 0.1, 'params': [0, 1]}]}]})
    save('parallel.pth', {'state_dict': {'module.' + key: value for key, value in Block().state_dict().items()}, 'best_prec1': 91.5})
    save('complex.pt', {'c': torch.tensor([1 + 2j]), 'x': torch.ones(2)})
    np.save(os.path.join(FILES, 'fortran.npy'), np.asfortranarray(np.arange(24, dtype='<f4').reshape(2, 3, 4)))
    np.save(os.path.join(FILES, 'big_endian.npy'), np.arange(5, dtype='>f8') / 3)
    np.save(os.path.join(FILES, 'scalar.npy'), np.float16(0.1))
    np.savez(os.path.join(FILES, 'stored.npz'), x=np.arange(3, dtype='u2'), y=np.array([[True, False]]))
    np.savez_compressed(os.path.join(FILES, 'deflated.npz'), x=np.linspace(0, 1, 50), n=np.array(-4, dtype='i1'))
    for protocol in range(6):
        with open(os.path.join(FILES, 'plain%d.pickle' % protocol), 'wb') as file:
            pickle.dump({'a': np.arange(6, dtype='i4').reshape(2, 3), 'f': np.asfortranarray(np.ones((2, 2)) * 1.5),
                         'deep': {'b': np.float32([1, 2.5])}}, file, protocol)
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"odd":{"dtype":"F8_E5M2","shape":[1],"data_offsets":[4,5]}}'
    with open(os.path.join(FILES, 'brain.safetensors.odd'), 'wb') as file:
        file.write(struct.pack('<Q', len(header)) + header + b'\x80\x3f\x20\xc0\x01')


def make_images():
    """PNG and JPEG with what Pillow decodes, as planes."""
    y, x = np.mgrid[0:13, 0:18]
    colour = np.stack([x * 13 % 256, y * 19 % 256, (x * y * 3) % 256], 2).astype('u1')
    grey = colour[:, :, 0]
    deep = (grey.astype('u2') * 256 + 7)
    pictures = {'colour.png': (Image.fromarray(colour), {}), 'grey.png': (Image.fromarray(grey), {}),
                'palette.png': (Image.fromarray(colour).quantize(16), {}), 'alpha.png': (Image.fromarray(colour).convert('RGBA'), {}),
                'bits.png': (Image.fromarray(grey > 100), {}), 'colour.jpg': (Image.fromarray(colour), {'quality': 80}),
                'grey.jpg': (Image.fromarray(grey), {}), 'progressive.jpg': (Image.fromarray(colour), {'progressive': True})}
    with open(os.path.join(HERE, 'images.txt'), 'w') as out:
        for name, (image, options) in sorted(pictures.items()):
            path = os.path.join(FILES, name)
            image.save(path, **options)
            decoded = Image.open(path)
            decoded = decoded.convert('L' if decoded.mode in ('L', '1') else 'RGB')
            planes = np.asarray(decoded)
            planes = planes[None] if planes.ndim == 2 else planes.transpose(2, 0, 1)
            flat = planes.reshape(-1).astype('i8')
            out.write('%s|%s|%d\n' % (name, ','.join(map(str, planes.shape)), (flat * (np.arange(flat.size) % 97 + 1)).sum()))


# ---------------------------------------------------------------- files that are refused

def npy_header(text, data=b''):
    text = text.encode()
    return b'\x93NUMPY\x01\x00' + struct.pack('<H', len(text)) + text + data


def safetensors(header, data=b''):
    return struct.pack('<Q', len(header)) + header.encode() + data


def make_refused():
    cases = []

    def refuse(name, content, status, message):
        with open(os.path.join(REFUSED, name), 'wb') as file:
            file.write(content)
        cases.append('%s|%s|%s' % (name, status, message))

    def torch_bytes(value, **options):
        file = io.BytesIO()
        torch.save(value, file, **options)
        return file.getvalue()

    shape = "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n"
    refuse('empty.npy', b'', 'INVALID_FILE', 'the file is empty')
    refuse('text.npy', b'hello, world', 'INVALID_FILE', 'no known format')
    refuse('short.npy', npy_header(shape % ('<f4', '(3,)'), b'\0' * 11), 'INVALID_FILE', 'wants 12 bytes of data behind it; there are 11')
    refuse('long.npy', npy_header(shape % ('<f4', '(3,)'), b'\0' * 13), 'INVALID_FILE', 'wants 12 bytes of data behind it; there are 13')
    refuse('overflow.npy', npy_header(shape % ('<f8', '(4294967296, 4294967296)')), 'INVALID_FILE', "shape's product overflows")
    refuse('overflow_bytes.npy', npy_header(shape % ('<f8', '(4611686018427387904,)')), 'INVALID_FILE', "shape's product overflows")
    refuse('negative.npy', npy_header(shape % ('<f8', '(-1,)')), 'INVALID_FILE', 'a shape like (3, 4) is wanted')
    refuse('rank9.npy', npy_header(shape % ('<f8', '(1,1,1,1,1,1,1,1,1)'), b'\0' * 8), 'UNSUPPORTED', 'more than 8 axes')
    refuse('object.npy', npy_header(shape % ('|O', '(1,)'), b'\x80\x02N.'), 'UNSUPPORTED', 'Python objects, which would have to be executed')
    refuse('complex.npy', npy_header(shape % ('<c8', '(1,)'), b'\0' * 8), 'UNSUPPORTED', 'complex numbers')
    refuse('cut_header.npy', b'\x93NUMPY\x01\x00\xff\x00{', 'INVALID_FILE', 'npy header is cut short')
    refuse('code.npy', npy_header("{'descr': __import__('os').system('id'), 'fortran_order': False, 'shape': ()}"), 'INVALID_FILE', 'npy header is broken')

    refuse('cut_length.safetensors', struct.pack('<Q', 1000) + b'{"x":1}', 'INVALID_FILE', 'declares 1000 bytes; the file has 7 behind its length')
    refuse('huge_header.safetensors', struct.pack('<Q', 1 << 39) + b'{}', 'TOO_LARGE', 'header declares 549755813888 bytes')
    entry = '{"x":{"dtype":"F32","shape":[%s],"data_offsets":[%d,%d]}%s}'
    refuse('past_end.safetensors', safetensors(entry % ('2', 0, 8, ''), b'\0' * 4), 'INVALID_FILE', 'data_offsets [0, 8] do not lie in the 4 bytes')
    refuse('wrong_size.safetensors', safetensors(entry % ('3', 0, 8, ''), b'\0' * 8), 'INVALID_FILE', 'shape and dtype want 12 bytes')
    refuse('overflow.safetensors', safetensors(entry % ('4294967296,4294967296', 0, 8, ''), b'\0' * 8), 'INVALID_FILE', "shape's product overflows")
    refuse('hole.safetensors', safetensors(entry % ('1', 4, 8, ''), b'\0' * 8), 'INVALID_FILE', 'a hole at byte 4')
    refuse('overlap.safetensors', safetensors(entry % ('1', 0, 4, ',"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'), b'\0' * 4), 'INVALID_FILE', 'an overlap at byte 0')
    refuse('nested.safetensors', safetensors('{"x":' * 3000 + '1' + '}' * 3000), 'INVALID_FILE', 'maximum parsing depth')

    good = io.BytesIO()
    np.savez(good, x=np.arange(4.), y=np.arange(4.))
    good = good.getvalue()
    refuse('cut.npz', good[:len(good) // 2], 'INVALID_FILE', 'probably cut short')
    damaged = bytearray(good)
    damaged[good.index(b'\0' * 6 + b'\xf0\x3f')] ^= 1
    refuse('damaged.npz', bytes(damaged), 'INVALID_FILE', 'checksum of zip entry')
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x.npy', npy_header(shape % ('|u1', '(4000000,)'), b'\0' * 4000000))
    refuse('bomb.npz', bomb.getvalue(), 'TOO_LARGE', 'this looks like a decompression bomb')
    # the second directory entry points at the first entry's data
    overlap = bytearray(good)
    first = overlap.index(b'PK\x01\x02')
    second = overlap.index(b'PK\x01\x02', first + 4)
    overlap[second + 42:second + 46] = overlap[first + 42:first + 46]
    refuse('other_name.npz', bytes(overlap), 'INVALID_FILE', 'has another name in front of its data')
    same = bytes(overlap).replace(b'y.npy', b'x.npy')
    refuse('overlap.npz', same, 'INVALID_FILE', 'overlap')
    encrypted = bytearray(good)
    encrypted[first + 8] |= 1
    refuse('encrypted.npz', bytes(encrypted), 'UNSUPPORTED', 'is encrypted')
    method = bytearray(good)
    method[first + 10] = 12
    refuse('bzip2.npz', bytes(method), 'UNSUPPORTED', 'uses compression method 12')
    large = bytearray(good)
    large[first + 20:first + 28] = struct.pack('<II', 1 << 30, 1 << 30)
    refuse('declared_size.npz', bytes(large), 'INVALID_FILE', "runs past the entries' end")
    other = io.BytesIO()
    with zipfile.ZipFile(other, 'w') as archive:
        archive.writestr('readme.txt', 'no arrays')
    refuse('no_arrays.zip', other.getvalue(), 'UNSUPPORTED', 'without a readable array')

    legacy = torch_bytes({'x': torch.arange(4.)}, _use_new_zipfile_serialization=False)
    refuse('cut_legacy.pt', legacy[:-5], 'INVALID_FILE', 'the file was cut short: storage 1 of 1')
    modern = torch_bytes({'x': torch.arange(4.)})
    refuse('cut_zip.pt', modern[:-200], 'INVALID_FILE', 'probably cut short')

    def with_pickle(content, storage=b'\0' * 16):
        file = io.BytesIO()
        with zipfile.ZipFile(file, 'w') as archive:
            archive.writestr('archive/data.pkl', content)
            archive.writestr('archive/data/0', storage)
        return file.getvalue()

    with zipfile.ZipFile(io.BytesIO(modern)) as archive:
        inner = archive.read('archive/data.pkl')
    refuse('short_storage.pt', with_pickle(inner, b'\0' * 12), 'INVALID_FILE', "declares 4 elements of 4 bytes; the archive has 12 bytes")

    def tensor(offset, size, stride, elements=4, key=b'0'):
        def number(value):
            return b'\x8a\x08' + struct.pack('<q', value)
        def tuple_(values):
            return b'(' + b''.join(number(value) for value in values) + b't'
        return (b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0' + key +
                b'X\x03\0\0\0cpu' + number(elements) + b'tQ' + number(offset) + tuple_(size) + tuple_(stride) +
                b'\x89ccollections\nOrderedDict\n)RtR.')
    refuse('past_storage.pt', with_pickle(tensor(0, [5], [1])), 'INVALID_FILE', 'ends at element 4 of a storage that has 4')
    refuse('offset.pt', with_pickle(tensor(1, [2, 2], [2, 1])), 'INVALID_FILE', 'ends at element 4 of a storage that has 4')
    refuse('huge_shape.pt', with_pickle(tensor(0, [1 << 40, 1 << 40], [0, 0])), 'INVALID_FILE', "shape's product overflows")
    refuse('huge_stride.pt', with_pickle(tensor(0, [3], [1 << 62])), 'INVALID_FILE', 'makes no sense')
    refuse('negative_offset.pt', with_pickle(tensor(-1, [2], [1])), 'INVALID_FILE', 'tensor is broken')
    refuse('repeated.pt', with_pickle(tensor(0, [1 << 20, 1 << 6], [0, 0])), 'TOO_LARGE', 'decompression bomb')
    refuse('no_storage.pt', with_pickle(tensor(0, [2], [1], key=b'7')), 'INVALID_FILE', "'archive/data/7' is not in the archive")
    refuse('many_elements.pt', with_pickle(tensor(0, [2], [1], elements=1 << 60)), 'INVALID_FILE', 'the archive has 16 bytes')

    doubling = b'\x80\x02]q\0' + b''.join(b'(h%ch%cl' % (i, i) + b'q%c' % (i + 1) for i in range(60)) + b'.'
    refuse('doubling.pickle', doubling, 'TOO_LARGE', 'to more than')
    nested = b'\x80\x02' + b']' * 5000 + b'a' * 4999 + b'.'
    refuse('nested.pickle', nested, 'TOO_LARGE', 'nested deeper than the limit of 128')
    refuse('memo.pickle', b'\x80\x02Nr\xff\xff\xff\x7f.', 'TOO_LARGE', 'memo index 2147483647 is over the limit')
    refuse('long_text.pickle', b'\x80\x04\x8d' + struct.pack('<Q', 1 << 62) + b'abc.', 'INVALID_FILE', 'it was cut short')
    refuse('no_stop.pickle', b'\x80\x02N', 'INVALID_FILE', 'the pickle has no end')
    refuse('stack.pickle', b'\x80\x02.', 'INVALID_FILE', 'the stack is empty')
    refuse('opcode.pickle', b'\x80\x02\xff.', 'INVALID_FILE', 'an unknown opcode')
    refuse('buffers.pickle', b'\x80\x05\x97.', 'INVALID_FILE', 'out-of-band')
    refuse('short.idx', b'\0\0\x08\x02\0\0\0\x02\0\0\0\x03' + b'\1' * 5, 'INVALID_FILE', 'wants 6 bytes of data behind it; there are 5')
    refuse('overflow.idx', b'\0\0\x0e\x03' + b'\xff' * 12, 'INVALID_FILE', "shape's product overflows")
    refuse('bomb.gz', gzip.compress(b'\0\0\x08\x01\x01\0\0\0' + b'\0' * (1 << 24), 9, mtime=0), 'TOO_LARGE', 'decompression bomb')
    refuse('cut.gz', gzip.compress(os.urandom(0) + bytes(range(256)) * 8, mtime=0)[:-20], 'INVALID_FILE', 'ends early')
    refuse('picture.png', b'\x89PNG\r\n\x1a\n', 'UNSUPPORTED', 'this is a PNG image')
    refuse('model.onnx', b'\x08\x08\x12\x07pytorch', 'UNSUPPORTED', 'looks like an ONNX model')
    with open(os.path.join(HERE, 'refused.txt'), 'w') as out:
        out.write('\n'.join(cases) + '\n')


if __name__ == '__main__':
    for folder in (FILES, REFUSED):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
    make_files()
    make_images()
    make_refused()
    ends = ('.pt', '.pth', '.ckpt', '.npy', '.npz', '.pickle')
    manifest(os.path.join(HERE, 'files.txt'), FILES, [p for p in glob.glob(FILES + '/*') if p.endswith(ends)])
    if len(sys.argv) > 1:
        data = os.path.join(sys.argv[1], 'data')
        paths = [p for folder in ('formats', 'checkpoints', 'pinn') for p in glob.glob('%s/%s/**/*' % (data, folder), recursive=True)
                 if p.endswith(ends + ('.th', '.pkl', '.safetensors'))]
        manifest(os.path.join(HERE, 'shared.txt'), sys.argv[1], paths)
