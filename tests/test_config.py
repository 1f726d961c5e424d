"""Settings: the file, its absence, and what users write into it."""

import configparser
import os
import subprocess
import sys
import warnings

import pytest

from astroNN import config

OLD_FILE = """\
[Basics]
magicnumber = -8888
multiprocessing_generator = True
tensorflow_keras = auto

[NeuralNet]
cpufallback = 1
"""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Path of a settings file that does not exist yet."""
    path = tmp_path / "folder" / "config.ini"
    monkeypatch.setenv("ASTRONN_CONFIG", str(path))
    config._settings.cache_clear()
    yield path
    config._settings.cache_clear()


def write(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def run(code, **environment):
    env = os.environ | {"PYTHONWARNINGS": "always"} | environment
    return subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)


def test_the_file_is_made_with_the_defaults_on_first_use(settings):
    assert config.magic_num_reader() == -9999.0
    written = configparser.ConfigParser()
    written.read(settings)
    assert float(written["Basics"]["magicnumber"]) == -9999.0
    assert written["Basics"]["environmentvariablewarning"] == "True"
    assert written["NeuralNet"]["custommodelpath"] == "None"
    assert [entry.name for entry in settings.parent.iterdir()] == ["config.ini"]


def test_defaults_are_those_of_the_established_interface(settings):
    assert config.multiprocessing_flag_reader() is False
    assert config.envvar_warning_flag_reader() is True
    assert config.cpu_gpu_reader() is False
    assert config.custom_model_path_reader() is None


def test_without_the_variable_the_file_stands_in_the_home_folder(tmp_path):
    code = "from astroNN.config import *; print(config_path(), astroNN_CACHE_DIR)"
    home = str(tmp_path)
    printed = run(code, ASTRONN_CONFIG="", HOME=home, USERPROFILE=home).stdout.split()
    assert printed == [str(tmp_path / ".astroNN" / "config.ini"), str(tmp_path / ".astroNN")]
    assert (tmp_path / ".astroNN" / "config.ini").is_file()


def test_a_home_that_cannot_be_written_gives_defaults_and_exactly_one_warning(tmp_path):
    (tmp_path / "file").write_text("")  # a folder can't be made below a file, not even by root
    code = "from astroNN.config import *; print(MAGIC_NUMBER, CUSTOM_MODEL_PATH, config_path(), cpu_gpu_reader())"
    done = run(code, ASTRONN_CONFIG=str(tmp_path / "file" / "config.ini"))
    assert done.stdout.split() == ["-9999.0", "None", str(tmp_path / "file" / "config.ini"), "False"]
    assert done.stderr.count("can't be written") == done.stderr.count("Warning:") == 1


def test_the_file_named_by_the_variable_is_read(settings):
    write(settings, OLD_FILE)
    assert config.magic_num_reader() == -8888.0
    assert config.multiprocessing_flag_reader() is True
    assert config.cpu_gpu_reader() is True
    assert config.envvar_warning_flag_reader() is True  # not in the file: the default


def test_reading_leaves_an_existing_file_as_it_is(settings):
    write(settings, OLD_FILE)
    config.magic_num_reader()
    config.config_path()
    assert settings.read_text() == OLD_FILE


def test_flag_1_adds_missing_keys_and_keeps_what_is_known(settings):
    write(settings, OLD_FILE)
    assert config.config_path(flag=1) == str(settings)
    written = configparser.ConfigParser()
    written.read(settings)
    assert written["Basics"]["magicnumber"] == "-8888"
    assert written["NeuralNet"]["custommodelpath"] == "None"
    assert config.magic_num_reader() == -8888.0


def test_flag_2_resets_to_the_defaults(settings):
    write(settings, OLD_FILE)
    assert config.magic_num_reader() == -8888.0
    config.config_path(flag=2)
    assert config.magic_num_reader() == -9999.0
    assert "8888" not in settings.read_text()


def test_another_flag_is_refused(settings):
    with pytest.raises(ValueError, match="`flag` must be"):
        config.config_path(flag=3)


@pytest.mark.parametrize("content", [b"magicnumber = 3\n", b"[Basics\nx", b"\xff\xfe\x00[", b"[a]\nb=1\nb=2\n"])
def test_a_broken_file_gives_defaults_and_one_warning_and_is_not_touched(settings, content):
    write(settings, "")
    settings.write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert config.magic_num_reader() == -9999.0
        assert config.cpu_gpu_reader() is False
    assert len(caught) == 1 and str(settings) in str(caught[0].message)
    with pytest.raises(ValueError, match="can't be read"):
        config.config_path(flag=1)
    assert settings.read_bytes() == content


def test_a_folder_in_the_place_of_the_file_is_not_passed_over_silently(settings):
    settings.mkdir(parents=True)
    with pytest.warns(UserWarning, match="can't be read"):
        assert config.magic_num_reader() == -9999.0


@pytest.mark.parametrize("value", ["minus one", "", "nan", "inf"])
def test_a_bad_magic_number_is_an_error_that_names_file_section_and_default(settings, value):
    write(settings, f"[Basics]\nmagicnumber = {value}\n")
    with pytest.raises(ValueError, match=r"`magicnumber` in section \[Basics\].*-9999.0") as error:
        config.magic_num_reader()
    assert str(settings) in str(error.value)


def test_a_bad_boolean_is_an_error(settings):
    write(settings, "[NeuralNet]\ncpufallback = perhaps\n")
    with pytest.raises(ValueError, match="'perhaps'"):
        config.cpu_gpu_reader()


def test_custom_model_paths_are_split_and_expanded(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(settings, f"[NeuralNet]\ncustommodelpath = ~/mine.py ; {tmp_path / '100%' / 'theirs'};\n")
    assert config.custom_model_path_reader() == [str(tmp_path / "mine.py"), str(tmp_path / "100%" / "theirs")]


def test_constants_keep_their_first_value_so_that_all_modules_agree(tmp_path):
    code = (
        "import os; from astroNN import config; first = config.MAGIC_NUMBER\n"
        "open(os.environ['ASTRONN_CONFIG'], 'w').write('[Basics]\\nmagicnumber = 5')\n"
        "from astroNN.config import MAGIC_NUMBER; print(first, MAGIC_NUMBER)"
    )
    assert run(code, ASTRONN_CONFIG=str(tmp_path / "config.ini")).stdout.split() == ["-9999.0", "-9999.0"]


def test_an_unknown_constant_is_an_attribute_error():
    with pytest.raises(AttributeError, match="MAGIC_WORD"):
        config.MAGIC_WORD  # noqa: B018


def test_processes_that_start_at_once_all_find_whole_settings(tmp_path):
    code = "from astroNN.config import MAGIC_NUMBER; print(MAGIC_NUMBER)"
    env = os.environ | {"ASTRONN_CONFIG": str(tmp_path / "new" / "config.ini"), "PYTHONWARNINGS": "error"}
    started = [
        subprocess.Popen([sys.executable, "-P", "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    assert [process.communicate()[0].strip() for process in started] == ["-9999.0"] * 4
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["config.ini"]
