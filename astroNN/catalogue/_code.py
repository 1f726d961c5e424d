"""A checksum of a user's function: of what it does, and not only of what it is called."""

import dis
import functools
import hashlib
import types

import numpy as np

__all__ = ["checksum_of_code"]

#: packages whose objects tell pickle the same whenever they are asked
_STEADY = ("builtins", "collections", "datetime", "functools", "numpy", "operator", "pathlib")
_PICKLING = ("__reduce__", "__reduce_ex__", "__getstate__")
_PLAIN = type(None) | type(...) | bool | int | float | complex | str | bytes


def checksum_of_code(function):
    """Checksum of a callable, the same in every process, that changes when its code is edited.

    It covers the bytecode with constants and names, defaults, what it has closed over, the constants and functions of
    its own module that it uses, and the state of objects (partial functions, bound methods, instances) as pickle
    would take it. Of what pickle can't take, or takes in a way of its own that may differ from time to time (that of
    Keras, say), it covers the class alone. Comments, and where lines stand, don't matter. Bytecode differs between
    versions of Python.

    Parameters
    ----------
    function : callable or None

    Returns
    -------
    str or None
        None for None.

    Examples
    --------
    >>> checksum_of_code(lambda x: 2 * x) == checksum_of_code(lambda x: 2 * x)
    True
    >>> checksum_of_code(lambda x: 2 * x) == checksum_of_code(lambda x: 3 * x)
    False
    """
    return None if function is None else _checksum(function, {})


def _checksum(thing, known):
    """Checksum of anything; `known` has that of what was met before, which may hold itself."""
    if id(thing) not in known:
        known[id(thing)] = thing, "itself"  # with the thing, so that no other gets its address
        known[id(thing)] = thing, hashlib.sha256(repr(_told(thing, known)).encode()).hexdigest()
    return known[id(thing)][1]


def _told(thing, known):
    """What something is, as texts in an order that is fixed, without addresses."""

    def of(*parts):
        return [_checksum(part, known) for part in parts]

    kind = type(thing).__name__
    match thing:
        case _ if isinstance(thing, _PLAIN):
            return kind, repr(thing)
        case types.CodeType():
            return kind, thing.co_code.hex(), thing.co_names, of(*thing.co_consts)
        case types.FunctionType():
            return kind, of(thing.__code__, thing.__defaults__, thing.__kwdefaults__, _used(thing))
        case types.MethodType():
            return kind, of(thing.__func__, thing.__self__)
        case functools.partial():
            return kind, of(thing.func, thing.args, thing.keywords)
        case type() | types.ModuleType():
            return kind, getattr(thing, "__module__", ""), getattr(thing, "__qualname__", thing.__name__)
        case np.ndarray() if thing.dtype != object:
            return kind, thing.dtype.str, thing.shape, of(thing.tobytes())
        case tuple() | list():
            return kind, of(*thing)
        case set() | frozenset():
            return kind, sorted(of(*thing))
        case dict():
            return kind, sorted(of(*pair) for pair in thing.items())
    return kind, of(type(thing), _methods(thing), getattr(thing, "__wrapped__", None), _state(thing))


def _used(function):
    """What a function takes from outside, by name: what it has closed over, constants and functions of its module."""
    codes = [function.__code__]
    for code in codes:
        codes += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    steps = [step for code in codes for step in dis.get_instructions(code)]
    names = {step.argval for step in steps if step.opname == "LOAD_GLOBAL"}
    # What it counts, say, is no part of what it does.
    names -= {step.argval for step in steps if step.opname == "STORE_GLOBAL"}
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    own = {name: one for name, one in found.items() if _is_part(one, function.__module__)}
    closed = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return own | {f"closed over {name}": _content(cell) for name, cell in closed}


def _is_part(one, module):
    return isinstance(one, _PLAIN | tuple) or (isinstance(one, types.FunctionType) and one.__module__ == module)


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return None


def _methods(thing):
    """Functions of the class of a callable object."""
    held = vars(type(thing)) if callable(thing) else {}
    return {name: one for name, one in held.items() if isinstance(one, types.FunctionType)}


def _state(thing):
    """What pickle would take of an object."""
    kind = type(thing)
    is_usual = all(getattr(kind, name, None) is getattr(object, name, None) for name in _PICKLING)
    if not is_usual and kind.__module__.partition(".")[0] not in _STEADY:
        return None
    try:
        reduced = thing.__reduce_ex__(2)
    except Exception:  # whatever a class raises that is not to be pickled; then its name has to do
        return None
    if isinstance(reduced, str):
        return reduced
    # Behind the class, its arguments and its state stand iterators of what lists and dictionaries hold.
    return [*reduced[:3], *(None if items is None else list(items) for items in reduced[3:5])]
