"""The functions of GaMorNet's earlier package for its Keras flavour, with their documented arguments and files.

A script that imports from ``gamornet.keras_module`` runs after a change of that to ``astroNN.gamornet.keras_module``.
"""

import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from astroNN.gamornet._drop_in_checks import check_flag, checked_images, checked_shape, layer_choice, one_hot_labels
from astroNN.gamornet._networks import found_weights, new_model, predict_classes
from astroNN.gamornet._training import Training, prepared
from astroNN.gamornet._training_files import EpochCheckpoints, MetricsFile, file_prefix, make_folder, save_whole
from astroNN.gamornet._weights import load_weights
from astroNN.models.misc_models.gamornet import checked_input_shape
from astroNN.nn.layers import SpatialResponseNormalization
from astroNN.shared.downloads import download
from astroNN.shared.setting_checks import check_at_least

__all__ = [
    "LocalResponseNormalization",
    "check_bools_validity",
    "check_imgs_validity",
    "check_input_shape_validity",
    "check_labels_validity",
    "gamornet_build_model_keras",
    "gamornet_load_model_keras",
    "gamornet_predict_keras",
    "gamornet_tl_keras",
    "gamornet_train_keras",
    "get_model_from_link_keras",
]

_FLAVOUR = "keras"

LocalResponseNormalization = SpatialResponseNormalization


def gamornet_predict_keras(img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False):
    """Probabilities that galaxies are disks, indeterminate, or bulges.

    Parameters
    ----------
    img_array : array, shape (n, height, width, bands)
        Images as they are, without any normalisation. A memory map or an HDF5 data set is read by blocks.
    model_load_path : str or Path
        Saved network or weights, or the name of released ones: ``"SDSS_sim"``, ``"SDSS_tl"``, ``"CANDELS_sim"``,
        ``"CANDELS_tl"``, fetched the first time.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands: (167, 167, 1), (83, 83, 1), or others.
    batch_size : int, optional
        Images at a time, default 64; changes no result.
    individual_arrays : bool, optional
        Give three arrays, one a class. Default False.

    Returns
    -------
    array of float32, shape (n, 3), or tuple of three arrays, each of shape (n,)
        Probabilities of disk, indeterminate and bulge, in the order of the images.

    Raises
    ------
    ValueError, TypeError
        If images are not of this shape or hold NaN or infinite pixels, or an argument can't be used.
    FileNotFoundError
        If there is no such file, and no released weights of that name.
    FolderError
        (a ValueError and an OSError) If the file is damaged, or holds a network for another shape.
    ConnectionError
        If released weights can't be fetched; tells how to do so by hand.

    See Also
    --------
    astroNN.gamornet.classify : Classes from probabilities.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112.

    Examples
    --------
    >>> from astroNN.gamornet.keras_module import gamornet_predict_keras
    >>> probabilities = gamornet_predict_keras(images, "SDSS_tl", "SDSS")  # doctest: +SKIP
    """
    return predict_classes(_FLAVOUR, img_array, model_load_path, input_shape, batch_size, individual_arrays)


