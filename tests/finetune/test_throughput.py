"""The throughput comparison: both sides do the same work, and the figures come out of a run of both."""

import json
import math

import pytest
import torch

from shopping_assistant.finetune import throughput
from shopping_assistant.finetune.packing import response_losses
from shopping_assistant.finetune.sft_data import Pair
from shopping_assistant.finetune.throughput import WINDOW, Ours, Plain, Setting, random_model, rows_of_examples, weights

CPU = torch.device("cpu")
ONE = Setting(rows=1, steps=1)


def test_rows_are_full_and_split_as_in_training():
    rows = rows_of_examples(Setting(), 50)
    assert all(sum(len(p) + len(r) for p, r in row) == WINDOW for row in rows)
    prompts = [len(p) for row in rows for p, _ in row]
    responses = [len(r) for row in rows for _, r in row]
    assert (
        min(prompts) >= throughput.PROMPT[0] and max(prompts) <= throughput.PROMPT[1] + sum(throughput.RESPONSE) + 160
    )
    assert throughput.RESPONSE[0] <= min(responses) and max(responses) <= throughput.RESPONSE[1]
    assert rows_of_examples(Setting(), 50) == rows and rows_of_examples(Setting(seed=2), 50) != rows


@pytest.fixture(scope="module", params=[False, True], ids=["32 bits", "nf4"])
def sides(request) -> tuple[Ours, Plain]:
    setting = Setting(rows=1, steps=1, quantize=request.param)
    return Ours(setting, CPU), Plain(setting, CPU)


def test_both_sides_train_the_same_adapters_on_the_same_model(sides):
    ours, plain = (dict(side.model.named_parameters()) for side in sides)
    assert {n for n, p in ours.items() if p.requires_grad} == {n for n, p in plain.items() if p.requires_grad}
    assert weights(sides[0].model) == weights(sides[1].model)
    assert weights(sides[0].model)["frozen"] == sum(
        m.weight.numel() for m in random_model(Setting(), CPU).get_decoder().modules() if isinstance(m, torch.nn.Linear)
    )


def test_both_sides_have_the_same_loss_before_training(sides):
    prompt, response = rows_of_examples(ONE, 1)[0][0]
    ours, plain = (side.model.eval() for side in sides)
    tokens = torch.tensor([[*prompt, *response]])
    labels = torch.tensor([[*[-100] * len(prompt), *response]])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        theirs = plain(input_ids=tokens, labels=labels).loss.item()
        mine = response_losses(ours, [[Pair(tuple(prompt), tuple(response))]])[0].mean().item()
    assert mine == pytest.approx(theirs, rel=5e-3)
    assert mine == pytest.approx(math.log(1024), rel=0.05)  # random weights know nothing


def test_both_sides_take_steps_that_change_the_adapters(sides):
    for side in sides:
        trained = [p for n, p in side.model.named_parameters() if "lora_B" in n]
        assert not any(p.any() for p in trained)
        by_clock, of_processor = side.take(1)
        assert by_clock > 0 and of_processor > 0
        assert all(p.any() for p in trained)


def test_every_linear_map_is_in_4_bits_where_asked():
    import bitsandbytes as bnb

    model = random_model(Setting(quantize=True), CPU)
    small = [m for m in model.modules() if isinstance(m, bnb.nn.Linear4bit)]
    assert len(small) == 2 * 4 and all(m.weight.dtype == torch.uint8 for m in small)
    assert not isinstance(model.lm_head, bnb.nn.Linear4bit)


def test_the_command_measures_both_sides(capsys):
    assert throughput.main(["--rows", "1", "--steps", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    for side in ("ours", "plain"):
        assert found[side]["tokens_per_second"] > 0 and 0 < found[side]["mfu"] < 1
        assert found[side]["peak_memory"]["resident_gb"] > 0.1
        assert len(found[side]["turns"]) == throughput.ROUNDS
    # By hand: two layers of 128: query, key and value 128 x (128 + 2 x 32), dense 128 x 128, and 2 x 128 x 512.
    assert found["frozen"] == 2 * (128 * 192 + 128 * 128 + 2 * 128 * 512)
    assert found["operations_a_token"] == 4 * found["frozen"] + 6 * found["adapters"]
    speeds = [found[side]["tokens_per_second"] for side in ("ours", "plain")]
    assert found["ratio"]["tokens_per_second"] == pytest.approx(speeds[0] / speeds[1], rel=1e-2)


def test_a_side_that_fails_says_why(capsys, monkeypatch):
    monkeypatch.setattr(throughput, "SIDES", {"ours": None, "plain": None})
    monkeypatch.setattr(throughput, "_serve", _fails)
    assert throughput.main(["--rows", "1"]) == 2
    assert "error: ours: MemoryError: no room" in capsys.readouterr().err


def _fails(pipe, name, setting):
    pipe.send(throughput.ThroughputError(f"{name}: MemoryError: no room"))
