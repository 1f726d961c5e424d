"""Distribution function, density and quantiles of mixtures of Gaussians, as functions of tensors."""

import math

import numpy as np
from keras import ops

__all__ = ["below", "density", "lower_quantile"]

# 2**-32 of the bracket is below the narrowest component that means anything; Newton's steps double the digits.
_N_BISECTIONS, _N_NEWTON = 32, 4


def below(y, means, scales, weights):
    """Probability of a value below y; the last axis is that of the components."""
    # erfc and not erf: 1 + erf has lost its digits in the lower tail.
    return ops.sum(weights * 0.5 * ops.erfc((means - y) / (scales * math.sqrt(2.0))), axis=-1)


def density(y, means, scales, weights):
    """Probability density at y, never zero; the last axis is that of the components."""
    z = (y - means) / scales
    value = ops.sum(weights * ops.exp(-0.5 * ops.square(z)) / (scales * math.sqrt(2 * math.pi)), axis=-1)
    # Between far components the density is zero in floating point; a Newton step must not be 0 / 0.
    return _at_least(value, ops.full_like(value, np.finfo("float32").tiny))


def _at_least(values, bound):
    # Not `ops.maximum`: on torch it turns float64 into float32.
    return ops.where(values < bound, bound, values)


def lower_quantile(p, means, scales, weights):
    """Quantile for 0 < p <= 0.5, where that of a component lies between its mean and a bound below it."""
    # Phi(-t) <= exp(-t**2 / 2) / 2, so that the quantile of a standard Gaussian is above -sqrt(-2 ln(2 p)).
    reach = -2.0 * ops.log(2.0 * p)
    reach = ops.sqrt(_at_least(reach, ops.zeros_like(reach)))
    low = ops.min(means - ops.expand_dims(reach, -1) * scales, axis=-1)
    high = ops.max(means, axis=-1)
    for _ in range(_N_BISECTIONS):
        middle = low + 0.5 * (high - low)
        is_low = below(ops.expand_dims(middle, -1), means, scales, weights) < p
        low, high = ops.where(is_low, middle, low), ops.where(is_low, high, middle)
    found = low + 0.5 * (high - low)
    for _ in range(_N_NEWTON):
        y = ops.expand_dims(found, -1)
        step = (below(y, means, scales, weights) - p) / density(y, means, scales, weights)
        found = _at_least(found - step, low)
        found = ops.where(found > high, high, found)
    return found
