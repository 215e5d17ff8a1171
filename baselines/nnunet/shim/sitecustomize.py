"""Lets a torchvision that was built for CUDA import beside a CPU torch: declares the two operators it expects."""

import sys


class _Declares:
    library = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision._meta_registrations":
            import torch

            if not hasattr(torch.ops.torchvision, "nms"):
                _Declares.library = torch.library.Library("torchvision", "FRAGMENT")
                for operator in ("nms", "qnms"):
                    signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                    _Declares.library.define(operator + signature)


sys.meta_path.insert(0, _Declares())
