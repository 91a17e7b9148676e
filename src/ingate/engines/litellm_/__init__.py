"""The litellm engine: the only package that may import litellm."""

from ingate.engines.litellm_.engine import LitellmEngine

__all__ = ["LitellmEngine"]
