"""A training phase: resumed where it stopped, ended by its budget, stopped when the loss is no number."""

import math

import pytest
import torch

from shopping_assistant.finetune import fitting
from shopping_assistant.finetune.fitting import Checkpoint, Fitted, Plan, Point, Step, TrainingError, fit

DROPPED = torch.nn.Dropout(0.5)


def run(checkpoint: Checkpoint, steps: int = 40, told=lambda share: None, spoiled: int = -1, **plan):
    """A layer trained on noisy sums, with dropout; its weights and what was done."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 1)
    data = torch.randn(40, 4)

    def parts(at: int):
        for half in data[at].expand(2, 4):
            loss = (layer(DROPPED(half)) - half.sum()).square().mean() / 2
            yield loss * math.nan if at == spoiled else loss

    def every():
        for at in range(steps):
            yield Step((0, at), 10, lambda at=at: parts(at))

    settings = Plan(**{"rate": 0.05, "total": 400, "minutes": 10, "seed": 5, **plan})
    fitted = fit("phase", dict(layer.named_parameters()), every(), settings, checkpoint, 0.0, told)
    return torch.cat([p.detach().flatten() for p in layer.parameters()]), fitted


def killed_at(count: int):
    seen = []

    def told(share: float) -> None:
        seen.append(share)
        if len(seen) == count:
            raise KeyboardInterrupt

    return told


def without_seconds(fitted: Fitted) -> list[Point]:
    return [point._replace(seconds=0) for point in fitted.curve]


def test_a_phase_killed_twice_takes_the_same_steps_to_the_same_weights(tmp_path):
    whole, fitted = run(Checkpoint(tmp_path / "a", "key"))
    for count in (7, 21):
        with pytest.raises(KeyboardInterrupt):
            run(Checkpoint(tmp_path / "b", "key"), told=killed_at(count))
    resumed, again = run(Checkpoint(tmp_path / "b", "key"))
    assert torch.equal(resumed, whole)
    assert without_seconds(again) == without_seconds(fitted)
    assert [p.step for p in again.curve] == list(range(1, 41))
    assert again.curve[-1].tokens == again.size == 400


def test_a_phase_that_ended_is_not_trained_again(tmp_path):
    whole, fitted = run(Checkpoint(tmp_path, "key"))
    second, again = run(Checkpoint(tmp_path, "key"), told=killed_at(1))
    assert torch.equal(second, whole) and again == fitted


def test_another_key_throws_the_checkpoint_away_and_the_same_one_counts(tmp_path):
    run(Checkpoint(tmp_path / "kept", "key"))
    same = Checkpoint(tmp_path / "kept", "key")
    assert same.resumed == 1 and same.load("phase")
    assert Checkpoint(tmp_path / "kept", "another").load("phase") is None
    assert not (tmp_path / "kept").exists()


def test_what_is_measured_once_is_kept(tmp_path):
    checkpoint = Checkpoint(tmp_path, "key")
    assert checkpoint.once("share", lambda: {"is": 0.25}) == {"is": 0.25}
    assert Checkpoint(tmp_path, "key").once("share", lambda: pytest.fail("measured again")) == {"is": 0.25}


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_checkpoint(tmp_path):
    with pytest.raises(TrainingError, match=r"phase, step 13: the loss is nan.* at rate 0\.0\d+, .*lower `rate`"):
        run(Checkpoint(tmp_path, "key"), spoiled=12)
    tensors, state = Checkpoint(tmp_path, "key").load("phase")
    assert state["steps"] == 12 and not state["ended"]
    assert all(t.isfinite().all() for t in tensors.values())


def test_the_total_ends_a_phase_and_so_does_the_time(tmp_path, monkeypatch):
    assert run(Checkpoint(tmp_path / "total", "key"), total=105)[1].steps == 11

    class Clock:
        def __init__(self, minutes: float):
            self.asked = 0

        def spent(self) -> float:
            self.asked += 1
            return self.asked / 20

    monkeypatch.setattr(fitting, "Budget", Clock)
    assert run(Checkpoint(tmp_path / "time", "key"))[1].steps == 20


def test_the_rate_rises_then_falls_over_the_plan(tmp_path):
    rates = [point.rate for point in run(Checkpoint(tmp_path, "key"))[1].curve]
    top = rates.index(max(rates))
    assert 0 < top < 5 and rates == [*sorted(rates[: top + 1]), *sorted(rates[top + 1 :], reverse=True)]
    assert rates[-1] < 0.2 * max(rates)
