"""Layers and shapes in words, for the boxes of a figure."""

import re

import keras

__all__ = ["as_words", "is_named", "note_of", "shape_text", "together"]

_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU"}
_SIMPLE = {
    "InputLayer": "input",
    "Flatten": "flattened",
    "Concatenate": "joined",
    "Multiply": "multiplied",
    "Add": "added",
    "StopGrad": "gradient stopped",
    "VAESampling": "a draw of the latent variables",
    "SpatialResponseNormalization": "response normalisation, in space",
    "ChannelResponseNormalization": "response normalisation, across channels",
    "ApparentParallax": "parallax from luminosity and magnitude",
    "DeNormAdd": "mean put back",
}
_NUMBER = re.compile(r"\d+(?:,\d{3})*")


def as_words(operation):
    """What a layer does, with its main sizes."""
    kind, of = type(operation).__name__, operation
    if kind.startswith("Conv") and hasattr(of, "filters"):
        text = ("transposed " if "Transpose" in kind else "") + "convolution: "
        text += f"{of.filters:,} filter{'s' if of.filters > 1 else ''} of {_times(of.kernel_size)}"
        text += f", step {_times(of.strides)}" if set(of.strides) != {1} else ""
        return text + (", no padding" if of.padding == "valid" else "")
    if kind == "Dense":
        return f"dense: {of.units:,} unit{'s' if of.units > 1 else ''}"
    if "Pooling" in kind and hasattr(of, "pool_size"):
        text = f"{'maximum' if 'Max' in kind else 'mean'} of {_times(of.pool_size)}"
        return text + (f", step {_times(of.strides)}" if of.strides != of.pool_size else "")
    if kind == "BoolMask":
        return _picked(of.mask)
    if kind == "PolyFit":
        return f"polynomial of degree {of.deg}"
    if kind in ("Activation", "ReLU", "Softmax", "Reshape") or "Dropout" in kind:
        return " ".join(note_of(of, shape_text([[tuple(of.output.shape[1:])]])))
    return _SIMPLE.get(kind) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", kind).lower()


def _picked(mask):
    """Which columns a mask takes."""
    n_columns, n_taken = len(mask), int(sum(mask))
    if all(mask[:n_taken]):
        return f"the first {n_taken:,} columns"
    if all(mask[-n_taken:]):
        return f"the last {n_taken:,} columns" if n_taken > 1 else "the last column"
    if n_taken == 1:
        return f"column {int(mask.argmax()) + 1:,} of {n_columns:,}"
    return f"picks {n_taken:,} of {n_columns:,}"


def note_of(operation, shape):
    """What is written in the box of another layer for one that is folded into it; a list of one line."""
    kind = type(operation).__name__
    if kind == "Activation":
        name = operation.activation.__name__
        return [_ACTIVATIONS.get(name, name)] if name != "linear" else []
    if "Dropout" in kind:
        rate = getattr(operation, "rate", None)
        words = "MC dropout" if kind.startswith("MC") else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
        return [f"{words} {float(rate):g}" if isinstance(rate, int | float) else words]
    if kind == "Flatten":
        return [f"flattened: {shape}"]
    if kind == "Reshape":
        return [f"as {shape}"]
    return [_SIMPLE.get(kind) or kind.lower()]


def is_named(operation):
    """Whether the author of the network named it, as Keras names layers by their kind and a number."""
    automatic = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(operation).__name__).lower()
    plain = re.sub(r"_\d+$", "", operation.name).replace("_", "")
    return isinstance(operation, keras.layers.Layer) and plain != automatic.replace("_", "")


def shape_text(shapes):
    """Shapes of what layers give that stand side by side, each a list of tuples; sizes that differ as a range."""
    return together([" and ".join(dict.fromkeys(_times(shape) for shape in given)) for given in shapes])


def together(texts):
    """Texts that differ in numbers alone as one, with ranges; else the first, and how many others there are."""
    if len(set(texts)) == 1:
        return texts[0]
    frames = {_NUMBER.sub("#", text) for text in texts}
    if len(frames) > 1:
        return f"{texts[0]} and {len(set(texts)) - 1} others"
    ranges = []
    for column in zip(*(_NUMBER.findall(text) for text in texts), strict=True):
        numbers = sorted({int(number.replace(",", "")) for number in column})
        ranges.append(f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}")
    return re.sub("#", lambda _: ranges.pop(0), frames.pop())


def _times(sizes):
    return " × ".join("any" if size is None else f"{size:,}" for size in sizes) or "1"
