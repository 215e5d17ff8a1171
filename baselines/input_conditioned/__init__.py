"""Input-conditioned diffusion: the prompt is an input of the denoiser."""
