"""Where the head of the femur belongs: the shape model poses its bones so that heads sink into their sockets.

In the packaged model the left femur and hip bone share up to 27 cm³, because every bone was aligned for itself. As
vertices correspond between subjects, head and socket are found once on the mean bones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_GUESS_MM = 22.0
"""From the innermost point of the head to its centre, to begin with."""
_SOCKET_MM = 10.0
"""What of the hip bone is this close to the head is its socket."""


@dataclass(frozen=True, eq=False)
class Joint:
    """Which vertices of the femur are its head, which of the hip bone its socket, and where the head's centre lies
    from the middle of the socket's vertices, in mm."""

    head: NDArray[np.bool_]
    socket: NDArray[np.bool_]
    offset: Floats

    def centre_of_head(self, femur: Floats) -> tuple[Floats, float]:
        """Centre (3,) and radius of the sphere through the head of (V, 3) vertices."""
        return fitted_sphere(femur[self.head])

    def centre_of_socket(self, hip: Floats, turn: Floats) -> Floats:
        """Where the head's centre should be, about: (3,), for (V, 3) vertices that were turned by ``turn`` (3, 3)."""
        return np.asarray(np.round(hip[self.socket].mean(axis=0) + turn @ self.offset, 4))


def find_joint(femur: Floats, hip: Floats, seat: Floats) -> Joint:
    """Head and socket of a mean left femur and hip bone, (V, 3) mm in RAS+.

    Args:
        femur: its vertices.
        hip: those of the hip bone.
        seat: (3,) by how much the mean head must move to be clear of the socket.
    """
    top = femur[femur[:, 2] > femur[:, 2].max() - 70]
    centre = top[top[:, 0].argmax()] - (_GUESS_MM, 0, 0)  # innermost; x points to the right, the left leg is at x < 0
    for _ in range(30):
        head = (np.linalg.norm(femur - centre, axis=1) < 28) & (femur[:, 0] > centre[0] - 8)
        centre, radius = fitted_sphere(femur[head])
    centre = centre + seat
    socket = np.linalg.norm(hip - centre, axis=1) < radius + _SOCKET_MM
    return Joint(head, socket, np.round(centre - hip[socket].mean(axis=0), 4))


def fitted_sphere(points: Floats) -> tuple[Floats, float]:
    """Centre (3,) and radius of the sphere through (N, 3) points, least squares in the squared distances.

    Both to a tenth of a micrometre, so that they are the same on all processors.
    """
    rows = np.column_stack([2 * points, np.ones(len(points))])
    solved = np.linalg.lstsq(rows, (points**2).sum(axis=1), rcond=None)[0]
    centre = solved[:3]
    radius = float(np.sqrt(solved[3] + centre @ centre))
    return np.asarray(np.round(centre, 4)), round(radius, 4)
