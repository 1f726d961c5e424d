"""What the functions of the earlier package refuse: before a network is built, and before anything is written."""

import keras
import numpy as np
import pytest

from astroNN.gamornet import _networks, _training
from astroNN.gamornet.keras_module import (
    check_bools_validity,
    check_imgs_validity,
    check_input_shape_validity,
    check_labels_validity,
    get_model_from_link_keras,
)
from tests.gamornet.drop_in import FUNCTIONS, SHAPE, arguments, galaxies

#: argument that is wrong, its value, and what the error says; of trainings
BAD_SETTINGS = {
    "no images": ({"training_imgs": None}, "`training_imgs` must be an array of images.*; got NoneType"),
    "a dictionary": ({"validation_imgs": {"g": np.ones(3)}}, "`validation_imgs` must be an array .*; got dict"),
    "three axes": ({"training_imgs": np.ones((24, 19, 19))}, r"four axes.*\(24, 19, 19\).*np.newaxis"),
    "another size": ({"validation_imgs": np.ones((9, 20, 19, 1))}, r"`validation_imgs` .*\(19, 19, 1\).* \(20, 19"),
    "another band": ({"training_imgs": np.ones((24, 19, 19, 2))}, r"`training_imgs` .*got \(19, 19, 2\)"),
    "NaN": ({"training_imgs": np.full((24, 19, 19, 1), np.nan)}, "`training_imgs` holds pixels.* image 0"),
    "too large": ({"training_imgs": np.full((24, 19, 19, 1), 1e200)}, "`training_imgs` holds pixels.*infinite"),
    "text": ({"training_imgs": np.full((24, 19, 19, 1), "x")}, "`training_imgs` has dtype"),
    "complex": ({"training_imgs": np.full((24, 19, 19, 1), 1j)}, "`training_imgs` has dtype complex"),
    "unequal lengths": ({"training_imgs": [[1.0], [1.0, 2.0]]}, "`training_imgs` can't be made an array"),
    "none at all": ({"validation_imgs": np.ones((0, 19, 19, 1))}, "`validation_imgs` is empty"),
    "counts": ({"training_labels": np.eye(3)[[0, 1]]}, "`training_imgs` and `training_labels` .*24 images and 2 lab"),
    "no labels": ({"validation_labels": None}, "`validation_labels` must be one-hot.*; got NoneType"),
    "numbers of classes": ({"training_labels": np.arange(24) % 3}, "`training_labels` must be .*to_categorical"),
    "four classes": ({"training_labels": np.eye(4)[[0] * 24]}, r"one-hot, of shape \(n, 3\).*\(24, 4\)"),
    "two classes at once": ({"validation_labels": np.ones((9, 3))}, "`validation_labels` .* row 0 is"),
    "fractions": ({"validation_labels": np.full((9, 3), 1 / 3)}, "`validation_labels` .* row 0 is"),
    "a label is NaN": ({"validation_labels": np.full((9, 3), np.nan)}, "`validation_labels` .* row 0 is"),
    "an unknown survey": ({"input_shape": "HSC"}, "`input_shape` must be three whole numbers.*'HSC'"),
    "two numbers": ({"input_shape": (19, 19)}, "`input_shape` must be three whole numbers"),
    "tiny images": ({"input_shape": (19, 10, 1)}, r"`input_shape` must be at least 11x11 pixels.*\(19, 10, 1\)"),
    "epochs": ({"epochs": 0}, "epochs cannot be smaller than 1"),
    "batch_size": ({"batch_size": 1.5}, "batch_size .* must be an integer"),
    "lr": ({"lr": -1.0}, "`lr` must be a number above 0, or a schedule"),
    "lr that is none": ({"lr": np.nan}, "`lr` must be a number above 0, or a schedule"),
    "momentum": ({"momentum": 1.5}, "`momentum` must be a number .*at most 1"),
    "text for a number": ({"momentum": "0.9"}, "`momentum` must be a number .*'0.9'"),
    "decay": ({"decay": -0.1}, "`decay` must be a number of at least 0"),
    "nesterov": ({"nesterov": "False"}, "`nesterov` must be True or False, got 'False'"),
    "loss": ({"loss": "softmax_loss"}, "`loss` must be the name of a loss of Keras"),
    "no loss": ({"loss": None}, "`loss` must be the name of a loss of Keras"),
    "save_model": ({"save_model": 1}, "`save_model` must be True or False"),
    "files_save_path": ({"files_save_path": 3}, "`files_save_path` must be the beginning"),
    "a schedule and decay": (
        {"lr": keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), "decay": 0.1}, "`lr` is a schedule",
    ),
}  # fmt: skip

