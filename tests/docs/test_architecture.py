"""Figures of networks in the documentation: every layer, weight and arrow of the Keras model is in them."""

import importlib
import itertools
import sys
import xml.etree.ElementTree as ElementTree
from io import StringIO
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

from astroNN import models

pytestmark = pytest.mark.one_backend

EXTENSIONS = str(Path(__file__).resolve().parents[2] / "docs" / "source" / "_ext")
SVG = "{http://www.w3.org/2000/svg}"
CASES = {
    "ApogeeCNN": ({"input": (200,)}, (3,)),
    "ApogeeBCNN": ({"input": (200,)}, (3,)),
    "ApogeeBCNNCensored": ({"input": (7514,)}, (22,)),
    "ApogeeBCNNaux": ({"input": (202,)}, (1,)),
    "ApogeeDR14GaiaDR2BCNN": ({"input": (7517,)}, (1,)),
    "StarNet2017": ({"input": (200,)}, (3,)),
    "ApogeeKeplerEchelle": ({"input": (20, 24), "aux": (2,)}, (1,)),
    "ApogeeCVAE": ({"input": (200,)}, (200,)),
    "ApokascEncoderDecoder": ({"input": (200,)}, (64,)),
    "Galaxy10CNN": ({"input": (16, 16, 3)}, (10,)),
    "Cifar10CNN": ({"input": (16, 16)}, (10,)),
    "MNIST_BCNN": ({"input": (12, 12)}, (10,)),
    "GaMorNet": ({"input": (19, 19)}, (3,)),
    "SimplePolyNN": ({"input": (2,)}, (1,)),
}


@pytest.fixture(scope="module")
def ext():
    """The modules of the figures, as Sphinx finds them."""
    sys.path.insert(0, EXTENSIONS)
    names = (
        "architecture_graph",
        "architecture_layout",
        "architecture_networks",
        "architecture_svg",
        "model_defaults",
    )
    yield {name: importlib.import_module(name) for name in names}
    sys.path.remove(EXTENSIONS)


@pytest.fixture(scope="module")
def read(ext):
    return ext["architecture_graph"].read_graph


@pytest.fixture(scope="module")
def built(ext):
    known = {}

    def build(name):
        if name not in known:
            inputs, labels = CASES[name]
            known[name] = ext["architecture_networks"].built(getattr(models, name), inputs, labels).keras_model
        return known[name]

    return build


def links_in_config(config):
    """Layers and links between them as Keras writes them down to save a model; nested models opened.

    Returns the names of the layers, the pairs of names, and what the outputs of the model are made by.
    """
    if "input_layers" not in config:  # a Sequential: one behind the other
        names = [layer["config"]["name"] for layer in config["layers"]]
        return set(names), set(itertools.pairwise(names)), [names[0]], [names[-1]]
    names, links, ends = set(), set(), {}
    for layer in config["layers"]:
        name = layer["config"]["name"] if "name" in layer["config"] else layer["name"]
        sources = [
            source for node in layer["inbound_nodes"] for source in _tensors([node["args"], node.get("kwargs")])
        ]
        if layer["class_name"] in ("Sequential", "Functional"):
            inner, inner_links, first, last = links_in_config(layer["config"])
            # The input of a nested model is what it is called with.
            (first,) = first
            (source,) = sources
            ends[name] = last[0]
            names |= inner - {first}
            links |= {(source if start == first else start, end) for start, end in inner_links}
        else:
            names.add(name)
            links |= {(source, name) for source in sources}
    links = {(ends.get(start, start), ends.get(end, end)) for start, end in links}
    outputs = [ends.get(name, name) for name in _names(config["output_layers"])]
    return names, links, _names(config["input_layers"]), outputs


