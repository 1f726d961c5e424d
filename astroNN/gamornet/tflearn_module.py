"""The functions of GaMorNet's earlier package for its TFLearn flavour, on Keras.

TFLearn itself is not needed. Its checkpoints are read by TensorFlow; what is trained here is written as Keras does.
A script that imports from ``gamornet.tflearn_module`` runs after a change of that to
``astroNN.gamornet.tflearn_module``.
"""

import keras

from astroNN.gamornet._drop_in_checks import check_flag, layer_choice
from astroNN.gamornet._networks import predict_classes
from astroNN.gamornet._training import Training, prepared
from astroNN.gamornet._training_files import LatestSnapshots, file_prefix, make_folder
from astroNN.shared.setting_checks import check_at_least

__all__ = ["gamornet_predict_tflearn", "gamornet_tl_tflearn", "gamornet_train_tflearn"]

_FLAVOUR = "tflearn"


def gamornet_predict_tflearn(
    img_array, model_load_path, input_shape, batch_size=64, individual_arrays=False,
    trainable_bools=[True] * 8, clear_session=False,  # documented so, and only read
):  # fmt: skip
    """Probabilities that galaxies are disks, indeterminate, or bulges.

    Parameters
    ----------
    img_array : array, shape (n, height, width, bands)
        Images as they are, without any normalisation. A memory map or an HDF5 data set is read by blocks.
    model_load_path : str or Path
        Checkpoint, given by what its files have in common (``"runs/check-1200"``): of TFLearn, or of
        `gamornet_train_tflearn`. Or another file of weights, or the name of released ones, ``"SDSS_sim"``,
        ``"SDSS_tl"``, ``"CANDELS_sim"``, ``"CANDELS_tl"``, fetched the first time.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands: (167, 167, 1), (83, 83, 1), or others.
    batch_size : int, optional
        Images at a time, default 64; changes no result.
    individual_arrays : bool, optional
        Give three arrays, one a class. Default False.
    trainable_bools : list of 8 bool, or str, optional
        Taken for the sake of old scripts; without effect.
    clear_session : bool, optional
        Clear the global state of Keras first (`keras.utils.clear_session`). Default False.

    Returns
    -------
    array of float32, shape (n, 3), or tuple of three arrays, each of shape (n,)
        Probabilities of disk, indeterminate and bulge, in the order of the images. A progress bar is shown.

    Raises
    ------
    ValueError, TypeError
        If images are not of this shape or hold NaN or infinite pixels, or an argument can't be used.
    FileNotFoundError
        If there is no such file, and no released weights of that name.
    FolderError
        (a ValueError and an OSError) If the file is damaged, or holds a network for another shape.
    ImportError
        For a checkpoint of TFLearn, if TensorFlow is not installed.
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
    >>> from astroNN.gamornet.tflearn_module import gamornet_predict_tflearn
    >>> probabilities = gamornet_predict_tflearn(images, "CANDELS_tl", "CANDELS")  # doctest: +SKIP
    """
    layer_choice("trainable_bools", trainable_bools)
    _begin(clear_session)
    settings = (model_load_path, input_shape, batch_size, individual_arrays)
    return predict_classes(_FLAVOUR, img_array, *settings, verbose=1)