def gamornet_train_keras(
    training_imgs, training_labels, validation_imgs, validation_labels, input_shape, files_save_path="./", epochs=100,
    checkpoint_freq=0, batch_size=64, lr=0.0001, momentum=0.9, decay=0.0, nesterov=False,
    loss="categorical_crossentropy", load_model=False, model_load_path="./", save_model=True, verbose=1,
):  # fmt: skip
    """Train a network from fresh weights.

    Parameters
    ----------
    training_imgs : array, shape (n, height, width, bands)
        Images as they are, without any normalisation; all in memory while the network is trained.
    training_labels : array, shape (n, 3)
        One-hot: disk, indeterminate, bulge.
    validation_imgs, validation_labels : array
        The same of galaxies that the network is judged by after every epoch.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands.
    files_save_path : str, Path or None, optional
        What is put in front of the names of files: ``"runs/"`` is a folder, ``"runs/first_"`` a folder and the
        beginning of the names. A `Path` is a folder. None or ``"/dev/null"``: write nothing. Default ``"./"``.
    epochs : int, optional
        Passes over the training set. Default 100.
    checkpoint_freq : int, optional
        Save the whole network every so many epochs. Default 0: never.
    batch_size : int, optional
        Images a step, default 64.
    lr : float or keras.optimizers.schedules.LearningRateSchedule, optional
        Learning rate, default 1e-4.
    momentum : float, optional
        0 to 1, default 0.9.
    decay : float, optional
        The d of the learning rate ``lr / (1 + d t)`` at update t. Default 0.
    nesterov : bool, optional
        Whether the momentum is Nesterov's. Default False.
    loss : str or callable, optional
        Name of a loss of Keras, or a function of labels and predictions. Default ``"categorical_crossentropy"``.
    load_model : bool, optional
        Start from saved weights instead. Default False. `gamornet_tl_keras` can do more.
    model_load_path : str or Path, optional
        Of these weights, as in `gamornet_predict_keras`.
    save_model : bool, optional
        Save the whole network at the end. Default True.
    verbose : int, optional
        0 silent, 1 a progress bar (default), 2 a line an epoch.

    Returns
    -------
    keras.Model
        Trained; it takes plain arrays of images.

    Raises
    ------
    ValueError, TypeError
        If images or labels are not of these shapes, their counts differ, pixels are NaN or infinite, labels not
        one-hot, or a setting can't be used; before anything is trained.
    OSError
        If a file can't be read or written.

    Notes
    -----
    Files, behind what `files_save_path` says: ``metrics.csv``, renewed after every epoch (columns epoch, accuracy,
    loss, val_accuracy, val_loss; epochs count from 0), ``model_<epoch>.hdf5`` (count from 1, two digits at least),
    and ``trained_model.hdf5``. Each appears when it is complete. Existing ones are replaced. Once this module is
    imported, `keras.models.load_model` reads the networks with their optimisers.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112.

    Examples
    --------
    >>> from astroNN.gamornet.keras_module import gamornet_train_keras
    >>> model = gamornet_train_keras(
    ...     images, labels, other_images, other_labels, "CANDELS", files_save_path="runs/first_", epochs=50
    ... )  # doctest: +SKIP
    """
    check_flag("load_model", load_model)
    training = Training(_FLAVOUR, epochs, batch_size, lr, momentum, decay, nesterov, loss, verbose)
    data = (training_imgs, training_labels, validation_imgs, validation_labels)
    choices = (model_load_path, [load_model] * 8, [True] * 8)
    return _trained(training, data, input_shape, files_save_path, checkpoint_freq, save_model, *choices)


def gamornet_tl_keras(
    training_imgs, training_labels, validation_imgs, validation_labels, input_shape,
    load_layers_bools=[True] * 8, trainable_bools=[True] * 8,  # documented so, and only read
    model_load_path="./", files_save_path="./", epochs=100, checkpoint_freq=0, batch_size=64, lr=0.00001,
    momentum=0.9, decay=0.0, nesterov=False, loss="categorical_crossentropy", save_model=True, verbose=1,
):  # fmt: skip
    """Train a network on, from the weights of another (transfer learning).

    Parameters
    ----------
    training_imgs, training_labels, validation_imgs, validation_labels : array
        Images and one-hot labels, as in `gamornet_train_keras`.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands.
    load_layers_bools : list of 8 bool, or str, optional
        Whether the layers 2, 5, 8, 9, 10 (convolutions), 13, 15 and 17 (dense) start from the weights of the other
        network (default), or afresh. Or one of ``"load_bools_SDSS"`` (the convolutions), ``"load_bools_CANDELS"``
        (all but the last two), ``"train_bools_SDSS"`` (all) and ``"train_bools_CANDELS"`` (all but the first three).
    trainable_bools : list of 8 bool, or str, optional
        Whether these layers are trained (default), or keep the weights that they start from. Or one of these names.
    model_load_path : str or Path
        The other network, as in `gamornet_predict_keras`.
    files_save_path : str, Path or None, optional
        As in `gamornet_train_keras`, and with the same files.
    epochs, checkpoint_freq, batch_size : int, optional
        Defaults 100, 0 (no checkpoints) and 64.
    lr : float or keras.optimizers.schedules.LearningRateSchedule, optional
        Learning rate, default 1e-5: a tenth of that from fresh weights.
    momentum, decay : float, optional
        Defaults 0.9 and 0, as in `gamornet_train_keras`.
    nesterov : bool, optional
        Whether the momentum is Nesterov's. Default False.
    loss : str or callable, optional
        Default ``"categorical_crossentropy"``.
    save_model : bool, optional
        Save the whole network at the end. Default True.
    verbose : int, optional
        0 silent, 1 a progress bar (default), 2 a line an epoch.

    Returns
    -------
    keras.Model
        Trained; it takes plain arrays of images.

    Raises
    ------
    ValueError, TypeError, OSError
        As `gamornet_train_keras` and `gamornet_predict_keras`; if a list is not 8 times True or False, or no layer is
        to be trained.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112, section 4.

    Examples
    --------
    >>> from astroNN.gamornet.keras_module import gamornet_tl_keras
    >>> model = gamornet_tl_keras(
    ...     images, labels, other_images, other_labels, "SDSS", "load_bools_SDSS", "train_bools_SDSS", "SDSS_sim"
    ... )  # doctest: +SKIP
    """
    training = Training(_FLAVOUR, epochs, batch_size, lr, momentum, decay, nesterov, loss, verbose)
    data = (training_imgs, training_labels, validation_imgs, validation_labels)
    choices = (model_load_path, load_layers_bools, trainable_bools)
    return _trained(training, data, input_shape, files_save_path, checkpoint_freq, save_model, *choices)


