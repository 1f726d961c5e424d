"""Settings of the user: the configuration file, and the constants read from it.

The file is ``~/.astroNN/config.ini``, or the one named by the environment variable ``ASTRONN_CONFIG``. It is
written with the defaults the first time a setting is asked for. Where that is impossible (a read-only home) the
defaults are used from memory and one warning says so.

===============  ============================  =========  ==================================================
Section          Key                           Default    Meaning
===============  ============================  =========  ==================================================
``[Basics]``     ``magicnumber``               -9999.0    marks a missing label or pixel (NaN does as well)
``[Basics]``     ``multiprocessing_generator`` False      accepted for old files; data are read by threads
``[Basics]``     ``environmentvariablewarning`` True      warn when a survey's path variable is not set
``[NeuralNet]``  ``custommodelpath``           None       files or folders with custom models, parted by ``;``
``[NeuralNet]``  ``cpufallback``               False      hide the GPUs
===============  ============================  =========  ==================================================
"""

import configparser
import functools
import os
import warnings
from pathlib import Path

__all__ = [
    "CUSTOM_MODEL_PATH",
    "ENVVAR_WARN_FLAG",
    "MAGIC_NUMBER",
    "MULTIPROCESS_FLAG",
    "astroNN_CACHE_DIR",
    "config_path",
    "cpu_gpu_reader",
    "custom_model_path_reader",
    "envvar_warning_flag_reader",
    "magic_num_reader",
    "multiprocessing_flag_reader",
]

_astroNN_MODEL_NAME = "astroNN_model_parameter.json"

DEFAULTS = {
    "Basics": {
        "magicnumber": "-9999.0",
        "multiprocessing_generator": "False",
        "environmentvariablewarning": "True",
    },
    "NeuralNet": {"custommodelpath": "None", "cpufallback": "False"},
}


def config_path(flag=None):
    """Path of the configuration file, which is created if it does not exist.

    Parameters
    ----------
    flag : {None, 1, 2}, optional
        1 writes the file anew with every known value kept and missing keys added; 2 resets it to the defaults.

    Returns
    -------
    str
        Path of the file. It may not exist when its folder can't be written (a warning says so).

    Raises
    ------
    ValueError
        If `flag` is none of the above.
    """
    if flag not in (None, 0, 1, 2):
        raise ValueError(f"config_path: `flag` must be None, 1 (rewrite) or 2 (reset), got {flag!r}.")
    path = _location()
    if flag == 2:
        _write(path, _parser())
    elif flag == 1 or not path.exists():
        _write(path, _parser(path))
    _settings.cache_clear()
    return str(path)


def magic_num_reader():
    """Number that marks a missing value (float), by default -9999.0."""
    return _read("Basics", "magicnumber", float)


def multiprocessing_flag_reader():
    """Whether old scripts asked for multiprocessing generators (bool)."""
    return _read("Basics", "multiprocessing_generator", _to_bool)


def envvar_warning_flag_reader():
    """Whether to warn of survey path variables that are not set (bool)."""
    return _read("Basics", "environmentvariablewarning", _to_bool)


def cpu_gpu_reader():
    """Whether GPUs shall be hidden (bool)."""
    return _read("NeuralNet", "cpufallback", _to_bool)


def custom_model_path_reader():
    """Files and folders in which classes of custom models are looked for.

    Returns
    -------
    list of str or None
        Absolute paths, ``~`` expanded; None when the setting is ``None``.
    """
    value = _read("NeuralNet", "custommodelpath", str).strip()
    if value in ("", "None"):
        return None
    return [str(Path(part.strip()).expanduser().absolute()) for part in value.split(";") if part.strip()]


_CONSTANTS = {
    "MAGIC_NUMBER": magic_num_reader,
    "MULTIPROCESS_FLAG": multiprocessing_flag_reader,
    "ENVVAR_WARN_FLAG": envvar_warning_flag_reader,
    "CUSTOM_MODEL_PATH": custom_model_path_reader,
    "astroNN_CACHE_DIR": lambda: str(_cache_dir()),
}


def __getattr__(name):
    # Read on first use rather than at import, so that `import astroNN` never touches the disk.
    if name in _CONSTANTS:
        return _CONSTANTS[name]()
    raise AttributeError(f"module 'astroNN.config' has no attribute {name!r}")


def _cache_dir():
    return Path.home() / ".astroNN"


def _location():
    override = os.environ.get("ASTRONN_CONFIG")
    return Path(override).expanduser().absolute() if override else _cache_dir() / "config.ini"


def _parser(path=None):
    """Defaults, overlaid with the file at `path` when it can be read."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(DEFAULTS)
    if path is not None and path.exists():
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            warnings.warn(
                f"The configuration file {path} can't be read ({error}); the defaults are used. "
                "Mend the file, or delete it to have it written anew.",
                stacklevel=4,
            )
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_dict(DEFAULTS)
    return parser


def _write(path, parser):
    # A name of its own per process: two processes may start at once, and the last rename wins whole.
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as stream:
            parser.write(stream)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True) if os.access(path.parent, os.W_OK) else None
        warnings.warn(
            f"The configuration file {path} can't be written ({error.strerror or error}); default settings are used. "
            "Set the environment variable ASTRONN_CONFIG to a file in a folder that can be written to keep "
            "settings of your own.",
            stacklevel=4,
        )


@functools.lru_cache(maxsize=8)
def _settings(path):
    if not path.exists():
        _write(path, _parser())
    return _parser(path)


def _read(section, key, convert):
    path = _location()
    text = _settings(path).get(section, key)
    try:
        return convert(text)
    except ValueError:
        raise ValueError(
            f"The setting `{key}` in section [{section}] of {path} is {text!r}, which can't be understood; "
            f"the default is {DEFAULTS[section][key]!r}."
        ) from None


def _to_bool(text):
    value = text.strip().lower()
    if value not in configparser.ConfigParser.BOOLEAN_STATES:
        raise ValueError(text)
    return configparser.ConfigParser.BOOLEAN_STATES[value]
