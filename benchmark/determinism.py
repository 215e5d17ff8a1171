"""What makes torch give the same bytes every time: threads, and algorithms that do."""

from __future__ import annotations

import os

import torch

from benchmark.cores import threads


def make_deterministic() -> None:
    """Use as many threads as the user allows (else one), and deterministic algorithms where torch has them."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic matrix products on CUDA ask for
    torch.set_num_threads(threads())
    # torch.use_deterministic_algorithms sets the flag of the operators, as this does, and one of the compiler, which it
    # imports for that (sympy and 800 modules). Nothing of ours is compiled; to a method that is, the variable says the
    # same when the compiler is imported.
    torch.set_deterministic_debug_mode("warn")
    os.environ.setdefault("TORCHINDUCTOR_DETERMINISTIC", "1")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
