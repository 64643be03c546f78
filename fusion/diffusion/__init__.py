"""The diffusion process and features of its denoising network."""
