"""The demo shop's weights are those of their manifest, and do what it says."""

import json
import math
import subprocess
import sys

import pytest

from shopping_assistant.finetune import demo
from shopping_assistant.tools.store import Store


def test_the_recorded_figures_come_out_again_from_the_shipped_weights(demo_store):
    found = demo.figures_again(Store.open(demo_store), models=("titles", "ids"))
    assert set(found) == {"titles", "ids"}
    for figures in found.values():
        assert figures
        for figure, (recorded, computed) in figures.items():
            assert math.isclose(recorded, computed, abs_tol=2e-3), figure


def test_everything_shipped_is_current(demo_store):
    """`shop build` on a fresh demo shop has nothing to do: catalogue, log, settings and weights belong together."""
    from shopping_assistant.finetune.build import STEPS, build

    expected = dict.fromkeys(STEPS, "fresh") | {"fit": "skipped", "images": "skipped"}
    assert {r.name: r.outcome for r in build(Store.open(demo_store))} == expected


def test_the_manifest_says_how_the_models_were_made():
    manifest = demo.read_shipped()
    assert manifest["data_seed"] == demo.SEED and manifest["command"] == "make demo" and manifest["wall_seconds"] > 0
    for model in manifest["models"].values():
        assert model["files"] and model["made_by"]["figures"]
    sizes = (f.stat().st_size for f in demo.SHIPPED.rglob("*") if f.is_file())
    assert sum(sizes) <= 16 * 2**20


def test_the_record_of_the_recommenders_run_travels_with_it():
    run = demo.SHIPPED / "recommender" / "run"
    figures = json.loads((run / "record.json").read_text())["figures"]
    assert figures == demo.read_shipped()["models"]["recommender"]["made_by"]["figures"]
    # Held to the catalogue's ids no answer is malformed; what the model writes by itself was counted at each stage.
    assert figures["validation"]["malformed"] == 0
    assert list(figures["malformed"]) == ["before_finetuning", "before_hard_rounds", "after_hard_rounds"]
    assert all(0 <= share <= 1 for share in figures["malformed"].values())
    curve = (run / "loss.csv").read_text().splitlines()
    steps = [figures["pretraining"], figures["finetuning"], figures["finetuning"]["hard_rounds"]]
    assert len(curve) == 1 + sum(phase["steps"] for phase in steps)
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_damaged_weights_are_refused_and_nothing_is_left(tmp_path, monkeypatch):
    damaged = tmp_path / "models"
    (damaged / "ids").mkdir(parents=True)
    (damaged / "ids" / "model.safetensors").write_bytes(b"cut off")
    manifest = {"models": {"ids": {"files": {"ids/model.safetensors": "0" * 64}}}}
    (damaged / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(demo, "SHIPPED", damaged)
    with pytest.raises(demo.DemoError, match="damaged"):
        demo.lay_down(tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_store_that_is_not_there_is_said_in_a_sentence(tmp_path):
    command = [sys.executable, "-m", "shopping_assistant.finetune.demo", "verify", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: no store at") and not done.stdout
