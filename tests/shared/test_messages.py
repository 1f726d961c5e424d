"""Messages go through logging; without any set-up they are plain text on standard output."""

import logging
import subprocess
import sys

from astroNN.shared.messages import tell


def output(code):
    code = f"import logging, sys\nfrom astroNN.shared.messages import tell\n{code}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_without_logging_messages_are_plain_text_on_standard_output():
    assert output("tell('one'); tell('two')") == ("one\ntwo\n", "")


def test_with_logging_set_up_messages_go_there_only():
    code = "logging.basicConfig(level='INFO', stream=sys.stderr, format='%(name)s: %(message)s'); tell('one')"
    assert output(code) == ("", "astroNN: one\n")


def test_logging_that_is_set_up_later_gets_every_message_once():
    code = "tell('one'); logging.basicConfig(level='INFO', stream=sys.stderr, format='%(message)s'); tell('two')"
    assert output(code) == ("one\n", "two\n")


def test_a_user_who_wants_warnings_only_gets_no_messages():
    assert output("logging.getLogger('astroNN').setLevel('WARNING'); tell('one')") == ("", "")


def test_verbose_0_says_nothing(caplog):
    with caplog.at_level(logging.INFO, logger="astroNN"):
        tell("quiet", verbose=0)
        tell("loud", verbose=1)
    assert caplog.messages == ["loud"]
