"""A folder that is renewed while a network trains, so that a killed training can go on."""

import tempfile
import warnings
from pathlib import Path

from astroNN.models.persistence.folder import fill_folder, refuse_to_replace_other_things
from astroNN.shared.files import atomic_folder, recover_folder

__all__ = ["check_checkpoint_place", "write_checkpoint"]


def check_checkpoint_place(net, resume):
    """Raise, before a training starts, if its checkpoint can't be written or would replace another network.

    Parameters
    ----------
    net : NeuralNetMaster
        Its ``checkpoint`` is the folder, None for none.
    resume : bool
        Whether its last training goes on; then the folder that it was loaded from may be replaced.

    Raises
    ------
    FileExistsError
        If something stands there that is not this network's own.
    OSError
        If the place can't be written.
    """
    if net.checkpoint is None:
        return
    path = _place(net)
    recover_folder(path)
    is_own = net._last_checkpoint == str(path) or (resume and net.fullfilepath == str(path))
    if path.exists() and not is_own:
        refuse_to_replace_other_things(path)
        raise FileExistsError(
            f"checkpoint: {path} exists already; nothing was written. To go on with the training in it load it with "
            "`load_folder` and call fit(..., resume=True). For a new training name another folder, or delete this."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # Better now than after the first epochs.
    tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.").cleanup()


def write_checkpoint(net):
    """Put the network and the state of its training into its checkpoint folder, in the place of the last ones.

    The weights in it are those of the best epoch if the network keeps these. If it can't be written (a full disk),
    the training goes on with a warning.

    Parameters
    ----------
    net : NeuralNetMaster
        In training, at the end of an epoch.
    """
    path = _place(net)
    best = net._training_state.arrays.get("best") if net.keep_best else None
    try:
        with atomic_folder(path, "replace") as draft:
            fill_folder(net, draft.folder, training_state=True, weights=best)
    except OSError as error:
        warnings.warn(
            f"The checkpoint {path} could not be written: {error}. The training goes on; the last checkpoint, if "
            "there is one, is whole.",
            stacklevel=2,
        )
        return
    net._last_checkpoint = str(path)


def _place(net):
    return Path(net.checkpoint).expanduser().absolute()
