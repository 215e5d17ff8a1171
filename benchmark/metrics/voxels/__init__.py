"""Masks as bits: packing, surfaces and nearest points on the voxel lattice, the engine under the mask metrics."""
