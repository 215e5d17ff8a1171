"""nnU-Net's own trainer for a declared number of epochs, seeded; found through the variable nnUNet_extTrainer."""

import os
import random

import numpy as np
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerBudget(nnUNetTrainer):
    """Nothing that decides what is learnt from a batch is changed.

    Every epoch draws from a seed of its own, so that a training that was stopped goes on as it would have.
    """

    # nnU-Net reads the names of these arguments.
    def __init__(self, plans, configuration, fold, dataset_json, device=torch.device("cuda")):  # noqa: B008
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_epochs = int(os.environ["GENMED_EPOCHS"])
        self.num_iterations_per_epoch = int(os.environ["GENMED_ITERATIONS"])
        self.num_val_iterations_per_epoch = 1
        self.save_every = 1

    def initialize(self):
        _seed(0)  # of the weights
        super().initialize()

    def on_epoch_start(self):
        _seed(self.current_epoch + 1)
        super().on_epoch_start()

    def on_epoch_end(self):
        super().on_epoch_end()
        print(f"PROGRESS {self.current_epoch}/{self.num_epochs}", flush=True)

    def perform_actual_validation(self, save_probabilities: bool = False):
        """Left out: fold "all" would predict its own training cases."""


def _seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