def gamornet_train_tflearn(
    training_imgs, training_labels, validation_imgs, validation_labels, input_shape, files_save_path="./", epochs=100,
    max_checkpoints=1, batch_size=64, lr=0.0001, momentum=0.9, decay=0.0, nesterov=False,
    loss="categorical_crossentropy", load_model=False, model_load_path="./", save_model=True, show_metric=True,
    clear_session=False,
):  # fmt: skip
    """Train a network from fresh weights.

    Parameters
    ----------
    training_imgs, training_labels, validation_imgs, validation_labels : array
        Images as they are and one-hot labels (disk, indeterminate, bulge), as in
        `astroNN.gamornet.keras_module.gamornet_train_keras`.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands.
    files_save_path : str, Path or None, optional
        What is put in front of the names of files, as there: ``"runs/"`` is a folder, ``"runs/first_"`` a folder and
        the beginning of the names. None or ``"/dev/null"``: write nothing. Default ``"./"``.
    epochs : int, optional
        Passes over the training set. Default 100.
    max_checkpoints : int or None, optional
        How many snapshots of this training stay, the latest; 0 or None: all. Default 1.
    batch_size : int, optional
        Images a step, default 64.
    lr : float or keras.optimizers.schedules.LearningRateSchedule, optional
        Learning rate, default 1e-4.
    momentum : float, optional
        0 to 1, default 0.9.
    decay : float, optional
        The d of the learning rate ``lr d^(t / 100)`` at update t, if it is above 0: another rule than that of the
        Keras flavour, and other values. Default 0, a constant rate.
    nesterov : bool, optional
        Whether the momentum is Nesterov's. Default False.
    loss : str or callable, optional
        Name of a loss of Keras (not of TFLearn), or a function of labels and predictions, in this order. Default
        ``"categorical_crossentropy"``.
    load_model : bool, optional
        Start from saved weights instead. Default False. `gamornet_tl_tflearn` can do more.
    model_load_path : str or Path, optional
        Of these weights, as in `gamornet_predict_tflearn`.
    save_model : bool, optional
        Save a snapshot of the weights after every epoch. Default True.
    show_metric : bool, optional
        Show the accuracy with the loss. Default True.
    clear_session : bool, optional
        Clear the global state of Keras first (`keras.utils.clear_session`). Default False.

    Returns
    -------
    keras.Model
        Trained; it takes plain arrays of images, where the earlier package gave a ``DNN`` of TFLearn.

    Raises
    ------
    ValueError, TypeError
        If images or labels are not of these shapes, their counts differ, pixels are NaN or infinite, labels not
        one-hot, or a setting can't be used; before anything is trained.
    OSError
        If a file can't be read or written.

    Notes
    -----
    The norm of the gradient of all weights together is limited to 5. Snapshots are the files
    ``check-<step>.weights.h5`` behind what `files_save_path` says, with the number of updates; each appears when it
    is complete, and an older one goes after that. They are loaded by ``check-<step>``, as those of TFLearn. When the
    learning rate falls, momentum follows Keras (old steps keep the rate that they were made with), not TFLearn (they
    get the new rate).

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112.

    Examples
    --------
    >>> from astroNN.gamornet.tflearn_module import gamornet_train_tflearn
    >>> model = gamornet_train_tflearn(
    ...     images, labels, other_images, other_labels, "CANDELS", files_save_path="runs/", max_checkpoints=3
    ... )  # doctest: +SKIP
    """
    check_flag("load_model", load_model)
    training = _training(epochs, batch_size, lr, momentum, decay, nesterov, loss, show_metric)
    data = (training_imgs, training_labels, validation_imgs, validation_labels)
    files = (files_save_path, max_checkpoints, save_model)
    choices = (model_load_path, [load_model] * 8, [True] * 8)
    return _trained(training, data, input_shape, files, clear_session, *choices)


