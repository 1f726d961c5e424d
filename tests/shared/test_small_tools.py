"""Small tools under their established names."""

import json
import logging
import sys
import urllib.request

import matplotlib
import numpy as np
import pytest
from astropy import units as u

from astroNN import shared
from astroNN.shared import _devices, dict_tools, downloader_tools, nn_tools
from astroNN.shared import logging as our_logging
from astroNN.shared import warnings as our_warnings
from astroNN.shared.matplotlib import pylab_style

pytestmark = pytest.mark.one_backend


# Dictionaries ---------------------------------------------------------------------------------------------------


def test_arrays_to_lists_and_back():
    arrays = {"a": np.arange(6).reshape(2, 3), "deep": {"b": np.array([0.5])}, "c": 3, "d": "text", "e": np.int64(2)}
    lists = dict_tools.dict_np_to_dict_list(arrays)
    assert lists == {"a": [[0, 1, 2], [3, 4, 5]], "deep": {"b": [0.5]}, "c": 3, "d": "text", "e": 2}
    back = dict_tools.dict_list_to_dict_np(lists)
    np.testing.assert_array_equal(back["a"], arrays["a"])
    np.testing.assert_array_equal(back["deep"]["b"], [0.5])
    assert dict_tools.dict_np_to_dict_list(np.arange(2)) == [0, 1]
    assert isinstance(dict_tools.dict_list_to_dict_np([1, 2]), np.ndarray)


def test_whatever_holds_arrays_can_be_written_as_json():
    given = {"list": [np.arange(2), {"deep": np.float32(0.5)}], "tuple": (np.arange(1),), "quantity": [1, 2] * u.K}
    assert json.loads(json.dumps(dict_tools.dict_np_to_dict_list(given))) == {
        "list": [[0, 1], {"deep": 0.5}],
        "tuple": [[0]],
        "quantity": [1.0, 2.0],
    }


def test_masked_elements_become_nan():
    found = dict_tools.dict_np_to_dict_list({"a": np.ma.array([1, 2], mask=[0, 1]), "b": np.ma.array([1, 2])})
    assert found["a"][0] == 1 and np.isnan(found["a"][1]) and found["b"] == [1, 2]


@pytest.mark.parametrize("arrays", [[1, 2], (1, 2)])
def test_as_many_arrays_as_names(arrays):
    assert dict_tools.list_to_dict(["a", "b"], arrays) == {"a": 1, "b": 2}


def test_one_array_for_all_names():
    array = np.ma.array([1, 2])
    found = dict_tools.list_to_dict(["a", "b"], array)
    assert found["a"] is array and found["b"] is array
    assert dict_tools.list_to_dict(["a", "b"], [7]) == {"a": 7, "b": 7}
    assert dict_tools.list_to_dict(["a"], {"x": 1}) == {"x": 1}
    with pytest.raises(ValueError, match="`arrs` is empty"):
        dict_tools.list_to_dict(["a"], [])


@pytest.mark.parametrize("one", ["text", b"text", 3, None, np.float64(2), np.array(2)])
def test_what_counts_as_one(one):
    assert list(dict_tools.to_iterable(one)) == [one]


@pytest.mark.parametrize("several", [[1, 2], (1, 2), np.array([1, 2]), {1, 2}])
def test_what_can_be_looped_over_stays(several):
    assert dict_tools.to_iterable(several) is several


# Messages -------------------------------------------------------------------------------------------------------


def test_messages_of_all_levels_go_through_the_logger(caplog):
    caplog.set_level(logging.DEBUG, "astroNN")
    for name in ("debug", "info", "warn", "error", "fatal"):
        getattr(our_logging, name)("%s star", name)
    our_logging.log(25, "own level")
    levels = [(record.levelno, record.getMessage()) for record in caplog.records if record.name == "astroNN"]
    names = ("debug", "info", "warn", "error", "fatal")
    assert levels == [*((10 * (k + 1), f"{name} star") for k, name in enumerate(names)), (25, "own level")]


def test_without_logging_they_are_seen(run_python, tmp_path):
    script = "from astroNN.shared.logging import debug, info\ninfo('seen'); debug('not seen')"
    assert run_python(script, tmp_path).stdout.strip() == "seen"


