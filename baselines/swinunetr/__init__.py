"""MONAI's SwinUNETR with a compact training loop."""
