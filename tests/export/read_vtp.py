"""Reads a VTP file with VTK itself and prints what it found, one "name value" a line.

    read_vtp.py FILE

Used by tests/export/full_vtk.sh; exit code 77 where VTK is not installed."""
import sys

try:
    from vtkmodules.vtkIOXML import vtkXMLPolyDataReader
except ImportError:
    sys.exit(77)

reader = vtkXMLPolyDataReader()
reader.SetFileName(sys.argv[1])
reader.Update()
data = reader.GetOutput()
if reader.GetErrorCode() or data.GetNumberOfPoints() == 0:
    sys.exit("VTK cannot read " + sys.argv[1])
print("points", data.GetNumberOfPoints())
print("vertices", data.GetNumberOfVerts())
print("lines", data.GetNumberOfLines())
print("triangles", data.GetNumberOfPolys())
for k in range(data.GetPointData().GetNumberOfArrays()):
    array = data.GetPointData().GetArray(k)
    low, high = array.GetRange()
    print(f"array {array.GetName()} {low:.12g} {high:.12g}")
height = data.GetBounds()[4:]
print(f"height {height[0]:.12g} {height[1]:.12g}")
