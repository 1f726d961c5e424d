"""Jacobians: how every label answers to every pixel."""

import numpy as np

from astroNN.models.inspection._gradients import LatentChain, StarGradients
from astroNN.models.inspection._stars import (
    MAX_MEMORY,
    check_memory,
    checked_stars,
    closing_files,
    label_unit,
    mean_network,
    missing_pixels,
    n_outputs,
    normalised_blocks,
    pixel_shape,
    pixel_unit,
    thinned_network,
)
from astroNN.nn.layers._graph import without_dropout

__all__ = [
    "jacobian_blocks",
    "latent_jacobian",
    "mean_network",
    "network_jacobian",
    "star_gradients",
]

_BLOCK_ELEMENTS = 32_000_000  # 128 MB of float32 in one block of Jacobians
_MANY_STARS = 50  # from so many on compiling longer has paid for itself
_WAYS = "Give fewer stars, mean_output=True (which needs the memory of one star), or a larger `max_memory`."


def star_gradients(net, thinned=False, input_name="input", output_name="output"):
    """Compiled first derivatives of a network, kept with it until it is built anew.

    Parameters
    ----------
    net : NeuralNetMaster
        Built.
    thinned : bool, optional
        With dropout on. Default False: of the mean network.
    input_name, output_name : str, optional
        What is differentiated with respect to what. Defaults ``"input"`` and ``"output"``.

    Returns
    -------
    StarGradients or LatentChain
        The latter of an autoencoder's reconstruction, in two steps.
    """
    key = (thinned, input_name, output_name)
    if key not in net._derivatives:
        encoder = getattr(net, "keras_encoder", None)
        if encoder is not None and output_name == "output" and not thinned:
            parts = without_dropout(encoder), without_dropout(net.keras_decoder)
            net._derivatives[key] = LatentChain(*parts, input_name)
        else:
            model = thinned_network(net) if thinned else mean_network(net)
            net._derivatives[key] = StarGradients(model, input_name, output_name)
    return net._derivatives[key]


def jacobian_blocks(net, inputs, masks, thinned=False, input_name="input", output_name="output"):
    """Jacobians of blocks of stars, in normalised units, of the mean network or of `thinned` ones (dropout on).

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.
    inputs, masks : dict of arrays
        By input name, checked, in physical units.
    thinned, input_name, output_name : bool, str, str, optional
        As in `star_gradients`.

    Yields
    ------
    rows : array of int
        Rows of the inputs.
    jacobian : array of float32, shape (n_rows, n_labels, ...)
        Zero where a pixel is missing: it does not reach the network.
    """
    gradients = star_gradients(net, thinned, input_name, output_name)
    of_a_star = gradients.n_outputs * gradients.n_pixels
    step = max(1, min(gradients.stars_at_once(gradients.n_outputs), _BLOCK_ELEMENTS // of_a_star))
    n_stars = len(inputs["input"])
    for rows, block in normalised_blocks(net, inputs, masks, min(step, n_stars)):
        jacobian = gradients(block, is_one_of_many=n_stars >= _MANY_STARS)[: len(rows)]
        missing = missing_pixels(net, inputs, masks, rows, input_name)
        yield rows, jacobian * ~missing[:, None] if missing.any() else jacobian


def network_jacobian(net, x, mean_output=False, mc_num=None, denormalize=False, mask=None, max_memory=MAX_MEMORY,
                     input_name="input"):  # fmt: skip
    """Jacobian of a network; see `Inspected.jacobian`.

    Parameters
    ----------
    net : NeuralNetMaster
        Trained.
    x : array
        As there.
    mean_output, mc_num, denormalize, mask, max_memory, input_name : optional
        As there.

    Returns
    -------
    array of float32, shape (n_stars, n_labels, n_pixels) or (n_labels, n_pixels)
        As there.
    """
    inputs, masks = checked_stars(net, "jacobian", x, mask, input_name, mc_num)
    scale = None
    if denormalize:
        unit = pixel_unit(net, input_name)
        scale = label_unit(net).reshape(-1, *[1] * unit.ndim) / unit
    check_memory("jacobian", _result_shape(net, inputs, mean_output, input_name), max_memory, _WAYS)
    with closing_files(inputs, masks):
        return _collected(net, inputs, masks, mean_output, mc_num, scale, input_name)


def latent_jacobian(net, x, mean_output=False, denormalize=False, mask=None, max_memory=MAX_MEMORY):
    """Jacobian of an autoencoder's latent means; see `ConvVAEBase.jacobian_latent`.

    Parameters
    ----------
    net : ConvVAEBase
        Trained.
    x : array
        As there.
    mean_output, denormalize, mask : optional
        As there.
    max_memory : float, optional
        Largest size of the result in bytes. Default 2e9.

    Returns
    -------
    array of float32, shape (n_stars, latent_dim, n_pixels) or (latent_dim, n_pixels)
        As there.
    """
    inputs, masks = checked_stars(net, "jacobian_latent", x, mask)
    scale = 1.0 / pixel_unit(net) if denormalize else None
    check_memory("jacobian_latent", _result_shape(net, inputs, mean_output, "input", "z_mean"), max_memory, _WAYS)
    with closing_files(inputs, masks):
        return _collected(net, inputs, masks, mean_output, None, scale, "input", "z_mean")


def _result_shape(net, inputs, mean_output, input_name, output_name="output"):
    of_a_star = (n_outputs(net, output_name), *pixel_shape(net, input_name))
    return of_a_star if mean_output else (len(inputs["input"]), *of_a_star)


def _collected(net, inputs, masks, mean_output, mc_num, scale, input_name, output_name="output"):
    """Jacobians of all stars, or their mean, averaged over networks, in one array that is filled in place."""
    n_stars, n_networks = len(inputs["input"]), mc_num or 1
    result = np.zeros(_result_shape(net, inputs, mean_output, input_name, output_name), dtype="float32")
    for _ in range(n_networks):
        for rows, block in jacobian_blocks(net, inputs, masks, mc_num is not None, input_name, output_name):
            block = block.reshape(len(rows), *result.shape[0 if mean_output else 1 :])
            part = slice(rows[0], rows[-1] + 1)  # written in place, which picked rows are not
            if mean_output:
                result += block.sum(axis=0) / (n_networks * n_stars)
            elif n_networks == 1:
                result[part] = block
            else:
                result[part] += block / n_networks
    if scale is not None:
        result *= scale
    return result