BAD_CHOICES = {
    "seven": ([True] * 7, "8 times True or False.*got 7 elements"),
    "numbers": ([1] * 8, "8 times True or False"),
    "an unknown name": ("train_bools_HSC", ".*'train_bools_SDSS', .*got 'train_bools_HSC'"),
    "a single one": (True, "8 times True or False"),
    "an array of a single one": (np.array(True), "8 times True or False"),
    "a table": (np.ones((8, 1), bool), "8 times True or False"),
}

#: of one flavour alone
BAD_SETTINGS_OF = {
    "keras": {
        "checkpoint_freq": ({"checkpoint_freq": -1}, "checkpoint_freq cannot be smaller than 0"),
        "verbose": ({"verbose": 7}, "`verbose` must be one of"),
    },
    "tflearn": {
        "max_checkpoints": ({"max_checkpoints": -1}, "max_checkpoints cannot be smaller than 0"),
        "show_metric": ({"show_metric": 1}, "`show_metric` must be True or False"),
        "clear_session": ({"clear_session": "no"}, "`clear_session` must be True or False"),
    },
}

BAD_SOURCES = {
    "nothing": (None, TypeError, "`model_load_path` must be the path .*got NoneType"),
    "the default": ("./", FileNotFoundError, "is a folder, no file of weights"),
    "the root": ("/", FileNotFoundError, "is a folder, no file of weights"),
    "no file": (
        "nowhere/model.hdf5",
        FileNotFoundError,
        "no file .*model.hdf5, nor model.hdf5.index of a checkpoint",
    ),
    "a misprint of the manual": ("SDSS_t1", FileNotFoundError, "'SDSS_sim', .*Did you mean 'SDSS_tl'"),
}

both_flavours = pytest.mark.parametrize("flavour", FUNCTIONS)


@pytest.fixture(autouse=True)
def nothing_is_built_or_written(tmp_path, monkeypatch):
    def build(*_):
        pytest.fail("a network was built")

    monkeypatch.setattr(_networks, "new_model", build)
    monkeypatch.setattr(_training, "new_model", build)
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


# Trainings ----------------------------------------------------------------------------------------------------------


@both_flavours
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_no_training_with_a_setting_that_can_not_be_used(flavour, case):
    changes, match = BAD_SETTINGS[case]
    with pytest.raises((ValueError, TypeError), match=match):
        FUNCTIONS[flavour].train(**arguments(changes, "./"))
    with pytest.raises((ValueError, TypeError), match=match):
        FUNCTIONS[flavour].tl(**arguments({"load_layers_bools": [False] * 8, **changes}, "./"))


@pytest.mark.parametrize(("flavour", "case"), [(f, case) for f, cases in BAD_SETTINGS_OF.items() for case in cases])
def test_no_training_with_a_bad_setting_of_one_flavour(flavour, case):
    changes, match = BAD_SETTINGS_OF[flavour][case]
    for train in (FUNCTIONS[flavour].train, FUNCTIONS[flavour].tl):
        with pytest.raises((ValueError, TypeError), match=match):
            train(**arguments(changes, "./"))


@both_flavours
@pytest.mark.parametrize("argument", ["load_layers_bools", "trainable_bools"])
@pytest.mark.parametrize("case", BAD_CHOICES)
def test_no_transfer_of_layers_that_are_not_told(flavour, argument, case):
    choice, match = BAD_CHOICES[case]
    with pytest.raises((ValueError, TypeError), match=f"`{argument}` must be {match}"):
        FUNCTIONS[flavour].tl(**arguments({argument: choice}, "./"))


