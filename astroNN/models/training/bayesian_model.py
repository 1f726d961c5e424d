"""Keras model whose loss uses the errors of the labels."""

import keras
from keras import ops

from astroNN.models.tasks import task_settings
from astroNN.models.training.outputs import MIXTURE
from astroNN.nn.losses import mixture_nll

__all__ = ["BayesianModel", "LABELS_ERR"]

LABELS_ERR = "labels_err"


@keras.saving.register_keras_serializable(package="astroNN")
class BayesianModel(keras.Model):
    """Functional model with outputs ``output`` and ``variance_output``, trained with `robust_mse`.

    If it has the output ``mixture``, too, the parameters of mixtures, it is trained with `mixture_nll` instead. If
    its ``task`` is a classification, ``output`` are logits and ``variance_output`` their spreads.
    Its inputs hold ``labels_err``, the errors of the normalised labels: they enter the loss, not the network.
    Build it as ``BayesianModel(inputs={..., "labels_err": ...}, outputs={"output": ..., "variance_output": ...})``.

    Parameters
    ----------
    *args, **kwargs
        Of `keras.Model`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.output_loss_tracker = keras.metrics.Mean(name="output_loss")
        self.task = "regression"
        #: Generator of the noise in the losses of classifiers; set by `BayesianCNNBase`.
        self.noise = None

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Mean over the stars of the negative log likelihood, plus the regularisation terms of the layers.

        Parameters
        ----------
        x : dict of tensors
            With ``labels_err``, shape (n_stars, n_labels).
        y, y_pred : dict of tensors
            With ``output``; and ``variance_output`` in `y_pred`: the predicted log variance; perhaps ``mixture``, the
            parameters of predicted mixtures.
        sample_weight : tensor, shape (n_stars,), optional
            One weight per star.
        training : bool, optional
            Not used: the loss is the same in training and in evaluation.

        Returns
        -------
        scalar tensor
            What training minimises.
        """
        per_star = self._negative_log_likelihood(y["output"], y_pred, x[LABELS_ERR], _one_per_star(sample_weight))
        self.output_loss_tracker.update_state(per_star)
        return sum(self.losses, ops.mean(per_star))

    def _negative_log_likelihood(self, labels, predicted, labels_err, sample_weight):
        if MIXTURE in predicted:
            return mixture_nll(labels, predicted[MIXTURE], labels_err, sample_weight)
        loss = task_settings(self.task).bayesian_loss
        outputs = predicted["output"], predicted["variance_output"]
        if self.task == "regression":
            return loss(labels, *outputs, labels_err, sample_weight)
        return loss(labels, *outputs, sample_weight, seed=self.noise)


def _one_per_star(sample_weight):
    # Keras hands the same weights to every output.
    return sample_weight["output"] if isinstance(sample_weight, dict) else sample_weight
