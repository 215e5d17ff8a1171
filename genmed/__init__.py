"""GenMed: a diffusion model of pairs, trained once and steered at test time by whatever was observed."""
