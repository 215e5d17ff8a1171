"""Exact nearest neighbours between point clouds, compiled: the engine under every point metric."""
