"""A case as a row of 3D views (which surfaces, in which order, painted how) and, where it has images, slices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmark.drawing.packing import pack
from benchmark.drawing.slices import Slices, pack_labels
from benchmark.drawing.surfaces import Surface


@dataclass(frozen=True)
class Layer:
    """A surface of the scene as it is drawn.

    Attributes:
        mesh: its name in the scene.
        paint: "bone", "truth", "ghost", "observed", "unobserved", "labels", "error" or "structure-0" and so on. Every
            surface of a prediction can be painted "error", too: its values are distances to the truth.
        style: "surface", "sheet" or "ghost".
        strength: of the colour; None is the style's own.
    """

    mesh: str
    paint: str
    style: str = "surface"
    strength: float | None = None

    def data(self) -> dict[str, object]:
        """What `static/viewer.js` reads."""
        plain: dict[str, object] = {"mesh": self.mesh, "paint": self.paint, "style": self.style}
        return plain if self.strength is None else {**plain, "strength": self.strength}


@dataclass(frozen=True)
class View:
    """One picture. ``layers`` are empty when there is nothing to draw, and ``note`` says why.

    Attributes:
        kind: "observation", "prediction", "truth" or "error".
        title: heading for people.
        method: the method whose prediction is shown, "" for the others.
        layers: what is drawn.
        note: one line under the picture.
    """

    kind: str
    title: str
    method: str = ""
    layers: tuple[Layer, ...] = ()
    note: str = ""


@dataclass
class Scene:
    """A case's surfaces by name, its views, and what stands beside them.

    Attributes:
        radius, girth: of a sphere about the centre, and a cylinder about the z axis, that hold the truth, in voxels.
        exact: whether what was observed can be trusted; then nothing in it is spurious.
        scale: how large a voxel is, in words; empty where nobody knows.
        error_range: where the error colours saturate, in words.
        thumbnail: a small picture as a data address; empty for a shape of nothing.
        structures: names of what the paints "structure-0", "structure-1", ... stand for.
        slices: image and label maps to leaf through; None where there is no image.
        surfaces: by name, as layers call them.
        views: in the order of display.
    """

    radius: float
    girth: float
    exact: bool
    scale: str = ""
    error_range: str = ""
    thumbnail: str = ""
    structures: tuple[str, ...] = ()
    slices: Slices | None = None
    surfaces: dict[str, Surface] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)

    def add(self, name: str, shown: Surface, paint: str, style: str = "surface") -> Layer | None:
        """Keep a surface and return the layer that draws it, or None for a surface of nothing."""
        if not len(shown.faces):
            return None
        self.surfaces[name] = shown
        return Layer(name, paint, style)

    @property
    def paints(self) -> frozenset[str]:
        """Every paint that a layer of a view has, for legends."""
        return frozenset(layer.paint for view in self.views for layer in view.layers)

    def data(self, packing: Callable[[Surface], dict[str, object]] = pack) -> dict[str, object]:
        """What the page's script reads of a scene with all its predictions."""
        record: dict[str, object] = {
            "radius": self.radius,
            "girth": self.girth,
            "meshes": {name: packing(shown) for name, shown in self.surfaces.items()},
            "views": [[layer.data() for layer in view.layers] for view in self.views],
        }
        if self.slices is not None:
            found = {name: pack_labels(labels) for name, labels in self.slices.predictions.items()}
            record |= {"slices": self.slices.data(), "labels": list(found.items())}
        return record


PAINTS = 10
"""Colours of structures; the style sheet has ``--structure-0`` and so on."""


def structure_paint(index: int) -> str:
    """The paint of a structure, the first again after the last."""
    return f"structure-{index % PAINTS}"