def gamornet_build_model_keras(input_shape):
    """A network with fresh weights, not compiled.

    Parameters
    ----------
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands.

    Returns
    -------
    keras.Model
        It takes plain arrays of images.

    Raises
    ------
    ValueError
        If the shape can't be used.
    """
    return new_model(_FLAVOUR, checked_shape(input_shape))


def gamornet_load_model_keras(model, model_load_path):
    """Put saved weights into a model of `gamornet_build_model_keras`.

    Parameters
    ----------
    model : keras.Model
        Takes the weights.
    model_load_path : str or Path
        As in `gamornet_predict_keras`.

    Returns
    -------
    keras.Model
        The same.

    Raises
    ------
    ValueError, TypeError, OSError
        As `astroNN.gamornet.load_weights`.
    """
    load_weights(model, found_weights(_FLAVOUR, model_load_path))
    return model


def get_model_from_link_keras(link, model):
    """Fetch weights, put them into a model, and delete the file.

    Parameters
    ----------
    link : str
        Address of a file, ``https://``, ``http://`` or ``ftp://``. Nothing checks that it is the file you expect, but
        that its layers have the shapes of the model.
    model : keras.Model
        Takes the weights.

    Returns
    -------
    keras.Model
        The same.

    Raises
    ------
    ConnectionError
        If the file can't be fetched.
    ValueError, TypeError, OSError
        As `astroNN.gamornet.load_weights`.
    """
    if not isinstance(link, str) or not urlsplit(link).scheme:
        raise ValueError(f"`link` must be an address such as 'https://example.org/model.hdf5', got {link!r}.")
    ending = PurePosixPath(urlsplit(link).path).suffix
    with tempfile.TemporaryDirectory(prefix="gamornet-") as folder:
        return gamornet_load_model_keras(model, download(link, Path(folder, f"model{ending}")))


def check_input_shape_validity(input_shape):
    """Height, width and bands from such numbers or the name of a survey; a ValueError for anything else.

    Parameters
    ----------
    input_shape : {"SDSS", "CANDELS"} or sequence of 3 int
        What is checked.

    Returns
    -------
    tuple of 3 int
        Height, width, bands.

    Examples
    --------
    >>> check_input_shape_validity("SDSS")
    (167, 167, 1)
    """
    return checked_input_shape(input_shape)


def check_imgs_validity(img_array):
    """Raise a ValueError or TypeError unless these are images, numbers of shape (n, height, width, bands).

    Parameters
    ----------
    img_array : array
        What is checked.
    """
    checked_images("img_array", img_array)


def check_labels_validity(labels):
    """Raise a ValueError or TypeError unless these are one-hot labels, of shape (n, 3).

    Parameters
    ----------
    labels : array
        What is checked.
    """
    one_hot_labels("labels", labels)


def check_bools_validity(bools):
    """Eight times True or False, in a new list; a ValueError or TypeError for anything else.

    Parameters
    ----------
    bools : list of 8 bool, or str
        Such a list, or one of the names that `gamornet_tl_keras` documents.

    Returns
    -------
    list of 8 bool
        One for each layer with weights, from the images on.

    Examples
    --------
    >>> check_bools_validity("load_bools_SDSS")
    [True, True, True, True, True, False, False, False]
    """
    return layer_choice("bools", bools)


def _trained(training, data, input_shape, files_save_path, checkpoint_freq, save_model, *choices):
    """Train and write the files; `choices` are the last arguments of `prepared`."""
    check_flag("save_model", save_model)
    check_at_least("checkpoint_freq", checkpoint_freq, 0)
    prefix = file_prefix(files_save_path)
    model, *pairs = prepared(training, data, input_shape, *choices)
    callbacks = []
    if prefix is not None:
        make_folder(prefix)
        callbacks.append(MetricsFile(f"{prefix}metrics.csv"))
        if checkpoint_freq:
            callbacks.append(EpochCheckpoints(prefix, checkpoint_freq, _FLAVOUR))
    training.run(model, *pairs, callbacks)
    if prefix is not None and save_model:
        save_whole(model, f"{prefix}trained_model.hdf5", _FLAVOUR)
    return model
