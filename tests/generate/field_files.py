#!/usr/bin/env python3
"""Small field files of every kind, with the same values, for tests/formats/test_fields.c and as fuzzing seeds.
usage: /usr/bin/python3 tests/generate/field_files.py   (numpy, h5py; run in the source folder)
The VTK files follow VTK's own file format description: ascii, base64, raw appended; plain and in zlib blocks;
32- and 64-bit lengths; both byte orders. The HDF5 files are h5py's."""
import base64, os, struct, zlib
import numpy as np
import h5py

FIXTURES = "tests/formats/fixtures"
NX, NY = 4, 3
# value at (x, y): 10 y + x + 1/4, so that every axis order shows
V = np.array([[10 * y + x + 0.25 for x in range(NX)] for y in range(NY)])  # [y][x]


def save(name, data, seed=None):
    path = os.path.join(FIXTURES, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, "wb").write(data if isinstance(data, bytes) else data.encode())
    if seed:
        os.makedirs(f"fuzz/corpus/{seed}", exist_ok=True)
        open(f"fuzz/corpus/{seed}/{name}", "wb").write(data if isinstance(data, bytes) else data.encode())


def blocks(raw, header, order, block=32):
    """VTK's zlib form: count, block size, last partial size, packed sizes; then the packed blocks."""
    parts = [raw[i:i + block] for i in range(0, len(raw), block)]
    last = len(parts[-1]) if len(parts[-1]) != block else 0
    packed = [zlib.compress(p) for p in parts]
    head = struct.pack(order + header * (3 + len(packed)), len(packed), block, last, *[len(p) for p in packed])
    return head, b"".join(packed)


def vti(encoding, header="I", order="<", packed=False, dtype="f8"):
    raw = V.astype(order + dtype).tobytes()
    type_name = {"f8": "Float64", "f4": "Float32", "i2": "Int16"}[dtype]
    attributes = f'type="ImageData" version="1.0" byte_order="{"LittleEndian" if order == "<" else "BigEndian"}"'
    attributes += f' header_type="{"UInt32" if header == "I" else "UInt64"}"'
    if packed:
        attributes += ' compressor="vtkZLibDataCompressor"'
        head, body = blocks(raw, header, order)
    else:
        head, body = struct.pack(order + header, len(raw)), raw
    b64 = (base64.b64encode(head) + base64.b64encode(body)) if packed else base64.b64encode(head + body)
    appended, offset = b"", ""
    if encoding == "ascii":
        text, form = " ".join(repr(float(v)) for v in V.ravel()), "ascii"
    elif encoding == "base64":
        text, form = b64.decode(), "binary"
    else:
        text, form, offset = "", "appended", ' offset="0"'
        data = head + body if encoding == "raw" else b64
        appended = f'<AppendedData encoding="{encoding.replace("appended64", "base64")}">\n_'.encode() + data + b"\n</AppendedData>\n"
    xml = f'''<?xml version="1.0"?>
<VTKFile {attributes}>
<ImageData WholeExtent="0 {NX-1} 0 {NY-1} 0 0" Origin="1 2 0" Spacing="0.5 0.25 1">
<Piece Extent="0 {NX-1} 0 {NY-1} 0 0">
<PointData Scalars="loss">
<DataArray type="{type_name}" Name="loss" format="{form}"{offset}>{text}</DataArray>
</PointData>
</Piece>
</ImageData>
'''
    return xml.encode() + appended + b"</VTKFile>\n"


