"""What `toolrecd doctor` finds, and that each problem comes with its remedy."""

from __future__ import annotations

import os

import pytest

from tests.daemon.engine_files import write_adapter, write_model
from toolrecd import doctor, ownership
from toolrecd.config import Paths
from toolrecd.engine.basemodel import FILE_NAME


@pytest.fixture
def examine(isolated_home):
    """Return a function that examines an installation with a configuration and gives verdict and text by subject."""
    (isolated_home / "k/models").mkdir(parents=True)
    write_model(isolated_home / "k/models" / FILE_NAME)

    def run(text: str = "") -> dict[str, tuple[str, str]]:
        folder = isolated_home / "c"
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(text)
        where = ownership.Files(isolated_home / "s" / "d.sock")
        findings = doctor.examine(Paths(folder, isolated_home / "k"), where)
        return {finding.subject: (finding.verdict, finding.text) for finding in findings}

    return run


def test_a_sound_installation_has_no_problem(examine):
    """Everything is in order; that no daemon runs is worth a note with its remedy."""
    found = examine()
    assert {verdict for verdict, _ in found.values()} == {"ok", "note"}
    assert found["daemon"][0] == "note"
    assert "toolrecd start" in found["daemon"][1]


def test_a_broken_configuration_is_a_problem_and_the_rest_is_still_examined(examine):
    """The mistake is named, and the other checks go on with the defaults."""
    found = examine("[suggest]\nthreshold = 5")
    assert found["configuration"][0] == "problem"
    assert "suggest.threshold is 5" in found["configuration"][1]
    assert found["model"][0] == "ok"


def test_a_missing_model_is_a_note_or_a_problem(examine, isolated_home):
    """The default model that is not made yet can be; one named in the configuration must be there."""
    (isolated_home / "k/models" / FILE_NAME).unlink()
    assert examine()["model"][0] == "note"
    assert "toolrecd model prepare" in examine()["model"][1]
    verdict, text = examine("[model]\npath = '/nowhere/x.gguf'")["model"]
    assert (verdict, text) == ("problem", "/nowhere/x.gguf cannot be read: No such file or directory")


def test_a_truncated_model_is_a_problem(examine, isolated_home):
    """A file that ends early is told from a whole one."""
    path = write_model(isolated_home / "m.gguf")
    path.write_bytes(path.read_bytes()[:-1000])
    verdict, text = examine(f"[model]\npath = '{path}'")["model"]
    assert verdict == "problem"
    assert "is cut short" in text
    assert "fetch it again" in text


def test_a_model_switched_off_is_a_note(examine):
    """It is no mistake to do without."""
    assert examine("[model]\nenabled = false")["model"][0] == "note"


def test_an_adapter_of_another_architecture_is_a_problem(examine, isolated_home):
    """The adapter is named with what it was made for."""
    adapter = write_adapter(isolated_home / "a.gguf", architecture="llama")
    verdict, text = examine(f"[model]\nadapter = '{adapter}'")["adapter"]
    assert verdict == "problem"
    assert f"{adapter}: it was made for the architecture 'llama', and the model is 'gemma3'" in text


def test_a_broken_tool_is_a_problem(examine, isolated_home):
    """The user's own tool files are read as the daemon reads them."""
    (isolated_home / "c/tools").mkdir(parents=True)
    (isolated_home / "c/tools/bad.toml").write_text("name = 3")
    assert examine()["your tools"][0] == "problem"


def test_own_tools_are_judged_by_the_rules(examine, isolated_home):
    """A tool of one's own that breaks a rule is a problem with file, line, field and reason; its folder is nobody's."""
    folder = isolated_home / "c/tools"
    folder.mkdir(parents=True)
    text = (
        'name = "mine"\nsummary = "Copy new photos to the nas"\nprograms = ["mine"]\ncategories = ["backup"]\n'
        'platforms = ["linux"]\nstandardness = "niche"\nusage = 2\npiped_with = ["grpe"]\n'
        '[install]\npipx = "mine"\n'
        '[[examples]]\ntask = "copy all"\ncommand = "mine {directory}"\n'
        '[[examples]]\ntask = "see all"\ncommand = "mine"\n'
    )
    (folder / "any-name.toml").write_text(text)
    assert examine()["your tools"] == (
        "problem",
        f"{folder / 'any-name.toml'}:8: piped_with: 'grpe' is not in the knowledge base",
    )
    (folder / "any-name.toml").write_text(text.replace("grpe", "grep"))
    assert "your tools" not in examine()


def test_a_socket_that_must_not_be_trusted_is_a_problem(examine, isolated_home):
    """A symlink at the socket's place is named with the remedy."""
    (isolated_home / "s").mkdir(mode=0o700)
    (isolated_home / "s/d.sock").symlink_to("/dev/null")
    verdict, text = examine()["daemon"]
    assert verdict == "problem"
    assert "is a symlink; remove it" in text


def test_the_command_reports_a_running_daemon_and_its_problems(daemon, monkeypatch):
    """With a daemon that answers, doctor tells its pid and what it complains about, and exits by the worst verdict."""
    monkeypatch.setenv("TOOLREC_MODEL_ENABLED", "false")
    daemon.toolrecd("start", check=True)
    sound = daemon.toolrecd("doctor")
    assert sound.returncode == 0, sound.stdout
    assert f"answers at {daemon.socket}, pid " in sound.stdout
    file = daemon.home / ".config/toolrec/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[model")
    daemon.toolrecd("reload")
    broken = daemon.toolrecd("doctor")
    assert broken.returncode == 1
    assert broken.stdout.count("is not valid TOML") == 2
    assert os.path.exists(daemon.socket)
