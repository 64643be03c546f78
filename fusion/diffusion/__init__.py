"""Diffusion process, and diffusion features of the denoising network."""
