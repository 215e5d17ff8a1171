#!/usr/bin/env bash
# libigl 2.6.3: the signed distance to a mesh with a hole, or turned inside out, is not the distance with a sign.
#
# signed_distance multiplies the distance by 1 - 2w, w being the winding number, instead of by the sign of that. On a
# closed mesh with faces outwards both are the same. Where a cap is missing w is a fraction and the size changes with the
# sign; inside out, the middle of a unit ball is 2.99 outside. Scans that end at the field of view are such meshes.
#
# Seen (unit ball, its middle and a point 1 above it):
#   closed      -0.995  1.000 (distance 0.995 1.000)
#   cap missing -0.791  1.139 (distance 0.995 1.275)
#   inside out   2.986  1.000 (distance 0.995 1.000)
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install libigl==2.6.3 trimesh==5.2.0 numpy==2.4.6 scipy==1.17.1
"$python" - <<'PYTHON'
import igl
import numpy as np
import trimesh

ball = trimesh.creation.icosphere(3)
vertices, faces = np.array(ball.vertices), np.array(ball.faces)
capless = faces[vertices[faces].mean(axis=1)[:, 2] < 0.8]
points = np.array([[0, 0, 0], [0, 0, 2.0]])
found = {}
for name, mesh in (("closed     ", faces), ("cap missing", capless), ("inside out ", np.ascontiguousarray(faces[:, ::-1]))):
    signed = igl.signed_distance(points, vertices, mesh)[0]
    exact = np.sqrt(igl.point_mesh_squared_distance(points, vertices, mesh)[0])
    found[name.strip()] = signed, exact
    print(name, "{:6.3f} {:6.3f} (distance {:.3f} {:.3f})".format(*signed, *exact))
assert np.allclose(*map(np.abs, found["closed"]))
assert np.allclose(np.abs(found["cap missing"][0] / found["cap missing"][1]), [0.794, 0.894], atol=0.002)
assert np.isclose(found["inside out"][0][0] / found["inside out"][1][0], 3)
PYTHON
