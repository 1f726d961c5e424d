"""Names that scripts and subclasses written for earlier versions use."""

from importlib import metadata

from astroNN.models import _data
from astroNN.shared.messages import tell

__all__ = ["OldInterface"]


def _statistic(attribute):
    def read(self):
        return getattr(self, attribute)

    return property(read, doc=f"Another name of `{attribute}`, to read only.")


class OldInterface:
    """Mixin of networks: what older code calls, in terms of what is there today."""

    #: what version 1 kept while it saved and compiled; nothing here sets them
    hyper_txt = _output_loss = None

    input_mean_norm = _statistic("input_mean")
    input_std_norm = _statistic("input_std")
    labels_mean_norm = _statistic("labels_mean")
    labels_std_norm = _statistic("labels_std")

    @property
    def _tf_ver(self):
        """Version of TensorFlow, which is not loaded for it; "not installed" if there is none."""
        try:
            return metadata.version("tensorflow")
        except metadata.PackageNotFoundError:
            return "not installed"

    @property
    def labels_shape(self):
        """Shape of the labels of one star, as recipes of version 1.0 call it; None before any data."""
        return self._labels_shape

    def pre_training_checklist_master(self, input_data, labels):
        """Check data as `fit` does, and set the shapes and the numbers of stars.

        Parameters
        ----------
        input_data, labels : array or dict of arrays
            As in `fit`.

        Returns
        -------
        inputs : dict of arrays
            By name, in physical units.
        labels : dict of arrays
            By name, in physical units; missing ones are NaN.
        """
        self._check_settings()
        sample = _data.checked_sample(self, input_data, labels)
        _data.remember_shapes(self, sample)
        self.val_num = int(sample.n_stars * (self.val_size or 0.0))
        self.num_train, self.has_val = sample.n_stars - self.val_num, self.val_num > 0
        tell(f"Training stars: {self.num_train}, validation stars: {self.val_num}", self.verbose)
        return sample.inputs, sample.labels

    def pre_testing_checklist_master(self, input_data):
        """Check data as `predict` does.

        Parameters
        ----------
        input_data : array or dict of arrays
            As in `predict`.

        Returns
        -------
        dict of arrays
            By name, in physical units, with a row a star.
        """
        self.has_model_check()
        inputs, _ = _data.checked_inputs(self, input_data)
        return inputs

    def custom_train_step(self, data):
        """Not supported: override `compute_loss` of the Keras model that `model()` returns.

        Parameters
        ----------
        data : object
            Not used.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("custom_train_step: override `compute_loss` of the Keras model instead.")

    def custom_test_step(self, data):
        """Not supported: override `compute_loss` of the Keras model that `model()` returns.

        Parameters
        ----------
        data : object
            Not used.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("custom_test_step: override `compute_loss` of the Keras model instead.")

    @staticmethod
    def _tensor_dict_sanitize(tensor_dict, names_list):
        """Drop from a dictionary, in place, what is not among the names; returns it."""
        for name in set(tensor_dict) - set(names_list):
            del tensor_dict[name]
        return tensor_dict
