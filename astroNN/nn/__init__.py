"""Building blocks for networks on data with errors and gaps: losses, metrics, layers, callbacks, utilities."""

from astroNN.nn._reductions import intpow_avx2, reduce_var
from astroNN.nn.losses import magic_correction_term

__all__ = ["intpow_avx2", "magic_correction_term", "nn_obj_lookup", "reduce_var"]


def nn_obj_lookup(identifier, module_obj=None, module_name="default_obj"):
    """Object of a given name in a module.

    Parameters
    ----------
    identifier : str
        Name to look up.
    module_obj : dict
        Name to object, usually a module's ``globals()``.
    module_name : str, optional
        Named in the error.

    Returns
    -------
    object
        What stands under the name.

    Raises
    ------
    ValueError
        If there is no such name.
    """
    found = (module_obj or {}).get(identifier)
    if found is None:
        raise ValueError(f"Unknown function: {module_name}.{identifier}")
    return found