def main():
    save("ascii.vti", vti("ascii"), "formats_vtk")
    save("base64.vti", vti("base64"), "formats_vtk")
    save("base64_64.vti", vti("base64", "Q"))
    save("base64_big.vti", vti("base64", "I", ">"), "formats_vtk")
    save("raw.vti", vti("raw", "Q"), "formats_vtk")
    save("zlib_base64.vti", vti("base64", "I", "<", True), "formats_vtk")
    save("zlib_raw.vti", vti("raw", "Q", "<", True), "formats_vtk")
    save("zlib_appended64.vti", vti("appended64", "Q", "<", True), "formats_vtk")
    save("float32.vti", vti("raw", "I", "<", False, "f4"))
    save("entity.vti", b'<?xml version="1.0"?>\n<!DOCTYPE x [<!ENTITY a "b">]>\n' + vti("ascii").split(b"\n", 1)[1])
    points = "0 0 0 1 0 0 1 1 0 0 1 0 2 0.5 0"
    save("mesh.vtu", f'''<VTKFile type="UnstructuredGrid" version="0.1" byte_order="LittleEndian">
<UnstructuredGrid><Piece NumberOfPoints="5" NumberOfCells="2">
<PointData><DataArray type="Float64" Name="value" format="ascii">3 1 2 5 4</DataArray></PointData>
<Points><DataArray type="Float32" NumberOfComponents="3" format="ascii">{points}</DataArray></Points>
<Cells><DataArray type="Int32" Name="connectivity" format="ascii">0 1 2 3 1 4 2</DataArray>
<DataArray type="Int32" Name="offsets" format="ascii">4 7</DataArray>
<DataArray type="UInt8" Name="types" format="ascii">9 5</DataArray></Cells>
</Piece></UnstructuredGrid></VTKFile>
''', "formats_vtk")
    save("mesh.vtp", f'''<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian">
<PolyData><Piece NumberOfPoints="5" NumberOfLines="1" NumberOfPolys="1">
<PointData><DataArray type="Float64" Name="value" format="ascii">3 1 2 5 4</DataArray></PointData>
<Points><DataArray type="Float32" NumberOfComponents="3" format="ascii">{points}</DataArray></Points>
<Lines><DataArray type="Int32" Name="connectivity" format="ascii">1 4 2</DataArray>
<DataArray type="Int32" Name="offsets" format="ascii">3</DataArray></Lines>
<Polys><DataArray type="Int32" Name="connectivity" format="ascii">0 1 2 3</DataArray>
<DataArray type="Int32" Name="offsets" format="ascii">4</DataArray></Polys>
</Piece></PolyData></VTKFile>
''', "formats_vtk")

    header = "ply\nformat {} 1.0\ncomment made for tests\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    header += "property double loss\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"
    vertices = [(0, 0, 0, 3.5), (1, 0, 0, 1.5), (1, 1, 0, 2.5), (0, 1, 0, 4.5)]
    save("ascii.ply", header.format("ascii") + "".join("%g %g %g %g\n" % v for v in vertices) + "4 0 1 2 3\n", "formats_ply")
    for order, name in (("<", "little"), (">", "big")):
        body = b"".join(struct.pack(order + "fffd", *v) for v in vertices) + struct.pack(order + "Biiii", 4, 0, 1, 2, 3)
        save(f"{name}.ply", header.format(f"binary_{name}_endian").encode() + body, "formats_ply")

    save("points.csv", "x,y,train_loss,test_loss\n" + "".join(
        f"{1 + 0.5 * x},{2 + 0.25 * y},{V[y, x]},{-V[y, x]}\n" for x in range(NX) for y in reversed(range(NY))), "formats_csv")
    save("matrix.csv", "\n".join(";".join(str(v) for v in row) for row in V) + "\n", "formats_csv")
    save("scattered.csv", "# a comment\nx y value\n0 0 1\n1 0 2\n0.5 2 0\n", "formats_csv")

    def surface(name, write, libver="earliest", seed=True):
        path = os.path.join(FIXTURES, name)
        with h5py.File(path, "w", libver=libver) as f:
            write(f)
        if seed:
            os.makedirs("fuzz/corpus/formats_hdf5", exist_ok=True)
            open(f"fuzz/corpus/formats_hdf5/{name}", "wb").write(open(path, "rb").read())

    xs, ys = 1 + 0.5 * np.arange(NX), 2 + 0.25 * np.arange(NY)

    def axes(f):
        f["xcoordinates"], f["ycoordinates"] = xs, ys

    def plain(f):
        axes(f)
        losses = V.ravel().reshape(NX, NY).copy()  # Li et al.: declared (x, y), filled along meshgrid(x, y)
        losses.ravel()[5] = -1.0                   # not computed yet
        f["train_loss"] = losses
        f["train_acc"] = losses

    def chunked(f):
        f.create_dataset("loss", data=V, chunks=(2, 3), compression="gzip", shuffle=True, fletcher32=True)

    def big(f):
        f.create_dataset("loss", data=V.astype(">f4"))

    def external(f):
        f.create_dataset("loss", shape=V.shape, dtype="f8", external=[("other.raw", 0, 96)])

    def virtual(f):
        layout = h5py.VirtualLayout(shape=(3, 4), dtype="f8")
        layout[:, :] = h5py.VirtualSource("other.h5", "loss", shape=(3, 4))
        f.create_virtual_dataset("loss", layout)

    surface("plain.h5", plain)
    surface("chunked.h5", chunked)
    surface("big_endian.h5", big)
    surface("latest.h5", lambda f: f.create_dataset("loss", data=V), "latest")
    surface("external_storage.h5", external)
    surface("external_link.h5", lambda f: f.__setitem__("loss", h5py.ExternalLink("other.h5", "/loss")))
    surface("virtual.h5", virtual, "latest")
    surface("lzf.h5", lambda f: f.create_dataset("loss", data=V, chunks=(3, 4), compression="lzf"))


main()