def _tensors(value):
    """Names of the layers that made the symbolic tensors in the arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [value["config"]["keras_history"][0]]
        return [name for each in value.values() for name in _tensors(each)]
    if isinstance(value, list | tuple):
        return [name for each in value for name in _tensors(each)]
    return []


def _names(value):
    if isinstance(value, dict):
        return [name for each in value.values() for name in _names(each)]
    if isinstance(value, list | tuple) and value and isinstance(value[0], str):
        return [value[0]]
    return [name for each in value for name in _names(each)]


@pytest.mark.parametrize("name", CASES)
def test_every_layer_and_every_link_is_in_the_figure(name, built, read):
    model = built(name)
    layer_names, links, inputs, outputs = links_in_config(model.get_config())
    graph = read(model)
    box_of = {layer: number for number, box in enumerate(graph.boxes) for layer in box.layers}
    assert graph.aside == (["labels_err"] if "labels_err" in inputs else [])
    assert set(box_of) == layer_names - {"labels_err"}
    assert sum(len(box.layers) for box in graph.boxes) == len(box_of)
    drawn = {(box_of[start], box_of[end]) for start, end in links}
    assert set(graph.arrows) == {(start, end) for start, end in drawn if start != end}
    assert {box_of[output] for output in outputs} == {k for k, box in enumerate(graph.boxes) if box.outputs}


@pytest.mark.parametrize("name", CASES)
def test_the_weights_of_the_boxes_are_those_of_the_model(name, built, read):
    model = built(name)
    by_box = {layer: box for box in read(model).boxes for layer in box.layers}
    assert sum(box.n_weights for box in read(model).boxes) == sum(int(np.prod(w.shape)) for w in model.weights)
    for box in by_box.values():
        assert (box.role == "plain") <= (box.n_weights == 0)


def test_the_boxes_of_a_known_network_are_those_counted_by_hand(built, read):
    boxes = read(built("ApogeeBCNN")).boxes
    found = {box.title: (box.shape, box.n_weights, box.notes) for box in boxes}
    assert found == {
        "input": ("200 × 1", 0, []),
        "conv_1": ("200 × 2", 2 * 8 + 2, ["ReLU", "MC dropout 0.3"]),
        "conv_2": ("200 × 4", 4 * 2 * 8 + 4, ["ReLU"]),
        "maximum of 4": ("50 × 4", 0, ["flattened: 200", "MC dropout 0.3"]),
        "hidden_1": ("196", 200 * 196 + 196, ["ReLU", "MC dropout 0.3"]),
        "hidden_2": ("96", 196 * 96 + 96, ["ReLU"]),
        "output": ("3", 96 * 3 + 3, []),
        "variance_output": ("3", 96 * 3 + 3, []),
    }


def test_the_branches_of_the_elements_stand_in_one_box(built, read):
    model = built("ApogeeBCNNCensored")
    boxes = {box.title: box for box in read(model).boxes}
    windows = [model.get_layer(f"{element}_Mask").output.shape[1] for element in ("C", "N", "Al", "K")]
    stack = boxes["C_Mask ... Ni_Mask"]
    low, high = (int(number.replace(",", "")) for number in stack.shape.split(" to "))
    assert stack.number == 19
    assert low <= min(windows) <= max(windows) <= high
    assert boxes["c_concat ... ni_concat"].number == boxes["c_concat_var ... ni_concat_var"].number == 19
    assert boxes["teff ... fe"].number == 3


def three_branches(*kinds):
    x = keras.Input((6,), name="input")
    return keras.Model(x, layers.Add(name="sum")([kind(x) for kind in kinds]))


def test_branches_that_do_not_do_the_same_stay_apart(read):
    alike = three_branches(*(layers.Dense(4, name=f"branch_{k}") for k in range(3)))
    unlike = three_branches(
        layers.Dense(4, name="branch"),
        lambda x: layers.Dense(4, name="second")(layers.Dense(5, name="first")(x)),
        layers.Dense(4, name="last"),
    )
    assert sorted(box.number for box in read(alike).boxes) == [1, 1, 3]
    assert {box.number for box in read(unlike).boxes} == {1}


def test_a_layer_that_is_called_twice_has_its_weights_once(read):
    x, shared = keras.Input((6,), name="input"), layers.Dense(6, name="shared")
    model = keras.Model(x, shared(shared(x)))
    graph = read(model)
    assert [box.n_weights for box in graph.boxes] == [0, 42, 0]
    assert graph.arrows == [(0, 1), (1, 2)]


@pytest.mark.parametrize("name", CASES)
def test_the_svg_has_every_box_and_every_arrow(name, built, read, ext):
    graph = read(built(name))
    svg = ElementTree.fromstring(ext["architecture_svg"].as_svg(graph, name))
    groups = [group.get("class").split() for group in svg.iter(f"{SVG}g")]
    assert sum(words[0] == "box" for words in groups) == len(graph.boxes)
    assert sum(words[0] == "arrow" for words in groups) == len(graph.arrows)
    titles = [text.text for text in svg.iter(f"{SVG}text") if text.get("class") == "title"]
    assert [title.split(" (")[0] for title in titles] == [box.title for box in graph.boxes]
    assert svg.find(f"{SVG}title").text == name


def test_names_are_escaped(read, ext):
    x = keras.Input((3,), name="input")
    graph = read(keras.Model(x, layers.Dense(2, name="<b>&amp;\"'")(x)))
    svg = ElementTree.fromstring(ext["architecture_svg"].as_svg(graph, '"<script>&'))
    assert "<b>&amp;\"'" in [text.text for text in svg.iter(f"{SVG}text")]
    assert svg.get("aria-label") == '"<script>&'


@pytest.mark.parametrize("seed", range(20))
def test_boxes_do_not_overlap_and_no_arrow_goes_through_one(seed, ext):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 25))
    sizes = [tuple(map(float, rng.uniform((30, 20), (200, 90)))) for _ in range(n)]
    arrows = sorted({(int(rng.integers(0, k)), k) for k in range(1, n) for _ in range(rng.integers(0, 3))})
    layout = ext["architecture_layout"].place(sizes, arrows)
    boxes = [(x - w / 2, y, x + w / 2, y + h) for x, y, (w, h) in zip(layout.x, layout.y, sizes, strict=True)]
    for one, other in itertools.combinations(boxes, 2):
        assert one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    assert all(0 <= left and right <= layout.width and low <= layout.height for left, _, right, low in boxes)
    assert set(layout.ways) == set(arrows)
    for (start, end), points in layout.ways.items():
        assert points[0] == pytest.approx((layout.x[start], boxes[start][3]))
        assert points[-1] == pytest.approx((layout.x[end], boxes[end][1]))
        assert all(above[1] < below[1] for above, below in itertools.pairwise(points))
        for x, y in points[1:-1]:
            assert not any(left <= x <= right and top <= y <= low for left, top, right, low in boxes)


def test_a_cycle_is_refused(ext):
    with pytest.raises(ValueError, match="cycle"):
        ext["architecture_layout"].place([(10.0, 10.0)] * 2, [(0, 1), (1, 0)])


def test_the_table_of_defaults_has_the_values_of_the_object(ext):
    net = models.ApogeeBCNN()
    net.lr, net.num_hidden, net.targetname = 0.0123, [7, 5], ["a"]
    rows = {name: value for name, value, _ in ext["model_defaults"].default_rows(net)}
    assert rows["lr"] == "0.0123"
    assert rows["num_hidden"] == "7, 5"
    assert rows["targetname"] == "a"
    assert rows["mc_num"] == "100"
    assert "stddev=0.05" in rows["initializer"]
    assert "latent_dim" not in rows


PAGE = """
Page
====

