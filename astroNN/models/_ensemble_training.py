"""The training of an ensemble, member by member."""

from contextlib import closing

import numpy as np

from astroNN.models import _data
from astroNN.models._copied import untrained_copy
from astroNN.models._seeds import settled_seed
from astroNN.models.base_vae import ConvVAEBase
from astroNN.models.training.calibrate import calibrate_on_validation_stars
from astroNN.models.training.distribution import engine_for
from astroNN.shared.errors import ConfigurationError
from astroNN.shared.messages import tell

__all__ = ["EnsembleTraining"]


class EnsembleTraining:
    """What gives `DeepEnsemble` its method `fit`."""

    def fit(self, input_data, labels=None, inputs_err=None, labels_err=None, sample_weight=None, *,
            mask=None, groups=None, resume=False, distribute=None):  # fmt: skip
        """Train all members, one after the other, on the same training stars.

        A second `fit` trains all members on. After Ctrl-C, or an error, those that are trained can be used and saved,
        and ``fit(..., resume=True)`` with the same arrays trains the others.

        Parameters
        ----------
        input_data : array, dict of arrays or path
            As in `fit` of the members' class, like `labels`, `sample_weight`, `mask` and `groups`.
        labels : array, Table, DataFrame or path of a table, optional
            Autoencoders need none.
        inputs_err, labels_err : array, optional
            As in `BayesianCNNBase.fit`, for Bayesian members.
        sample_weight, mask, groups : array, optional
            Weights of stars, bad pixels, and rows that belong together.
        resume : bool, optional
            Leave alone members that have been trained; one that was interrupted goes on where it stopped. Default
            False.
        distribute : {None, "auto", "multi_worker"}, optional
            Train each member on several devices or in several processes; see :doc:`/distributed`. Default None.

        Returns
        -------
        list of keras.callbacks.History
            One a member.

        Raises
        ------
        TypeError
            If an argument has no meaning for the members.
        ValueError, TypeError, IndexError
            For data or settings that can't be used.

        Notes
        -----
        Ends by calibrating the spreads of the ensemble on the validation stars, which are the same for all members;
        not of classifiers and autoencoders. See `astroNN.nn.calibration`.
        """
        given = self._given(
            "fit", inputs_err=inputs_err, labels_err=labels_err, sample_weight=sample_weight, mask=mask, groups=groups
        )
        self._check_sample(input_data, labels, given)
        engine = engine_for(distribute)
        with engine.one_voice(self):
            self._begin(resume, engine)
            self._train_all(input_data, labels, given, resume, engine, distribute)
        return self.histories

    def _train_all(self, input_data, labels, given, resume, engine, distribute):
        # Members may be of classes whose `fit` is older than the argument.
        options = {} if distribute is None else {"distribute": distribute}
        saves = self.autosave and engine.is_chief
        # A training that goes on is saved where it was.
        path = self.fullfilepath if resume else None
        for number in range(self._n_done, self.n_members):
            tell(f"Member {number + 1} of {self.n_members}", self.verbose)
            self._train(number, input_data, labels, given | options)
            if saves and number + 1 < self.n_members:
                path = self._save_again(path)
        self._is_first_round = False
        self._calibrate(input_data, labels, given)
        if saves:
            self._save_again(path)

    def _check_sample(self, input_data, labels, given):
        """Raise, before anything is forgotten, for data that no member can be trained on."""
        if isinstance(labels, dict) and len(labels) > 1:
            raise ValueError(
                f"fit: an ensemble combines one array of labels, got `labels` with {sorted(labels)}. Put them into "
                "one array of shape (n_stars, n_labels), or train one network on the dictionary."
            )
        net = self._nets[0] if self._nets else untrained_copy(self.template)
        if isinstance(net, ConvVAEBase):
            options = (given.get(name) for name in ("mask", "sample_weight", "groups"))
            sample = net._sample(input_data, labels, *options)
        else:
            sample = _data.checked_sample(net, input_data, labels, **given)
        with closing(sample):
            if net.has_model:
                _data.remember_shapes(net, sample)

    def _begin(self, resume, engine):
        if not resume and self._is_first_round and self._n_done:
            raise ConfigurationError(
                f"fit: {self._n_done} of {self.n_members} members are trained already. Say fit(..., resume=True) to "
                "train the others; to start from the beginning make a new ensemble."
            )
        if not resume:
            self._n_done, self._interrupted = 0, False
            self._nets = [] if self._is_first_round else self._nets
        self.calibration = self.calibration_propagated = None
        self.seed = settled_seed(engine.common_seed(self.seed))

    def _train(self, number, input_data, labels, given):
        """Train one member; whatever ends it, the ensemble knows how far it came."""
        is_new = number == len(self._nets)
        net = self._new_member(number) if is_new else self._nets[number]
        net._split_seed = self.seed
        earlier, resumes = net._training_state, self._interrupted
        try:
            net.fit(input_data, labels, **given, **({"resume": True} if resumes else {}))
        except BaseException:
            state = net._training_state
            self._interrupted = state is not None and (resumes or state is not earlier)
            if is_new and self._interrupted:
                self._nets.append(net)
            raise
        finally:
            # They hold the data, which the members would keep alive.
            net.training_generator = net.validation_generator = None
        if is_new:
            self._nets.append(net)
        self._interrupted = False
        self._n_done = number + 1

    def _new_member(self, number):
        net = untrained_copy(self.template)
        net.seed = int(np.random.SeedSequence([self.seed, 7, number]).generate_state(1)[0]) >> 1
        return net

    def _calibrate(self, input_data, labels, given):
        first = self._nets[0]
        is_scale = isinstance(first._labels_shape["output"], int) and not isinstance(first, ConvVAEBase)
        if first.task != "regression" or not is_scale:
            return
        if self._is_bayesian and any(net.calibration is None for net in self._nets):
            return  # what keeps the members from it (they have told) keeps the ensemble from it
        sample = _data.checked_sample(first, input_data, labels, **given, for_training=False)
        with closing(sample):
            self.calibration, self.calibration_propagated = calibrate_on_validation_stars(self, sample)

    def _save_again(self, path):
        """Save, in the place of what this training has saved before."""
        return self.save() if path is None else self.save(path, if_exists="replace")
