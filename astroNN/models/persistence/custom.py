"""Finding the class of a saved network: ours, the user's, or, on the user's word, one that came in the folder."""

import hashlib
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path

from astroNN.config import custom_model_path_reader, trust_custom_code_reader
from astroNN.models.base_master_nn import NeuralNetMaster

__all__ = ["find_class"]

_MODULE_PREFIX = "astroNN_custom_"


def find_class(identifier, custom_models, folder, trust_custom_code=None):
    """Class of a network by the name that its folder gives.

    Looked for, in this order, among `custom_models`, the networks of astroNN, the classes that the session has
    imported or defined, the files named by ``custommodelpath`` in the configuration, and the Python files of the
    folder.

    Parameters
    ----------
    identifier : str
        Name of the class.
    custom_models : class or list of classes
        Given by the user.
    folder : Path
        The network's folder.
    trust_custom_code : bool, optional
        Whether Python files of the folder may run. Default: what the configuration says (no, unless it was changed).

    Returns
    -------
    class
        The first that is found.

    Raises
    ------
    TypeError
        If there is no such class, or it stands in code that is not trusted.
    """
    if not isinstance(trust_custom_code, bool | None):
        raise TypeError(f"`trust_custom_code` must be True, False or None, got {trust_custom_code!r}.")
    given = custom_models if isinstance(custom_models, list | tuple) else [custom_models]
    if not all(isinstance(cls, type) for cls in given):
        raise TypeError(f"`custom_models` must be a class or a list of classes, got {custom_models!r}.")
    found = {cls.__name__: cls for cls in given}.get(identifier) or _ours(identifier) or _of_session(identifier)
    found = found or _in_files(identifier, _configured_files())
    if found is None:
        found = _in_folder(identifier, folder, trust_custom_code)
    if found is None:
        raise TypeError(
            f"Unknown model identifier -> {identifier}! If it is a class of yours, import it first, give it "
            f"(load_folder(..., custom_models={identifier})), or name its file by `custommodelpath` in config.ini."
        )
    return found


def _is_network(thing):
    return isinstance(thing, type) and issubclass(thing, NeuralNetMaster) and not inspect.isabstract(thing)


def _ours(identifier):
    models = importlib.import_module("astroNN.models")
    found = getattr(models, identifier, None) if identifier in models.__all__ else None
    return found if _is_network(found) else None


def _of_session(identifier):
    """The class of that name that was defined last; a notebook cell may have been run twice.

    Not one that came from a file that was looked into for another folder.
    """
    found, todo = None, [NeuralNetMaster]
    while todo:
        cls = todo.pop(0)
        if cls.__name__ == identifier and _is_network(cls) and not cls.__module__.startswith(_MODULE_PREFIX):
            found = cls
        todo += cls.__subclasses__()
    return found


def _configured_files():
    files = []
    for path in map(Path, custom_model_path_reader() or []):
        files += sorted(path.glob("*.py")) if path.is_dir() else [path]
    return files


def _in_folder(identifier, folder, trust_custom_code):
    files = sorted(folder.glob("*.py"))
    if not files:
        return None
    trusted = trust_custom_code_reader() if trust_custom_code is None else trust_custom_code
    if not trusted:
        names = ", ".join(file.name for file in files)
        raise TypeError(
            f"Unknown model identifier -> {identifier}! The folder brings Python code ({names}) that may define it. "
            "Such code can do anything that you can, so it runs only on your word: read it, then say "
            "load_folder(..., trust_custom_code=True), or set trust_custom_code = True under [NeuralNet] in "
            "config.ini."
        )
    return _in_files(identifier, files)


def _in_files(identifier, files):
    for path in files:
        found = getattr(_module(path), identifier, None)
        if _is_network(found):
            return found
    return None


def _module(path):
    """A file as a module under a name of its own: two folders may each hold a ``custom_models.py``."""
    if not path.is_file():
        raise FileNotFoundError(
            f"The file {path}, named by `custommodelpath` in config.ini, does not exist. Correct the setting."
        )
    path = path.resolve()
    # With its content: a file that was edited since is another module.
    known_by = hashlib.sha256(str(path).encode() + b"\0" + path.read_bytes()).hexdigest()
    name = f"{_MODULE_PREFIX}{path.stem}_{known_by[:16]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # pickled networks look their class up here
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
