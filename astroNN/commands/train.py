"""``astronn train``: a network from a file of settings."""

import argparse
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

from astroNN.commands.failures import told

__all__ = ["add_parser"]

_PARAMETER_FILE = "astroNN_model_parameter.json"


def add_parser(commands):
    """Add the command to those of the command line.

    Parameters
    ----------
    commands : object
        What `argparse.ArgumentParser.add_subparsers` gives.
    """
    parser = commands.add_parser(
        "train",
        help="train a network by a file of settings",
        description="Trains a network on spectra in an HDF5 file as a file of settings says, and saves it in a "
        "folder with these settings. Stopped at any moment, the same command goes on where it was.",
    )
    parser.set_defaults(run=_run)
    add = parser.add_argument
    add("config", type=Path, metavar="CONFIG.toml",
        help="the settings; relative names of files in them belong to the working folder")  # fmt: skip
    add("--example", action=_PrintExample, help="print a file of settings to begin with")
    add("--dry-run", action="store_true", help="check settings and data, and say what would be trained")
    add("--replace", action="store_true", help="replace the network in the folder `out` when the new one is trained")
    add("--restart", action="store_true", help="throw away what an unfinished training has left")
    add("--quiet", action="store_true", help="say nothing but warnings and errors")


class _PrintExample(argparse.Action):
    """An option that prints the example and ends, whatever else is given."""

    def __init__(self, option_strings, dest, help=None):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, help=help)

    def __call__(self, parser, namespace, values, option_string=None):
        from astroNN.commands._training_example import EXAMPLE

        print(EXAMPLE, end="")
        parser.exit()


def _run(arguments):
    with _plain_warnings():
        return told("train", _train, arguments)


@contextmanager
def _plain_warnings():
    """Warnings as one line: where in the library they come from says nothing to who gave a command."""

    def show(message, *where, **options):
        print(f"astronn train: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _train(arguments):
    from astroNN.commands._training_config import read_config

    config = read_config(arguments.config)
    _check_out(config, arguments.replace)
    from astroNN.commands._training_data import TrainingData

    data = TrainingData(config)
    from astroNN.demo.quiet import start_backend

    start_backend()
    from astroNN.commands._training import describe, make_network, train

    if arguments.dry_run:
        make_network(config)
        print(describe(config, data))
    else:
        train(config, data, arguments.replace, arguments.restart, arguments.quiet)


def _check_out(config, replace):
    """Raise if the folder of the network can't be what the settings say, before any work."""
    from astroNN.commands._training_config import refused

    out = config.out
    if not out.exists():
        return
    if not replace:
        raise refused(config, "out", f"{str(out)!r} exists. Name another folder, or replace it by --replace.")
    if not out.is_dir() or (any(out.iterdir()) and not (out / _PARAMETER_FILE).is_file()):
        raise refused(config, "out", f"{str(out)!r} exists and holds no network: --replace does not touch it.")
