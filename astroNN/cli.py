"""The command line ``astronn``; ``python -m astroNN`` is the same.

Parsing and checking import nothing heavy, so that ``--help`` and a refusal answer at once.
"""

import argparse
from pathlib import Path

from astroNN._version import __version__
from astroNN.commands import info, predict, train
from astroNN.commands.failures import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_REFUSED, complain

__all__ = ["main"]

MIN_TRAINING_STARS, MIN_TEST_STARS = 200, 10
# Stars to train on, stars to test with, and epochs. Measured on 2 cores, see docs/source/demo.rst.
_FULL = {"size": 4000, "test_size": 1000, "epochs": 30}
_QUICK = {"size": 1500, "test_size": 300, "epochs": 15}


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments without the name of the program. Default: those of the process.

    Returns
    -------
    int
        0 when done; 1 if reading or writing failed on the way; 2 if something given was refused, before any work;
        130 if stopped by Ctrl-C.

    Raises
    ------
    SystemExit
        By `argparse`, after ``--help`` or ``--version`` (code 0) or wrong arguments (code 2).
    """
    arguments = _parser().parse_args(argv)
    return arguments.run(arguments)


def _parser():
    parser = argparse.ArgumentParser(
        prog="astronn", description="Deep learning for astronomy, with uncertainties that hold."
    )
    parser.add_argument("--version", action="version", version=f"astroNN {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="simulate spectra, train a Bayesian network on them, and judge its labels",
        description="Simulates APOGEE spectra of red giants, trains ApogeeBCNN on them, saves the network, loads it "
        "again, predicts stars it has not seen, prints how good labels and uncertainties are, and draws figures. "
        "Takes one to three minutes on two cores.",
    )
    demo.set_defaults(run=_demo)
    number, full, quick = demo.add_argument, _FULL, _QUICK
    text = "{} (default {}; {} with --quick)"
    number("--size", type=_at_least(MIN_TRAINING_STARS), metavar="N",
           help=text.format("stars to train on", full["size"], quick["size"]))  # fmt: skip
    number("--test-size", type=_at_least(MIN_TEST_STARS), metavar="N",
           help=text.format("stars to test with", full["test_size"], quick["test_size"]))  # fmt: skip
    number("--epochs", type=_at_least(1), metavar="N",
           help=text.format("epochs of the training", full["epochs"], quick["epochs"]))  # fmt: skip
    number("--seed", type=_at_least(0), default=0, metavar="N",
           help="where all random numbers come from: the same seed gives the same table (default 0)")  # fmt: skip
    demo.add_argument("--out", type=Path, default=Path("astroNN_demo"), metavar="FOLDER",
                      help="folder for network, table and figures (default ./astroNN_demo)")  # fmt: skip
    demo.add_argument("--quick", action="store_true", help="fewer stars and epochs: under a minute, less accurate")
    demo.add_argument("--force", action="store_true", help="replace the results of an earlier demo in the folder")
    predict.add_parser(commands)
    info.add_parser(commands)
    train.add_parser(commands)
    return parser


def _at_least(minimum):
    def number(text):
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if value < minimum:
            raise argparse.ArgumentTypeError(f"{value} is too small; give at least {minimum}")
        return value

    return number


def _demo(arguments):
    from astroNN.demo.folder import DemoFolder, FolderRefused

    folder = DemoFolder(arguments.out)
    try:
        folder.prepare(arguments.force)
    except FolderRefused as error:
        return complain("demo", error, EXIT_REFUSED)
    defaults = _QUICK if arguments.quick else _FULL
    chosen = {name: value if (value := getattr(arguments, name)) is not None else defaults[name] for name in defaults}
    try:
        from astroNN.demo.quiet import start_backend

        start_backend()
        from astroNN.demo.run import run_demo

        run_demo(folder, seed=arguments.seed, **chosen)
    except KeyboardInterrupt:
        return complain(
            "demo",
            f"stopped. What is finished lies in {folder.root}; --force starts over in the same folder.",
            EXIT_INTERRUPTED,
        )
    except OSError as error:
        return complain("demo", f"writing or reading failed: {error}", EXIT_FAILED)
    return EXIT_OK
