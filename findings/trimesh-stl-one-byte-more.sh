#!/usr/bin/env bash
# trimesh 5.2.0: one byte after the last triangle of a binary STL file, and the mesh is empty, without an error.
#
# A binary STL file says how many triangles it has, so a reader that goes by the count does not care what follows them: a
# line end, say, or padding. trimesh compares the size of the file, takes any difference for a sign that the file is text,
# and where charset_normalizer is installed, as it is with most packages that use the network, finds no triangle in that:
# an empty scene (load) or a mesh of no faces (load_mesh). Without charset_normalizer it stops with ModuleNotFoundError.
#
# Seen (a box of 12 triangles):
#   0 bytes more: load Trimesh, load_mesh 12 faces
#   1 bytes more: load Scene, load_mesh 0 faces
#   50 bytes more: load Scene, load_mesh 0 faces
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install trimesh==5.2.0 numpy==2.4.6 charset-normalizer==3.5.3
"$python" - <<'PYTHON'
from pathlib import Path

import trimesh

whole = trimesh.creation.box().export(file_type="stl")
for more, kind, faces in ((0, "Trimesh", 12), (1, "Scene", 0), (50, "Scene", 0)):
    Path("box.stl").write_bytes(whole + bytes(more))
    loaded, mesh = trimesh.load("box.stl"), trimesh.load_mesh("box.stl")
    print(f"{more} bytes more: load {type(loaded).__name__}, load_mesh {len(mesh.faces)} faces")
    assert (type(loaded).__name__, len(mesh.faces)) == (kind, faces)
PYTHON
