"""Several processes train as one: the same losses, one writer, one voice."""

import csv
import json
import os
import shutil
import subprocess
import sys

import pytest

from shopping_assistant.finetune import config, falcon
from shopping_assistant.finetune.falcon import FalconConfig
from shopping_assistant.finetune.processes import WatchedStore
from shopping_assistant.tools.store import Store

RUN = """
shape: {hidden: 32, layers: 1, heads: 2, vocabulary: 300, positions: 512}
ids: {kind: random}
style: {attributes: [brand], full_items: 1}
prompt_tokens: 128
title_tokens: 8
pretraining: {max_tokens: 6000, minutes: 2, epochs: 1, window: 128, batch_tokens: 1000, users: 60, facts: 20}
lora: {rank: 4, dropout: 0.0, rate: 1e-3, max_examples: 60, minutes: 2, window: 256, batch_tokens: 1024,
       rows_at_once: 1, attention: eager, hard_share: 0.4, hard_epochs: 1}
validation: 6
"""


def launched(store: Store, settings) -> subprocess.CompletedProcess:
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1",
        "--mixed_precision", "no", "--dynamo_backend", "no", "-m", "shopping_assistant.ui.cli",
        "finetune", "falcon", "--store", str(store.path), "--config", str(settings),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


def curve_of(store: Store) -> list[dict]:
    with (store.model_dir("recommender") / "run" / "loss.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(RUN)
    return path


def test_two_processes_give_the_loss_curve_of_one(small_store, settings, tmp_path):
    twin = Store.open(shutil.copytree(small_store.path, tmp_path / "twin"))
    done = launched(twin, settings)
    assert done.returncode == 0, done.stderr[-3000:]
    # One voice, and one writer.
    assert done.stderr.count("recommender  made") == 1
    assert Store.open(twin.path).damaged() == [] and Store.open(twin.path).made_by("recommender")["settings"]
    falcon.train(small_store, config.load(settings, FalconConfig))
    one, two = curve_of(small_store), curve_of(twin)
    assert {p["phase"] for p in one} == {"pretraining", "finetuning", "hard rounds"}
    assert [(p["phase"], p["step"], p["tokens"]) for p in one] == [(p["phase"], p["step"], p["tokens"]) for p in two]
    for a, b in zip(one, two, strict=True):
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), abs=1e-3)


def test_what_stops_the_run_is_said_once_and_ends_every_process(small_store, settings):
    settings.write_text(RUN.replace("prompt_tokens: 128", "prompt_tokens: 20"))
    done = launched(small_store, settings)
    assert done.returncode != 0
    assert done.stderr.count("error: ") == 1 and "prompt_tokens" in done.stderr
    assert not (small_store.model_dir("recommender")).exists()


def test_a_process_that_is_not_the_main_one_writes_nothing(small_store):
    before = (small_store.path / "store.json").read_text()
    watched = WatchedStore.open(small_store.path)
    watched.record("recommender", {"figures": {}})
    assert (small_store.path / "store.json").read_text() == before
    assert watched.catalog().ids == small_store.catalog().ids
    assert json.loads(before)["name"] == watched.name
