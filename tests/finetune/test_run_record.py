"""A run's record: what it ran with, every step, a picture; whole or not at all."""

import csv
import getpass
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from shopping_assistant.finetune import run_record

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Point:
    phase: str
    step: int
    tokens: int
    seconds: float
    loss: float
    rate: float


def curve(phase: str, steps: int) -> list[Point]:
    losses = [float(np.float32(1 / 3 + 5 * math.exp(-i / 9))) for i in range(1, steps + 1)]  # as a 32-bit loss is
    return [Point(phase, i, 100 * i, 0.5 * i, loss, 1e-3 / i) for i, loss in enumerate(losses, start=1)]


def test_every_step_comes_back_as_it_was(tmp_path):
    points = [*curve("pretraining", 40), *curve("finetuning", 3)]
    run_record.write(tmp_path / "run", {"config": {"seed": 3}}, points)
    with (tmp_path / "run" / "loss.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["phase"], int(r["step"]), int(r["tokens"])) for r in rows] == [
        (p.phase, p.step, p.tokens) for p in points
    ]
    assert [np.float32(r["loss"]) for r in rows] == [np.float32(p.loss) for p in points]
    assert [float(r["rate"]) for r in rows] == pytest.approx([p.rate for p in points], rel=1e-8)
    assert {f.name for f in (tmp_path / "run").iterdir()} == {"record.json", "loss.csv", "loss.png"}


def test_the_picture_shows_what_was_run(tmp_path):
    from PIL import Image

    run_record.draw(curve("pretraining", 200), tmp_path / "one.png")
    run_record.draw(
        [*curve("pretraining", 200), *curve("finetuning", 50), *curve("hard rounds", 1)], tmp_path / "three.png"
    )
    pictures = [np.asarray(Image.open(tmp_path / name).convert("L")) for name in ("one.png", "three.png")]
    for picture in pictures:
        assert picture.shape == (500, 900)
        assert picture.std() > 5
    # Where one panel has its middle, three panels have the second one's own curve and frame.
    assert not np.array_equal(*pictures)


def test_a_record_is_json_whatever_numbers_it_has(tmp_path):
    import torch

    record = {
        "settings": Point("p", 1, 2, 3.0, 4.0, 5.0),
        "numpy": np.float32(0.5),
        "torch": torch.tensor(2),
        "none": math.nan,
        "pair": (1, math.inf),
    }
    run_record.write(tmp_path / "run", record, [])
    read = json.loads((tmp_path / "run" / "record.json").read_text(), parse_constant=pytest.fail)
    assert read == {
        "settings": {"phase": "p", "step": 1, "tokens": 2, "seconds": 3.0, "loss": 4.0, "rate": 5.0},
        "numpy": 0.5, "torch": 2, "none": None, "pair": [1, None],
    }  # fmt: skip
    assert not (tmp_path / "run" / "loss.png").exists()


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path):
    run_record.write(tmp_path / "run", {"good": 1}, curve("pretraining", 2))
    with pytest.raises(TypeError):
        run_record.write(tmp_path / "run", {"bad": object()}, curve("pretraining", 2))
    assert json.loads((tmp_path / "run" / "record.json").read_text()) == {"good": 1}
    run_record.write(tmp_path / "run", {"good": 2}, curve("pretraining", 2))
    assert json.loads((tmp_path / "run" / "record.json").read_text()) == {"good": 2}
    assert [f.name for f in tmp_path.iterdir()] == ["run"]


def test_the_running_mean_follows_the_loss_from_its_start():
    losses = np.r_[np.full(100, 8.0), np.full(300, 2.0)]
    smooth = run_record.smoothed(losses)
    assert smooth[0] == pytest.approx(8.0) and smooth[99] == pytest.approx(8.0)
    assert 2.0 < smooth[110] < 8.0 and smooth[-1] == pytest.approx(2.0, abs=0.01)
    losses[50] = math.nan
    assert np.isfinite(run_record.smoothed(losses)).all()


def test_the_environment_names_versions_and_machine_but_nobody():
    found = run_record.environment()
    import torch

    assert found["packages"]["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads() and found["cores"] >= 1 and found["processor"]
    assert len(found["gpus"]) == torch.cuda.device_count()
    text = json.dumps(found)
    assert str(Path.home()) not in text and str(ROOT) not in text and "hostname" not in text
    if len(getpass.getuser()) > 4:
        assert getpass.getuser() not in text


def test_the_commit_is_that_of_this_code(tmp_path):
    if subprocess.run(
        ["git", "ls-files", "--error-unmatch", "pyproject.toml"], cwd=ROOT, capture_output=True
    ).returncode:
        pytest.skip("not a git checkout")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    found = run_record.environment()
    assert found["commit"] == head and found["dirty"] in (True, False)
    # A copy beside a checkout's files but not among them is not that checkout's code.
    copy = tmp_path / "run_record.py"
    copy.write_bytes(Path(run_record.__file__).read_bytes())
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    code = "import run_record; print(run_record.environment()['commit'])"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "None", done.stderr


def test_peak_memory_is_this_process_s_own():
    code = (
        "from shopping_assistant.finetune.run_record import peak_memory; import numpy as np; before = peak_memory();"
        "held = np.ones(50_000_000); after = peak_memory(); print(before['resident_gb'], after['resident_gb'])"
    )
    held = np.ones(100_000_000)  # 0.8 GB that must not count as the other process's
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    before, after = map(float, done.stdout.split())
    assert after - before == pytest.approx(0.4, abs=0.05)
    assert before < 0.7, f"as high as that of the process that started it, which holds {held.nbytes / 1e9} GB"


def test_nothing_heavy_is_loaded_before_it_is_needed():
    code = "import sys, shopping_assistant.finetune.run_record; print(*({'matplotlib', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "", done.stderr
