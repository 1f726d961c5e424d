"""Check that a search of the built documentation finds every public name of the package.

Every name in `__all__` of a module without a leading underscore in its path must stand in ``objects.inv``: under its
own path, or, where a module only hands it on, under another path of the same object. So must the documented methods
and properties of public classes, under the class or one of its bases. The page must be there.

Usage: python docs/check_reference.py HTML
"""

import argparse
import inspect
import os
import sys
import zlib
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

sys.path.append(str(Path(__file__).parent))  # which Python leaves out where PYTHONSAFEPATH is set

import public_names

import astroNN


def inventory(html):
    """Pages of the Python objects in ``objects.inv``, by their full names."""
    path = Path(html) / "objects.inv"
    if not path.is_file():
        raise ValueError(f"there is no {path}; give the folder that sphinx-build has written.")
    head, _, body = path.read_bytes().partition(b"zlib.\n")
    if not head.startswith(b"# Sphinx inventory version 2"):
        raise ValueError(f"{path} is no inventory of Sphinx, version 2.")
    found = {}
    for line in zlib.decompress(body).decode("utf-8").splitlines():
        name, kind, _, address, _ = line.split(" ", 4)
        if kind.startswith("py:"):
            found[name] = address.partition("#")[0]
    return found


def missing(html):
    """Public names that a search doesn't find.

    Returns
    -------
    list of str
        Full names, sorted.
    """
    pages = {name for name, page in inventory(html).items() if (Path(html) / page).is_file()}
    # Where a name is handed on, the search finds it under another path of the same object.
    paths, classes = {}, {}
    for module_name, module in public_names.modules().items():
        for name, value in public_names.objects(module).items():
            paths.setdefault((id(value), name), []).append(f"{module_name}.{name}")
            if inspect.isclass(value):
                classes.setdefault((value, name), f"{module_name}.{name}")
    absent = [path for same in paths.values() if not pages.intersection(same) for path in same]
    shown = {tuple(name.split(".")[-2:]) for name in pages}
    for (cls, name), path in classes.items():
        owners = {name} | {base.__name__ for base in cls.__mro__}
        for _, member, function in public_names.members(cls):
            if function.__doc__ and not any((owner, member) in shown for owner in owners):
                absent.append(f"{path}.{member}")
    return sorted(absent)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("html", help="folder that sphinx-build has written")
    html = parser.parse_args(arguments).html
    try:
        absent = missing(html)
    except ValueError as error:
        print(f"check_reference: {error}", file=sys.stderr)
        return 2
    for name in absent:
        print(f"{name}: no page")
    if absent:
        print(
            f"{len(absent)} public names without a page: list their modules in docs/source/api.rst, or, if they are "
            "inner ones, in internals.rst.",
            file=sys.stderr,
        )
        return 1
    print(f"all public names of astroNN {astroNN.__version__} have a page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
