"""Metrics that know of missing labels: those of the losses that measure rather than train."""

from astroNN.nn.losses import mae, me, mean_absolute_error, mean_error, mean_squared_error, mse

__all__ = ["mae", "me", "mean_absolute_error", "mean_error", "mean_squared_error", "mse"]
