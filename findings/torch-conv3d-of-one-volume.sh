#!/usr/bin/env bash
# torch 2.13.0 (CPU): a convolution of one volume runs another kernel than of two, and takes longer than the two.
#
# On grids below 32 a batch of one is given to slow_conv3d; two volumes, or a larger grid, go to oneDNN. So a 3-D
# network that completes one case at a time costs several times what it costs with a second case, or a copy, beside it.
# (x86, where torch comes with oneDNN; kernels are read from the profiler, since times depend on the machine. On one core:
# 16 ms for one volume of edge 16, 4 ms for both of two.)
#
# Seen (32 channels, kernel 3):
#   1 volume of edge 16: aten::slow_conv3d
#   2 volumes of edge 16: aten::mkldnn_convolution
#   1 volume of edge 24: aten::slow_conv3d
#   1 volume of edge 32: aten::mkldnn_convolution
source "$(dirname "${BASH_SOURCE[0]}")/_venv.sh"
install torch==2.13.0 numpy==2.4.6
"$python" - 2>errors.txt <<'PYTHON' || { cat errors.txt; exit 1; }
import torch
from torch.profiler import profile

torch.set_num_threads(1)
weights = torch.randn(32, 32, 3, 3, 3)
for count, edge, expected in ((1, 16, "slow_conv3d"), (2, 16, "mkldnn_convolution"), (1, 24, "slow_conv3d"),
                              (1, 32, "mkldnn_convolution")):
    with profile() as seen:
        torch.nn.functional.conv3d(torch.randn(count, 32, edge, edge, edge), weights, padding=1)
    ran = {event.key for event in seen.key_averages()} & {"aten::slow_conv3d", "aten::mkldnn_convolution"}
    print(f"{count} volume{'s' * (count > 1)} of edge {edge}:", *ran)
    assert ran == {f"aten::{expected}"}
PYTHON