@both_flavours
def test_no_transfer_with_nothing_to_train(flavour):
    with pytest.raises(ValueError, match="False for every layer: there is nothing to train"):
        FUNCTIONS[flavour].tl(**arguments({"trainable_bools": [False] * 8}, "./"))


# Weights that are not there -----------------------------------------------------------------------------------------


@both_flavours
@pytest.mark.parametrize("case", BAD_SOURCES)
def test_weights_that_are_not_there(flavour, case):
    source, error, match = BAD_SOURCES[case]
    predict, train, tl = FUNCTIONS[flavour]
    with pytest.raises(error, match=match):
        predict(galaxies(2)[0], source, SHAPE)
    with pytest.raises(error, match=match):
        train(**arguments({"load_model": True, "model_load_path": source}, "./"))
    with pytest.raises(error, match=match):
        tl(**arguments({"model_load_path": source}, "./"))


@both_flavours
def test_whether_to_load_weights_must_be_told_plainly(flavour):
    for value in ("yes", None, 1):
        with pytest.raises(TypeError, match="`load_model` must be True or False"):
            FUNCTIONS[flavour].train(**arguments({"load_model": value}, "./"))


def test_an_address_must_be_one():
    for link in ("model.hdf5", None):
        with pytest.raises(ValueError, match="`link` must be an address"):
            get_model_from_link_keras(link, None)


# Predictions --------------------------------------------------------------------------------------------------------


@both_flavours
def test_no_predictions_for_what_are_no_images_of_this_shape(flavour):
    images, _ = galaxies(5)
    for array, match in (
        (None, "`img_array` must be an array of images"),
        (images[..., 0], "`img_array` must have four axes.*np.newaxis"),
        (images[0], "`img_array` must have four axes"),
        (images[:, :18], r"`img_array` must be images of the shape \(19, 19, 1\).*got \(18, 19, 1\).*Crop"),
        (images[:0], "`img_array` is empty"),
        ([["a"]], "`img_array` has dtype"),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            FUNCTIONS[flavour].predict(array, "SDSS_tl", SHAPE)


@both_flavours
def test_no_predictions_with_a_bad_setting(flavour):
    images, _ = galaxies(2)
    for shape, settings, match in (
        ("sdss", {}, "`input_shape` must be three whole numbers.*'sdss'"),
        ((19.0, 19.0, 1), {}, "`input_shape` must be three whole numbers"),
        (SHAPE, {"batch_size": 0}, "batch_size cannot be smaller than 1"),
        (SHAPE, {"individual_arrays": "no"}, "`individual_arrays` must be True or False"),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            FUNCTIONS[flavour].predict(images, "SDSS_tl", shape, **settings)


@pytest.mark.parametrize("case", BAD_CHOICES)
def test_choices_without_effect_are_checked_all_the_same(case):
    choice, match = BAD_CHOICES[case]
    with pytest.raises((ValueError, TypeError), match=f"`trainable_bools` must be {match}"):
        FUNCTIONS["tflearn"].predict(galaxies(2)[0], "SDSS_tl", SHAPE, trainable_bools=choice)


# Helpers ------------------------------------------------------------------------------------------------------------


def test_the_checks_of_the_earlier_package_pass_what_is_right_and_refuse_what_is_not():
    images, labels = galaxies()
    assert check_input_shape_validity("SDSS") == (167, 167, 1)
    assert check_input_shape_validity([83, 83, 1]) == (83, 83, 1)
    assert check_imgs_validity(images) is None and check_labels_validity(labels) is None
    for check, value, match in (
        (check_input_shape_validity, "SDSS_tl", "`input_shape` must be three whole numbers"),
        (check_imgs_validity, images[..., 0], "`img_array` must have four axes"),
        (check_labels_validity, labels[:, :2], "`labels` must be one-hot"),
        (check_bools_validity, [True] * 9, "`bools` must be 8 times True or False"),
    ):
        with pytest.raises(ValueError, match=match):
            check(value)
