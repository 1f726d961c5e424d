"""Warnings of deprecated functions, under their established path."""

from astroNN.shared.deprecation import deprecated, deprecated_copy_signature

__all__ = ["deprecated", "deprecated_copy_signature"]
