"""Small operations on tensors that don't come with Keras in this form."""

from keras import ops

from astroNN.nn.losses._missing import as_loss_dtype

__all__ = ["intpow_avx2", "reduce_var"]


def reduce_var(x, axis=None, keepdims=False):
    r"""Variance of a population.

    .. math:: \frac{1}{n} \sum_i (x_i - \bar{x})^2

    Parameters
    ----------
    x : tensor
        Any shape.
    axis : int or tuple of int, optional
        Axis that is reduced; default all.
    keepdims : bool, optional
        Keep a reduced axis with length 1. Default False.

    Returns
    -------
    tensor
        In float32 (float64 for float64): squares of half precision would overflow beyond 255.

    Examples
    --------
    >>> float(reduce_var([1.0, 3.0]))
    1.0
    """
    x = as_loss_dtype(x)
    deviations = x - ops.mean(x, axis=axis, keepdims=True)
    return ops.mean(ops.square(deviations), axis=axis, keepdims=keepdims)


def intpow_avx2(x, n):
    r"""Whole power of every element, also of negative ones, by multiplication.

    .. math:: x_i^n

    Parameters
    ----------
    x : tensor, shape (n_elements,)
        Any other shape works, too.
    n : int
        Power, at least 0; a float is cut to a whole number. 0 gives ones, also for 0 and NaN.

    Returns
    -------
    tensor, shape and dtype of `x`
        The powers.

    Raises
    ------
    ValueError
        If `n` is negative.

    Examples
    --------
    >>> [float(power) for power in intpow_avx2([-2.0, 3.0], 3)]
    [-8.0, 27.0]
    """
    if int(n) < 0:
        raise ValueError(f"intpow_avx2: `n` must be 0 or a positive whole number, got {n!r}. Divide 1 by the result.")
    square, n = ops.convert_to_tensor(x), int(n)
    power = ops.ones_like(square)
    if n == 0:
        # Chosen, not made: connected to `x` (torch wants a gradient, of 0 here) whatever its values.
        return ops.where(ops.ones_like(square, dtype="bool"), power, square)
    while n:
        # By squaring: 2 log2(n) products in place of n.
        if n % 2:
            power = power * square
        n //= 2
        if n:
            square = square * square
    return power