.. architecture:: SimplePolyNN
   :input: 2
   :labels: 1

.. defaults:: SimplePolyNN

.. defaults:: SimplePolyNN ApogeeCNN

.. architecture:: ApogeBCNN
   :input: 7514
   :labels: 22

.. architecture:: ApogeeBCNN
   :input: 75a14
   :labels: 22

.. architecture:: ApogeeBCNN
   :labels: 22

.. architecture:: ApogeeBCNNCensored
   :input: 100
   :labels: 22

.. architecture:: CNNBase
   :input: 100
   :labels: 22
"""


@pytest.fixture(scope="module")
def pages(ext, tmp_path_factory):
    """Two builders' pages of the text above, and the warnings."""
    pytest.importorskip("sphinx")
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    folder = tmp_path_factory.mktemp("docs")
    (folder / "index.rst").write_text(PAGE, encoding="utf-8")
    found = {}
    for builder, suffix in (("html", "html"), ("text", "txt")):
        with docutils_namespace():
            warnings = StringIO()
            app = Sphinx(
                folder, None, folder / builder, folder / f"{builder}-trees", builder,
                confoverrides={"extensions": ["architecture"], "html_theme": "basic"},
                status=None, warning=warnings,
            )  # fmt: skip
            app.build()
        found[builder] = (folder / builder / f"index.{suffix}").read_text(encoding="utf-8")
        found["warnings"] = warnings.getvalue()
    return found


def test_a_page_has_the_figure_and_others_a_list(pages):
    assert "<svg" in pages["html"] and "polynomial of degree 3" in pages["html"]
    assert "<svg" not in pages["text"] and "output (from input): polynomial of degree 3" in pages["text"]
    # Degree 3 of two inputs, with the constant.
    assert f"{4 * 2} weights in all" in pages["text"]


def test_a_page_has_the_tables(pages):
    for value in ("0.005", "degree of the polynomial", "1e-05"):
        assert value in pages["text"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (13, "no ready-made network 'ApogeBCNN'"),
        (17, "must be one to three whole numbers above 0"),
        (21, "can't be built without the option :input:"),
        (24, "must have 7514 pixels"),
        (28, "no ready-made network 'CNNBase'"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(pages, line, words):
    told = [each for each in pages["warnings"].splitlines() if f"index.rst:{line}:" in each]
    assert told, pages["warnings"]
    text = pages["warnings"]
    assert words in text[text.index(f"index.rst:{line}:") :].split("index.rst:", 2)[1]
