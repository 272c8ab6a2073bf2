"""No place of a machine stands in what is handed on."""

from pathlib import Path

from shopping_assistant.eval.command_line import without_places


def test_absolute_paths_are_said_from_here_or_by_their_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = [
        "replay",
        "--store",
        tmp_path / "stores/demo",
        f"--out={tmp_path}/results",
        "--seed=1",
        "/elsewhere/log.csv",
    ]
    said = without_places(words)
    assert said == ["replay", "--store", str(Path("stores/demo")), "--out=results", "--seed=1", "log.csv"]
