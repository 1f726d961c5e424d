"""What solvers need of the backends and Keras does not offer, behind one name each."""

import keras

if keras.backend.backend() == "tensorflow":
    from astroNN.neuralode._tensorflow import (
        NEEDS_VALUES_OF_VARIABLES,
        compiled,
        first_not_below,
        in_precision,
        is_known,
    )
elif keras.backend.backend() == "jax":
    from astroNN.neuralode._jax import NEEDS_VALUES_OF_VARIABLES, compiled, first_not_below, in_precision, is_known
else:
    from astroNN.neuralode._torch import NEEDS_VALUES_OF_VARIABLES, compiled, first_not_below, in_precision, is_known

__all__ = ["NEEDS_VALUES_OF_VARIABLES", "compiled", "first_not_below", "in_precision", "is_known"]
