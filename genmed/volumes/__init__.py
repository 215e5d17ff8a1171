"""The joint model of an image and the signed distances of the structures in it, on voxels."""
