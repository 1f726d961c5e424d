"""The settings of an ensemble's members, as attributes of the ensemble."""

import difflib
import inspect

from astroNN.models._copied import untrained_copy
from astroNN.models.base_master_nn import NeuralNetMaster
from astroNN.models.base_vae import ConvVAEBase
from astroNN.shared.errors import ConfigurationError

__all__ = ["MemberSettings", "template_of"]

_OF_MEMBERS_ALONE = ("predict_encoder", "predict_decoder", "jacobian_latent", "test_encoder", "test_decoder")
#: attributes of networks that an ensemble has for itself, or that say nothing of its members
_NO_SETTINGS = frozenset(
    "name seed autosave folder_name fullfilepath currentdir calibration calibration_propagated".split()
)


class MemberSettings:
    """What lets `DeepEnsemble` take the settings of its members, and refuse what is none."""

    def __init__(self, template, n_members):
        if template.checkpoint is not None:
            raise _no_checkpoint("checkpoint")
        own = {"template": template, "n_members": n_members, "_nets": [], "seed": template.seed}
        own |= {"autosave": bool(template.autosave), "folder_name": None, "fullfilepath": None}
        own |= {"calibration": None, "calibration_propagated": None}
        vars(self).update(own, _n_done=0, _is_first_round=True, _interrupted=False)
        template.seed, template.autosave = None, False

    def __getattr__(self, name):
        # Called only for what is not found otherwise; while a pickle is read there is nothing yet.
        template = vars(self).get("template")
        if template is not None and name in _settings_of(template):
            return getattr(template, name)
        if name in _OF_MEMBERS_ALONE and isinstance(template, ConvVAEBase):
            raise AttributeError(
                f"An ensemble has no `{name}`: each member has latent variables of its own, in which the same number "
                "means something else, so that a mean over members means nothing. Use one of them: "
                f"ensemble.members[0].{name}(...)."
            )
        raise AttributeError(f"DeepEnsemble has no attribute {name!r}; what a member has is at ensemble.members[0].")

    def __setattr__(self, name, value):
        if name in ("n_members", "template"):
            raise ConfigurationError(f"DeepEnsemble: `{name}` is fixed when the ensemble is made; make a new one.")
        if name in vars(self):
            vars(self)[name] = value
            return
        settings = _settings_of(self.template)
        if name in ("checkpoint", "checkpoint_epochs"):
            raise _no_checkpoint(name)
        if name not in settings:
            similar = difflib.get_close_matches(name, settings, n=1)
            hint = f" Did you mean {similar[0]!r}?" if similar else ""
            raise ConfigurationError(f"DeepEnsemble: {type(self.template).__name__} has no setting {name!r}.{hint}")
        for net in (self.template, *self._nets):
            setattr(net, name, value)

    def __dir__(self):
        return sorted({*super().__dir__(), *_settings_of(self.template)})


def _no_checkpoint(name):
    return ConfigurationError(
        f"DeepEnsemble: `{name}` is for single networks, as all members would write into one folder. Set "
        "autosave=True: the ensemble is saved whenever a member is trained."
    )


def template_of(network):
    """An untrained network with the settings of the one that was given."""
    if isinstance(network, NeuralNetMaster):
        return untrained_copy(network)
    is_class = isinstance(network, type) and issubclass(network, NeuralNetMaster) and not inspect.isabstract(network)
    if not is_class:
        raise TypeError(
            "DeepEnsemble: `network` must be a class of networks, such as astroNN.models.ApogeeBCNN, or an instance "
            f"with the settings of all members; got {network!r}."
        )
    try:
        inspect.signature(network).bind()
    except TypeError as error:
        raise TypeError(
            f"DeepEnsemble: {network.__name__} can't be made without arguments ({error}). Give an instance: "
            f"DeepEnsemble({network.__name__}(...))."
        ) from error
    return network()


def _settings_of(template):
    """Names of the attributes that say how a network is built, trained and used."""
    blank = object.__new__(type(template))
    blank._forget_data()
    return [
        name
        for name in vars(template)
        if not name.startswith("_") and name not in vars(blank) and name not in _NO_SETTINGS
    ]
