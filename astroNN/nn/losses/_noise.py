"""Standard normal noise for losses, fresh in every step of a training on every backend.

A loss has no state of its own that Keras would carry from step to step. On TensorFlow and torch a
`keras.random.SeedGenerator` advances all the same. On JAX, where a step is a pure function, it does only if the
model tracks it; and inside a `tf.function` none can be made. So the noise is a function of the seed and of the
predictions, which differ from step to step: their bits are hashed into the key of the draw.
"""

import random

import keras
from keras import ops

__all__ = ["own_generator", "standard_normal"]


def own_generator(seed=None):
    """Seed generator of a given seed; the seed itself inside a ``tf.function``, where no generator can be made."""
    if isinstance(seed, keras.random.SeedGenerator):
        return seed
    seed = random.randint(1, 2**31 - 1) if seed is None else checked_seed(seed)
    return seed if _in_tensorflow_graph() else keras.random.SeedGenerator(seed)


def standard_normal(shape, seed, predictions):
    """Noise in float32, a function of the seed and of the predictions.

    Parameters
    ----------
    shape : tuple
        May hold a tensor for an unknown batch size.
    seed : keras.random.SeedGenerator or int or None
        A generator advances by each draw where it can. None makes a number from Python's generator: at every
        draw, or once when a step is compiled.
    predictions : tensor
        Whose bits tell one step from another where a generator can't.
    """
    backend = keras.backend.backend()
    if _is_meta(predictions):
        return predictions.new_zeros(tuple(shape))
    predictions = ops.stop_gradient(ops.cast(predictions, "float32"))
    number = _hash(_BITS[backend](predictions))
    return _DRAWS[backend](shape, _on_device_of(number, _key(seed)) + number)


def checked_seed(seed):
    """Raise unless a seed is a whole number that isn't negative."""
    if isinstance(seed, bool) or not hasattr(seed, "__index__") or seed < 0:
        raise TypeError(f"`seed` must be a whole number from 0, a keras.random.SeedGenerator, or None; got {seed!r}.")
    return int(seed)


def _hash(bits):
    """Two numbers of 32 bits that change with any bit and with the order of the elements."""
    bits = ops.reshape(bits, (-1,))
    place = 2 * ops.cast(ops.arange(ops.shape(bits)[0]), "int32") + 1
    # Products and sums wrap around: arithmetic modulo 2**32. The shift brings high bits down, where they spread.
    mixed = bits * place
    mixed = ops.bitwise_xor(mixed, ops.right_shift(mixed, 15)) * 0x2C1B3C6D
    return ops.cast(ops.stack([ops.sum(mixed), ops.sum(mixed * place)]), "int32")


def _key(seed):
    """Two numbers of 32 bits from a seed; a generator advances, unless that would keep a tracer of JAX in it."""
    if isinstance(seed, keras.random.SeedGenerator):
        return ops.cast(seed.state.value if _would_leak(seed) else seed.next(), "int32")
    number = random.randint(1, 2**31 - 1) if seed is None else checked_seed(seed)
    return ops.convert_to_tensor([number % 2**31, number // 2**31 % 2**31], dtype="int32")


def _would_leak(generator):
    """Whether JAX is compiling and the generator isn't among the states of what is compiled."""
    if keras.backend.backend() != "jax":
        return False
    import jax

    compiling = isinstance(ops.zeros(()), jax.core.Tracer)
    return compiling and not isinstance(generator.state.value, jax.core.Tracer)


def _is_meta(tensor):
    """Whether torch is asked for shapes alone, as when Keras builds a model: generators, which hold values, can't."""
    return keras.backend.backend() == "torch" and tensor.is_meta


def _on_device_of(tensor, key):
    return key.to(tensor.device) if keras.backend.backend() == "torch" else key


def _in_tensorflow_graph():
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.inside_function()


def _tensorflow_bits(x):
    import tensorflow as tf

    return tf.bitcast(x, tf.int32)


def _tensorflow_draw(shape, key):
    import tensorflow as tf

    return tf.random.stateless_normal(shape, seed=key)


def _jax_bits(x):
    import jax

    return jax.lax.bitcast_convert_type(x, "int32")


def _jax_draw(shape, key):
    import jax

    return jax.random.normal(jax.lax.bitcast_convert_type(key, "uint32"), shape, "float32")


def _torch_bits(x):
    import torch

    return x.contiguous().view(torch.int32)


def _torch_draw(shape, key):
    import torch

    low, high = (int(word) % 2**32 for word in key)
    # On CPU torch reads the lower 32 bits of a seed alone.
    number = low ^ (high * 0x9E3779B1 % 2**32)
    generator = torch.Generator(device=key.device).manual_seed(number)
    return torch.randn(tuple(shape), generator=generator, device=key.device)


_BITS = {"tensorflow": _tensorflow_bits, "jax": _jax_bits, "torch": _torch_bits}
_DRAWS = {"tensorflow": _tensorflow_draw, "jax": _jax_draw, "torch": _torch_draw}
