"""Deep ensembles: networks that differ in their random numbers alone, used as one."""

import copy
import inspect

from astroNN.models._cited import Cited
from astroNN.models._ensemble_predictions import EnsemblePredictions
from astroNN.models._ensemble_settings import MemberSettings, template_of
from astroNN.models._ensemble_training import EnsembleTraining
from astroNN.models.base_bayesian_cnn import BayesianCNNBase
from astroNN.models.persistence.ensemble import MOST_MEMBERS, save_ensemble
from astroNN.shared import setting_checks
from astroNN.shared.errors import ConfigurationError

__all__ = ["DeepEnsemble"]


class DeepEnsemble(MemberSettings, EnsembleTraining, EnsemblePredictions, Cited):
    r"""Several networks of one kind, trained on the same stars from different random numbers, used as one network.

    Where networks that learnt from the same stars disagree, the stars leave the answer open. The scatter of the
    members is a measure of the model uncertainty that needs no dropout and often finds spectra unlike those of the
    training better; the mean of the members errs less than they do on average.

    Parameters
    ----------
    network : class or NeuralNetMaster
        The kind of network, such as `ApogeeBCNN`; or an instance, whose settings (not whose weights) all members get.
    n_members : int, optional
        From 2 to 1000, default 5.
    **settings
        Attributes of the network, such as ``max_epochs=30``. They can also be set later, for all members:
        ``ensemble.max_epochs = 30``.

    Attributes
    ----------
    members : list of NeuralNetMaster
        The trained ones. Each is a whole network, to be looked at or used by itself.
    n_members : int
        How many there are to be.
    seed : int or None
        All random numbers follow from it: the split, which all members share, and the seed of every member. None
        (default) draws one when it is first needed.
    autosave : bool
        Save whenever a member is trained, and at the end (default False); with ``fit(..., resume=True)`` in the place
        of the folder that it was saved in, or loaded from.
    calibration, calibration_propagated : SpreadCalibration or None
        Factors for the spreads of the ensemble, found by `fit` on the validation stars, which no member has seen.
    template : NeuralNetMaster
        An untrained network with the settings of the members.

    Raises
    ------
    TypeError
        If `network` is no network, or its class needs arguments (give an instance).
    ConfigurationError
        (a ValueError and an AttributeError) If `n_members` is no number from 2 to 1000, or a setting is unknown.

    See Also
    --------
    BayesianCNNBase : A network that finds its model uncertainty by dropout.

    Notes
    -----
    The members' predictions are combined as the mixture of their distributions. For Bayesian members

    .. math:: \sigma_\mathrm{predictive}^2 = \frac1k \sum_k \sigma_{\mathrm{predictive},k}^2 , \qquad
              \sigma_\mathrm{model}^2 = \frac1k \sum_k \sigma_{\mathrm{model},k}^2
              + \frac1{k-1} \sum_k (\mu_k - \bar\mu)^2 .

    The reference divides the last sum by k. The members are a sample of the networks that could have been trained,
    of whose scatter k - 1 gives an estimate that does not depend on k; for five members it is larger by 12%.

    References
    ----------
    Lakshminarayanan, Pritzel & Blundell 2017, NeurIPS 30, arXiv:1612.01474.

    Examples
    --------
    >>> import numpy as np
    >>> from astroNN.models import DeepEnsemble, SimplePolyNN
    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> ensemble = DeepEnsemble(SimplePolyNN, n_members=3, max_epochs=2, val_size=0.3, verbose=0, seed=1)
    >>> histories = ensemble.fit(x, 2.0 * x**2)
    >>> pred, pred_std = ensemble.predict(x[:4])
    >>> pred.shape, sorted(pred_std), len(ensemble)
    ((4, 1), ['model', 'total'], 3)
    """

    _references = ("lakshminarayanan2017",)

    def __init__(self, network, n_members=5, **settings):
        setting_checks.check_at_least("n_members", n_members, 2)
        if n_members > MOST_MEMBERS:
            raise ConfigurationError(f"n_members can be {MOST_MEMBERS} at most, got {n_members}.")
        super().__init__(template_of(network), int(n_members))
        for name, value in settings.items():
            setattr(self, name, value)

    def __copy__(self):
        return copy.deepcopy(self)

    @classmethod
    def _of(cls, nets, own):
        """An ensemble of networks that were loaded."""
        ensemble = cls.__new__(cls)
        MemberSettings.__init__(ensemble, template_of(nets[0]), own["n_members"])
        for name, value in own.items():
            vars(ensemble)[name if name in vars(ensemble) else f"_{name}"] = value
        ensemble._nets = nets
        return ensemble

    # As a sequence of members -------------------------------------------------------------------------------

    @property
    def members(self):
        """The trained networks."""
        return self._nets[: self._n_done] if self._is_first_round else list(self._nets)

    def __len__(self):
        return len(self.members)

    def __iter__(self):
        return iter(self.members)

    def __getitem__(self, number):
        return self.members[number]

    def __bool__(self):
        return True

    def __repr__(self):
        return f"DeepEnsemble({type(self.template).__name__}, n_members={self.n_members}), {len(self)} trained"

    def __str__(self):
        kind = type(self.template).__name__
        lines = [f"Name: {self.name}", f"Members: {len(self)} of {self.n_members} trained", f"Model ID: {kind}"]
        if self.calibration is not None:
            lines.append(f"Factors on the predicted spreads: {self.calibration}")
        return "\n".join(lines)

    @property
    def name(self):
        """What it is, in words."""
        return f"Deep ensemble of {self.n_members} {type(self.template).__name__}"

    @property
    def has_model(self):
        """Whether there are two trained members, as it takes for a prediction."""
        return len(self) > 1

    @property
    def histories(self):
        """Histories of the members' last trainings."""
        return [net.history for net in self.members]

    @property
    def train_idx(self):
        """Rows of the last training's arrays that the members were trained on; None before."""
        return self._nets[0].train_idx if self._nets else None

    @property
    def val_idx(self):
        """Rows of the last training's arrays that were held back from all members; None before."""
        return self._nets[0].val_idx if self._nets else None

    # Use ----------------------------------------------------------------------------------------------------

    def as_table(self, pred, pred_std=None):
        """Predicted labels as a table; see `NeuralNetMaster.as_table`.

        Parameters
        ----------
        pred : array
            What `predict` gave.
        pred_std : dict of arrays, optional
            Likewise.

        Returns
        -------
        astropy.table.Table
            With the names and units of the labels.
        """
        self.has_model_check()
        return self.members[0].as_table(pred, pred_std)

    def citation(self):
        """What to cite, in BibTeX; see `NeuralNetMaster.citation`.

        Returns
        -------
        str
            Entries of the members' kind, and of ensembles.
        """
        return super().citation()

    def save(self, name=None, if_exists="rename"):
        """Save the ensemble into one folder, from which `load_folder` brings it back.

        In it stand a JSON file and the folders ``member_001``, ``member_002``, ... of the members, each of which is
        that of a network, too. A member whose training was interrupted is saved with the state of its training.

        Parameters
        ----------
        name : str or Path, optional
            Name of the folder. Default: `folder_name`, else ``astroNN_MMDD_runNNN``.
        if_exists : {"rename", "error", "replace"}, optional
            As in `NeuralNetMaster.save`. The folder is written whole or not at all.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        AttributeError
            If no member was trained.
        FileExistsError
            If the folder exists and `if_exists` is ``"error"``.
        OSError
            If the place can't be written.
        """
        if not self._nets:
            raise AttributeError("No member of this ensemble is trained: call `fit` first.")
        return save_ensemble(self, name, if_exists)

    def has_model_check(self):
        """Raise AttributeError if fewer than two members are trained."""
        if not self.has_model:
            raise AttributeError(
                f"{len(self)} of {self.n_members} members are trained; it takes two at least. Train them with "
                "`fit`, or load one with `astroNN.models.load_folder`."
            )

    # What these share ---------------------------------------------------------------------------------------

    def _cited_kinds(self):
        return (*type(self.template).__mro__, *type(self).__mro__)

    @property
    def _is_bayesian(self):
        return isinstance(self.template, BayesianCNNBase)

    def _given(self, method, **arguments):
        """Those arguments that are given, if the members' method takes them."""
        self._refuse(method, **arguments)
        return {name: value for name, value in arguments.items() if value is not None}

    def _refuse(self, method, **arguments):
        taken = inspect.signature(getattr(type(self.template), method)).parameters
        for name, value in arguments.items():
            if value is not None and name not in taken:
                raise TypeError(
                    f"{method}: `{name}` has no meaning for an ensemble of {type(self.template).__name__}, whose "
                    f"`{method}` does not take it."
                )
