"""Settings of the user: the configuration file, and the constants read from it.

The file is ``~/.astroNN/config.ini``, or the one named by the environment variable ``ASTRONN_CONFIG``. It is
written with the defaults the first time a setting is asked for. Where that is impossible (a read-only home) the
defaults are used from memory and one warning says so. The file is read once in a process, and the constants keep
the value that they had when they were first used, so that all modules agree on what is missing.

============= ============================== ========= =====================================================
Section       Key                            Default   Meaning
============= ============================== ========= =====================================================
``Basics``    ``magicnumber``                -9999.0   marks a missing label or pixel (NaN does as well)
``Basics``    ``multiprocessing_generator``  False     read from old files; without effect
``Basics``    ``environmentvariablewarning`` True      for the survey tools: warn of path variables not set
``NeuralNet`` ``custommodelpath``            None      files or folders with custom models, parted by ``;``
``NeuralNet`` ``trust_custom_code``          False     run the Python code that came inside a network's folder
``NeuralNet`` ``cpufallback``                False     hide the GPUs when `astroNN.models` is imported
``Downloads`` ``sdss``, ``gaia``,            (servers) roots of the archives, to be changed to those of a mirror
              ``galaxy10``,
              ``galaxy10sdss``, ``gamornet``
============= ============================== ========= =====================================================
"""

import configparser
import contextlib
import functools
import math
import os
import secrets
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
    "download_url_reader",
    "envvar_warning_flag_reader",
    "magic_num_reader",
    "multiprocessing_flag_reader",
    "trust_custom_code_reader",
]

# What follows is read on first use, by `__getattr__` below.

#: number that marks a missing label or pixel
MAGIC_NUMBER: float
#: whether old scripts asked for multiprocessing generators; without effect
MULTIPROCESS_FLAG: bool
#: whether to warn of survey path variables that are not set
ENVVAR_WARN_FLAG: bool
#: files and folders in which classes of custom models are looked for; None if there are none
CUSTOM_MODEL_PATH: list[str] | None
#: folder of what the package keeps for its user, ``~/.astroNN``
astroNN_CACHE_DIR: str

_astroNN_MODEL_NAME = "astroNN_model_parameter.json"

DEFAULTS = {
    "Basics": {
        "magicnumber": "-9999.0",
        "multiprocessing_generator": "False",
        "environmentvariablewarning": "True",
    },
    "NeuralNet": {"custommodelpath": "None", "trust_custom_code": "False", "cpufallback": "False"},
    "Downloads": {
        "sdss": "https://data.sdss.org/sas/",
        "gaia": "https://cdn.gea.esac.esa.int/Gaia/",
        "galaxy10": "https://zenodo.org/records/10845026/files/",
        "galaxy10sdss": "https://zenodo.org/records/10844811/files/",
        "gamornet": "ftp://ftp.astro.yale.edu/pub/aghosh/",
    },
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
        If `flag` is none of the above, or 1 for a file that can't be understood (which is left as it is).
    """
    if flag not in (None, 0, 1, 2):
        raise ValueError(f"config_path: `flag` must be None, 1 (rewrite) or 2 (reset), got {flag!r}.")
    path = _location()
    if flag:
        _write(path, _defaults() if flag == 2 else _with_file(path))
        _settings.cache_clear()
    else:
        _settings(path)
    return str(path)


def magic_num_reader():
    """Number that marks a missing value.

    Returns
    -------
    float
        By default -9999.0.
    """
    return _read("Basics", "magicnumber", _to_finite)


def multiprocessing_flag_reader():
    """Whether old scripts asked for multiprocessing generators.

    Returns
    -------
    bool
        Without effect; by default False.
    """
    return _read("Basics", "multiprocessing_generator", _to_bool)


def envvar_warning_flag_reader():
    """Whether to warn of survey path variables that are not set.

    Returns
    -------
    bool
        By default True.
    """
    return _read("Basics", "environmentvariablewarning", _to_bool)


def cpu_gpu_reader():
    """Whether GPUs shall be hidden.

    Returns
    -------
    bool
        By default False.
    """
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


def trust_custom_code_reader():
    """Whether Python code that came inside a network's folder may run when it is loaded.

    Returns
    -------
    bool
        By default False.
    """
    return _read("NeuralNet", "trust_custom_code", _to_bool)


def download_url_reader(archive):
    """Root of an archive, ending with a slash.

    Parameters
    ----------
    archive : str
        A key of the section ``Downloads``: "sdss", "gaia", "galaxy10", "galaxy10sdss" or "gamornet".

    Returns
    -------
    str
        The address of the archive itself, or that of a mirror which the configuration file names.
    """
    return _read("Downloads", archive, _to_url)


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
        return globals().setdefault(name, _CONSTANTS[name]())
    raise AttributeError(f"module 'astroNN.config' has no attribute {name!r}")


def _cache_dir():
    return Path.home() / ".astroNN"


def _location():
    override = os.environ.get("ASTRONN_CONFIG")
    return Path(override).expanduser().absolute() if override else _cache_dir() / "config.ini"


@functools.lru_cache(maxsize=8)
def _settings(path):
    """Settings in force: the file's, or the defaults, with a warning, where it can't be read or written."""
    # os.path.exists, unlike Path.exists, is False rather than an error below a folder that can't be searched.
    if not os.path.exists(path):
        _write(path, _defaults())
        return _defaults()
    try:
        return _with_file(path)
    except ValueError as error:
        warnings.warn(f"{error} Until then the defaults are used.", stacklevel=4)
        return _defaults()


def _defaults():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(DEFAULTS)
    return parser


def _with_file(path):
    """Defaults, overlaid with those settings that the file holds."""
    parser = _defaults()
    if os.path.exists(path):
        try:
            # `parser.read` would pass over a file that can't be opened without a word.
            with open(path, encoding="utf-8") as stream:
                parser.read_file(stream)
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            raise ValueError(
                f"The configuration file {path} can't be read ({error}). Mend it, or delete it to get a new one."
            ) from error
    return parser


def _write(path, parser):
    # A name of its own: two processes may start at once, and the last rename wins whole.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "w", encoding="utf-8") as stream:
            parser.write(stream)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # there may be nothing to clean up
            temporary.unlink()
        warnings.warn(
            f"The configuration file {path} can't be written ({error.strerror or error}); default settings are used. "
            "Set the environment variable ASTRONN_CONFIG to a file in a folder that can be written to keep "
            "settings of your own.",
            stacklevel=4,
        )


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


def _to_finite(text):
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _to_url(text):
    url = text.strip()
    if not url.startswith(("https://", "http://", "ftp://")):
        raise ValueError(text)
    return url if url.endswith("/") else f"{url}/"


def _to_bool(text):
    value = text.strip().lower()
    if value not in configparser.ConfigParser.BOOLEAN_STATES:
        raise ValueError(text)
    return configparser.ConfigParser.BOOLEAN_STATES[value]
