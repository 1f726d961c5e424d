"""Variables that belong to a training and not to a network."""

import keras

__all__ = ["make_variables"]


def make_variables(model, batches):
    """Make the variables of optimiser and metrics before the first step.

    TensorFlow traces a step that makes variables twice, and for small samples that is most of the time of a
    training: 20 s of it for the largest networks. On its other backends Keras does as this function does.

    Parameters
    ----------
    model : keras.Model
        Built and compiled. One with a training step of its own, which may need other variables, is left alone.
    batches : keras.utils.PyDataset
        The training data.
    """
    # Keras keeps it to itself; a version without it trains as well, only later.
    symbolic_build = getattr(model, "_symbolic_build", None)
    if symbolic_build and type(model).train_step is keras.Model.train_step and not model.run_eagerly:
        symbolic_build(data_batch=batches[0])