# Deprecated functions -------------------------------------------------------------------------------------------


def test_a_deprecated_function_warns_and_works():
    @our_warnings.deprecated
    def old(a):
        """Text."""
        return a + 1

    with pytest.warns(DeprecationWarning, match=r"deprecated function old\(\)"):
        assert old(1) == 2
    assert old.__doc__ == "Text."


def test_a_replaced_function_takes_the_new_arguments():
    def new(a, b=2):
        return a, b

    @our_warnings.deprecated_copy_signature(new)
    def old(*arguments, **named):
        return new(*arguments, **named)

    with pytest.warns(DeprecationWarning, match=r"Call to function old\(\) is deprecated.* Use new\(\) instead"):
        assert old(b=5, a=1) == (1, 5)
    with pytest.warns(DeprecationWarning), pytest.raises(TypeError, match="'c'"):
        old(1, c=1)


# Downloads of one's own -----------------------------------------------------------------------------------------


def test_the_bar_follows_urlretrieve(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x" * 20_000)
    with downloader_tools.TqdmUpTo(disable=False, file=open(tmp_path / "bar", "w")) as bar:
        urllib.request.urlretrieve(source.as_uri(), tmp_path / "copy", reporthook=bar.update_to)
        assert bar.total == 20_000 and bar.n >= 20_000
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()


def test_checksums(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert downloader_tools.sha256_checksum(tmp_path / "file") == sha256
    assert downloader_tools.filehash(tmp_path / "file", algorithm="md5") == "900150983cd24fb0d6963f7d28e17f72"
    with pytest.raises(ValueError, match="unknown `algorithm` 'crc'"):
        downloader_tools.filehash(tmp_path / "file", algorithm="crc")


# Figures --------------------------------------------------------------------------------------------------------


def test_the_style_sets_the_documented_values_and_nothing_at_import():
    assert shared.pylab_style is pylab_style
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        pylab_style()
        found = matplotlib.rcParams
        assert (found["figure.figsize"], found["figure.dpi"], found["axes.titlesize"]) == ([8, 5], 72, 20)
        assert all(
            found[f"{axis}tick.{side}"]
            for axis, side in (("x", "top"), ("x", "bottom"), ("y", "left"), ("y", "right"))
        )
        assert (found["xtick.major.size"], found["ytick.minor.width"], found["legend.markerscale"]) == (5, 0.6, 3)
        assert found["xtick.direction"] == found["ytick.direction"] == "in" and found["ytick.minor.visible"]
        assert not found["text.usetex"]


def test_the_style_of_papers_needs_latex(monkeypatch):
    with matplotlib.rc_context():
        monkeypatch.setattr(sys.modules["astroNN.shared.matplotlib"], "_has_latex", lambda: False)
        before = dict(matplotlib.rcParams)
        with pytest.raises(RuntimeError, match="`latex` or `dvipng` is not installed"):
            pylab_style(paper=True)
        assert dict(matplotlib.rcParams) == before
        monkeypatch.setattr(sys.modules["astroNN.shared.matplotlib"], "_has_latex", lambda: True)
        pylab_style(paper=True)
        assert matplotlib.rcParams["text.usetex"] and matplotlib.rcParams["savefig.dpi"] == 300


# GPUs -----------------------------------------------------------------------------------------------------------


def test_gpus_are_hidden_and_shown(monkeypatch):
    done = []
    for name in ("hide", "show"):
        monkeypatch.setattr(_devices, name, lambda name=name: done.append(name))
    nn_tools.cpu_fallback()
    nn_tools.cpu_fallback(False)
    assert done == ["hide", "show"]
    for flag in ("yes", 2, None):
        with pytest.raises(ValueError, match="`flag` must be True"):
            nn_tools.cpu_fallback(flag)


def test_too_late_is_a_warning(monkeypatch):
    def too_late(*arguments):
        raise RuntimeError("in use")

    monkeypatch.setattr(_devices, "hide", too_late)
    monkeypatch.setattr(_devices, "limit_memory", too_late)
    with pytest.warns(UserWarning, match=r"cpu_fallback: too late, .*\(in use\)"):
        nn_tools.cpu_fallback()
    with pytest.warns(UserWarning, match="gpu_memory_manage: too late"):
        nn_tools.gpu_memory_manage()


def test_memory_of_the_gpu(monkeypatch):
    asked = []
    monkeypatch.setattr(_devices, "limit_memory", asked.append)
    for ratio in (True, 0.5, 1.0, False):
        nn_tools.gpu_memory_manage(ratio)
    assert asked == [True, 0.5, 1.0]
    for ratio in (0, -0.5, 2, "half", None):
        with pytest.raises(ValueError, match="`ratio` must be True, False, or a fraction"):
            nn_tools.gpu_memory_manage(ratio)


BEFORE_ANYTHING = """
from astroNN.shared.nn_tools import cpu_fallback, gpu_availability, gpu_memory_manage
gpu_memory_manage()
cpu_fallback()
cpu_fallback(False)
cpu_fallback()
print(gpu_availability())
"""


def test_on_the_backend_in_use(run_python, tmp_path):
    assert run_python(BEFORE_ANYTHING, tmp_path).stdout.strip().endswith("False")


WITH_NETWORKS = """
from astroNN.shared import _devices
_devices.hide = lambda: print("hidden")
import astroNN.models
"""


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["True", "False"])
def test_a_setting_hides_the_gpus_from_networks(setting, run_python, tmp_path):
    (tmp_path / "config.ini").write_text(f"[NeuralNet]\ncpufallback = {setting}\n")
    done = run_python(WITH_NETWORKS, tmp_path, ASTRONN_CONFIG=str(tmp_path / "config.ini"))
    assert done.stdout.count("hidden") == (setting == "True")


HIDE_AND_SHOW = """
import os, warnings
from astroNN.shared.nn_tools import cpu_fallback
warnings.simplefilter("error")
for before in (None, "", "2", "0,1", "-1"):
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    if before is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = before
    seen = []
    for hide in (False, True, True, False, False):
        cpu_fallback(hide)
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))
    assert seen == [before, "-1", "-1", before, before], (before, seen)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_gpus_are_shown_again_as_they_were_given(backend, run_python, tmp_path):
    run_python(HIDE_AND_SHOW, tmp_path, backend=backend)


# torch on a machine with a GPU: this one may have none.
WITH_A_GPU = "import torch; torch.cuda.is_available = lambda: True\n"
ASK = "from astroNN.shared.nn_tools import cpu_fallback, gpu_availability; print(gpu_availability())\n"
TOO_LATE = """
import os, warnings
from astroNN.shared.nn_tools import cpu_fallback
os.environ["CUDA_VISIBLE_DEVICES"] = "2"
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    cpu_fallback()
assert ["too late" in str(warning.message) for warning in told] == [True], told
assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"
"""


@pytest.mark.parametrize(
    ("backend", "before"),
    [
        ("jax", "import jax; jax.numpy.ones(1).sum()\n"),
        ("jax", ASK),
        # Keras loads torch and more, which takes ten seconds.
        pytest.param("torch", WITH_A_GPU + "import keras\n", marks=pytest.mark.slow),
        ("torch", WITH_A_GPU + ASK),
    ],
    ids=["jax-computed", "jax-asked", "torch-keras", "torch-asked"],
)
def test_once_the_backend_has_looked_for_gpus_it_is_too_late(backend, before, run_python, tmp_path):
    run_python(before + TOO_LATE, tmp_path, backend=backend)


MEMORY = """
import os
from astroNN.shared.nn_tools import gpu_memory_manage
gpu_memory_manage()
gpu_memory_manage(0.25)
print(os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"], os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"])
"""


def test_jax_is_told_of_the_memory_by_its_variables(run_python, tmp_path):
    assert run_python(MEMORY, tmp_path, backend="jax").stdout.split() == ["false", "0.25"]


def test_the_backend_is_known_without_keras(run_python, tmp_path):
    script = "import sys; from astroNN.shared import _devices; print(_devices._backend(), 'keras' in sys.modules)"
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert run_python(script, tmp_path, KERAS_BACKEND="", KERAS_HOME=str(tmp_path)).stdout.split() == ["jax", "False"]
    (tmp_path / "keras.json").write_text("damaged")
    done = run_python(script, tmp_path, KERAS_BACKEND="", KERAS_HOME=str(tmp_path))
    assert done.stdout.split() == ["tensorflow", "False"]
