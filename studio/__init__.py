"""The engine of Latent Studio: graphs, execution and diffusion. Knows nothing of Qt."""

__version__ = "0.1.0"
