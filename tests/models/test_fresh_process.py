"""Every ready-made network is loaded in other processes, which know nothing of this one, and answers the same."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import astroNN.models

pytestmark = pytest.mark.one_backend

N_STARS, N_PIXELS, N_CLASSES = 24, 48, 10
SPECTRA = ("ApogeeCNN", "StarNet2017", "ApogeeBCNN", "SimplePolyNN")
IMAGES = ("Cifar10CNN", "Galaxy10CNN", "MNIST_BCNN")
AUTOENCODERS = ("ApogeeCVAE", "ApokascEncoderDecoder")
OTHERS = ("ApogeeBCNNaux", "ApogeeBCNNCensored", "ApogeeDR14GaiaDR2BCNN", "ApogeeKeplerEchelle")
#: shape of what each gives, if not labels and spreads of shape (N_STARS, 3)
SHAPES = {
    **dict.fromkeys(("Cifar10CNN", "Galaxy10CNN"), (N_STARS, N_CLASSES)),
    "MNIST_BCNN": (N_STARS,),
    "ApogeeBCNNCensored": (N_STARS, 22),
    "ApogeeDR14GaiaDR2BCNN": (N_STARS, 1),
    "ApogeeCVAE": (N_STARS, 2),
    "ApokascEncoderDecoder": (N_STARS, 5),
}


def sample(name):
    """A few stars that the network can be trained on."""
    rng = np.random.default_rng(1)
    spectra = rng.normal(1.0, 0.05, (N_STARS, N_PIXELS)).astype("float32")
    whole = rng.normal(1.0, 0.05, (N_STARS, 7514)).astype("float32")
    labels = rng.normal(size=(N_STARS, 3))
    if name in IMAGES:
        classes = np.eye(N_CLASSES)[rng.integers(0, N_CLASSES, N_STARS)]
        return rng.integers(0, 255, (N_STARS, 12, 12, 3)).astype("float32"), classes
    return {
        "ApogeeBCNNaux": lambda: (np.hstack([spectra, rng.normal(size=(N_STARS, 2))]), labels),
        "ApogeeBCNNCensored": lambda: (whole, rng.normal(size=(N_STARS, 22))),
        "ApogeeDR14GaiaDR2BCNN": lambda: (
            np.hstack([whole, rng.normal(11, 1, (N_STARS, 1)), rng.normal(size=(N_STARS, 3))]),
            rng.uniform(0.5, 1.5, (N_STARS, 1)),
        ),
        "ApogeeKeplerEchelle": lambda: (
            {"input": rng.uniform(0, 255, (N_STARS, 24, 24)), "aux": rng.normal(size=(N_STARS, 2))},
            labels,
        ),
        **dict.fromkeys(AUTOENCODERS, lambda: (spectra, spectra)),
    }.get(name, lambda: (spectra, labels))()


def parts_of(net, x):
    """Everything that a network predicts and that is not random, by name."""
    if hasattr(net, "predict_encoder"):
        mean, std, _ = net.predict_encoder(x)
        return {"pred": mean, "std": std, "decoded": net.predict_decoder(mean)}
    answer = net.predict(x)
    return {"pred": answer[0], **answer[1]} if isinstance(answer, tuple) else {"pred": answer}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Trained networks by name, and the folder with all of their folders, inputs beside them."""
    shelf, trained = tmp_path_factory.mktemp("shelf"), {}
    for name in (*SPECTRA, *IMAGES, *AUTOENCODERS, *OTHERS):
        net = trained[name] = getattr(astroNN.models, name)()
        net.verbose, net.seed, net.max_epochs, net.val_size, net.batch_size = 0, 1, 1, 0.0, N_STARS
        if hasattr(net, "mc_num"):
            net.mc_num = 4
        x, y = sample(name)
        net.fit(x, y)
        net.save(shelf / name)
        np.savez(shelf / f"{name}.npz", **(x if isinstance(x, dict) else {"input": x}))
    return trained, shelf


SCRIPT = """
import os
from pathlib import Path
import numpy as np
from astroNN.models import load_folder

for folder in sorted(path for path in Path(os.environ["SHELF"]).iterdir() if path.is_dir()):
    net = load_folder(folder)
    net.verbose = 0
    inputs = dict(np.load(folder.with_suffix(".npz")))
    x = inputs if len(inputs) > 1 else inputs["input"]
    if hasattr(net, "predict_encoder"):
        mean, std, _ = net.predict_encoder(x)
        parts = {"pred": mean, "std": std, "decoded": net.predict_decoder(mean)}
    else:
        answer = net.predict(x)
        parts = {"pred": answer[0], **answer[1]} if isinstance(answer, tuple) else {"pred": answer}
    weights = {f"weight{k}": weight for k, weight in enumerate(net.get_weights())}
    np.savez(folder.name + ".npz", type=type(net).__name__, **parts, **weights)
"""


@pytest.fixture(scope="module")
def answers(networks, run_python, tmp_path_factory):
    """What two other processes, at work at the same time, say: one of them has no home that it could write to."""
    _, shelf = networks
    no_folder = tmp_path_factory.mktemp("home") / "file"
    no_folder.write_text("")
    homeless = {"HOME": no_folder, "ASTRONN_CONFIG": no_folder / "config.ini", "KERAS_HOME": no_folder / "keras",
                "MPLCONFIGDIR": no_folder / "mpl", "XDG_CACHE_HOME": no_folder / "cache"}  # fmt: skip
    environments = {"at home": {}, "without a home": {name: str(path) for name, path in homeless.items()}}
    places = {name: tmp_path_factory.mktemp("elsewhere") for name in environments}
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(run_python, SCRIPT, places[name], SHELF=str(shelf), **environment)
            for name, environment in environments.items()
        ]
        for job in jobs:
            job.result()
    return places


@pytest.mark.filterwarnings("ignore:Only 0 validation stars")
@pytest.mark.parametrize("where", ["at home", "without a home"])
@pytest.mark.parametrize("name", [*SPECTRA, *IMAGES, *AUTOENCODERS, *OTHERS])
def test_in_another_process_the_network_is_the_same(networks, answers, name, where):
    net, (x, _) = networks[0][name], sample(name)
    told = np.load(answers[where] / f"{name}.npz")
    assert told["type"] == type(net).__name__
    for number, weight in enumerate(net.get_weights()):
        assert told[f"weight{number}"].tobytes() == weight.tobytes()
    for part, expected in parts_of(net, x).items():
        # The same operations on the same numbers; threads may add up in another order.
        scale = float(np.abs(expected).max())
        np.testing.assert_allclose(told[part], expected, rtol=1e-5, atol=1e-5 * scale, err_msg=part)
        if part != "decoded":
            assert told[part].shape == SHAPES.get(name, (N_STARS, 3)), part


def test_the_names_of_all_networks_are_here():
    ready_made = {name for name in astroNN.models.__all__ if name[0].isupper() and not name.endswith("Base")}
    known = {*SPECTRA, *IMAGES, *AUTOENCODERS, *OTHERS}
    aliases = {"ApogeeKplerEchelle", "SimplePloyNN", "DeepEnsemble", "NeuralNetMaster"}
    assert ready_made - aliases <= known and known <= ready_made | {"Galaxy10CNN"}
