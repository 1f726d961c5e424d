"""Step 3: train the Bayesian and the censored network.

    python 3_train_networks.py --work run

A network that is there is not trained again unless --restart is given. Ten times on the way the training is saved:
after a kill the same call goes on from there.
"""

from paper.samples import Sample
from paper.settings import NETWORKS, Settings, script_arguments
from paper.training import recipe_for, train

from astroNN.models import load_folder
from astroNN.shared.files import discard


def train_network(settings, name, epochs=None, restart=False, verbose=2):
    """Train one network and save it.

    Parameters
    ----------
    settings : Settings
    name : {"bayesian", "censored"}
    epochs : int, optional
    restart : bool
        Train anew what is there.
    verbose : int
    """
    folder, checkpoint = settings.network(name), settings.network(f"{name}_unfinished")
    if folder.exists() and not restart:
        print(f"{folder} is there")
        return
    if restart:
        discard(checkpoint)
    sample = Sample.read(settings.spectra("training"))
    recipe = recipe_for(name, len(sample.star), epochs)
    unfinished = load_folder(checkpoint) if checkpoint.exists() else None
    net = train(name, sample, settings.seed, recipe, checkpoint, unfinished, verbose)
    net.checkpoint = None
    net.save(folder, if_exists="replace")
    discard(checkpoint)
    print(f"{folder}: {type(net).__name__}, {net.num_train} stars to train on, {net.val_num} to calibrate, "
          f"{net.max_epochs} epochs", flush=True)  # fmt: skip


def main():
    parser = script_arguments(__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="default: both")
    parser.add_argument("--epochs", type=int, help="default: those of the recipe, see paper/training.py")
    parser.add_argument("--restart", action="store_true", help="train anew what is there")
    parser.add_argument("--quiet", action="store_true", help="no line for every epoch")
    arguments = parser.parse_args()
    settings = Settings.read(arguments.work)
    for name in arguments.networks:
        train_network(settings, name, arguments.epochs, arguments.restart, verbose=0 if arguments.quiet else 2)


if __name__ == "__main__":
    main()