def gamornet_tl_tflearn(
    training_imgs, training_labels, validation_imgs, validation_labels, input_shape,
    load_layers_bools=[True] * 8, trainable_bools=[True] * 8,  # documented so, and only read
    model_load_path="./", files_save_path="./", epochs=100, max_checkpoints=1, batch_size=64, lr=0.00001,
    momentum=0.9, decay=0.0, nesterov=False, loss="categorical_crossentropy", save_model=True, show_metric=True,
    clear_session=False,
):  # fmt: skip
    """Train a network on, from the weights of another (transfer learning).

    Parameters
    ----------
    training_imgs, training_labels, validation_imgs, validation_labels : array
        Images and one-hot labels, as in `gamornet_train_tflearn`.
    input_shape : {"SDSS", "CANDELS"} or tuple of 3 int
        Height, width and bands.
    load_layers_bools : list of 8 bool, or str, optional
        Whether the layers 2, 5, 8, 9, 10 (convolutions), 13, 15 and 17 (dense) start from the weights of the other
        network (default), or afresh. Or the name of such a list, as in
        `astroNN.gamornet.keras_module.gamornet_tl_keras`.
    trainable_bools : list of 8 bool, or str, optional
        Whether these layers are trained (default), or keep the weights that they start from. Or a name.
    model_load_path : str or Path
        The other network, as in `gamornet_predict_tflearn`.
    files_save_path : str, Path or None, optional
        As in `gamornet_train_tflearn`, and with the same files.
    epochs, max_checkpoints, batch_size : int, optional
        Defaults 100, 1 (the latest snapshot) and 64.
    lr : float or keras.optimizers.schedules.LearningRateSchedule, optional
        Learning rate, default 1e-5: a tenth of that from fresh weights.
    momentum, decay : float, optional
        Defaults 0.9 and 0, as in `gamornet_train_tflearn`.
    nesterov : bool, optional
        Whether the momentum is Nesterov's. Default False.
    loss : str or callable, optional
        Default ``"categorical_crossentropy"``.
    save_model : bool, optional
        Save a snapshot of the weights after every epoch. Default True.
    show_metric : bool, optional
        Show the accuracy with the loss. Default True.
    clear_session : bool, optional
        Clear the global state of Keras first (`keras.utils.clear_session`). Default False.

    Returns
    -------
    keras.Model
        Trained; it takes plain arrays of images.

    Raises
    ------
    ValueError, TypeError, OSError, ImportError
        As `gamornet_train_tflearn` and `gamornet_predict_tflearn`; if a list is not 8 times True or False, or no
        layer is to be trained.

    References
    ----------
    Ghosh et al. 2020, ApJ 895, 112, section 4.

    Examples
    --------
    >>> from astroNN.gamornet.tflearn_module import gamornet_tl_tflearn
    >>> model = gamornet_tl_tflearn(
    ...     images, labels, other_images, other_labels, "SDSS", "load_bools_SDSS", model_load_path="SDSS_sim"
    ... )  # doctest: +SKIP
    """
    training = _training(epochs, batch_size, lr, momentum, decay, nesterov, loss, show_metric)
    data = (training_imgs, training_labels, validation_imgs, validation_labels)
    files = (files_save_path, max_checkpoints, save_model)
    choices = (model_load_path, load_layers_bools, trainable_bools)
    return _trained(training, data, input_shape, files, clear_session, *choices)


def _training(epochs, batch_size, lr, momentum, decay, nesterov, loss, show_metric):
    check_flag("show_metric", show_metric)
    metrics = ("accuracy",) if show_metric else ()
    return Training(_FLAVOUR, epochs, batch_size, lr, momentum, decay, nesterov, loss, metrics=metrics)


def _trained(training, data, input_shape, files, clear_session, *choices):
    """Train and write the files; `choices` are the last arguments of `prepared`."""
    files_save_path, max_checkpoints, save_model = files
    check_flag("save_model", save_model)
    max_checkpoints = 0 if max_checkpoints is None else max_checkpoints
    check_at_least("max_checkpoints", max_checkpoints, 0)
    prefix = file_prefix(files_save_path)
    _begin(clear_session)
    model, *pairs = prepared(training, data, input_shape, *choices)
    callbacks = []
    if prefix is not None and save_model:
        make_folder(prefix)
        callbacks.append(LatestSnapshots(prefix, max_checkpoints, _FLAVOUR))
    return training.run(model, *pairs, callbacks)


def _begin(clear_session):
    check_flag("clear_session", clear_session)
    if clear_session:
        keras.utils.clear_session()
