"""Exact optimal one-to-one matching of point clouds, compiled: the engine under the Earth Mover's Distance."""
