"""One worker, two, or Ray: the same runs in the same order; and what happens when one of them dies."""

import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shopping_assistant.eval import replay as replay_module
from shopping_assistant.eval.engines import refuse_engine, run
from shopping_assistant.eval.protocol import ReplayError
from shopping_assistant.eval.replay import replay
from shopping_assistant.eval.runs import RunError
from shopping_assistant.eval.score import score_runs
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store
from tests.tools.fused_shop import lay_down

SYSTEMS = ["popularity", "item-knn", "id", "mixup"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Store:
    """A shop with every model; a hundred sessions are two batches."""
    return lay_down(tmp_path_factory.mktemp("engines") / "store")


@pytest.fixture(scope="module")
def alone(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "runs"
    return replay(trained, SYSTEMS, out=out), lines_of(out)


def lines_of(folder: Path, name="runs.jsonl") -> list[str]:
    """The lines of a runs folder as they were written, but for the time each took."""
    lines = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
    assert all(line.pop("ms") >= 0 for line in lines)
    return [json.dumps(line) for line in lines]


def without_times(result: dict) -> str:
    for system in result["systems"].values():
        system.pop("sessions_per_second", None)
    return json.dumps(result, sort_keys=True)


@pytest.mark.parametrize(
    "engine",
    [
        "processes",
        pytest.param(
            "ray", marks=pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="Ray is not installed")
        ),
    ],
)
def test_the_runs_are_the_same_whoever_ranks(trained, alone, tmp_path, engine):
    result = replay(trained, SYSTEMS, out=tmp_path / "runs", workers=2, engine=engine)
    assert without_times(result) == without_times(alone[0])
    assert lines_of(tmp_path / "runs") == alone[1] and len(alone[1]) == 400


# In a process of its own, so that it can be killed; the workers start from this file too.
KILLED = """
import sys, time
from shopping_assistant.eval.replay import replay
from shopping_assistant.tools.store import Store

def slowly(done, total):
    print(done, flush=True)
    time.sleep(60)

if __name__ == "__main__":
    replay(Store.open(sys.argv[1]), ["popularity", "item-knn"], out=sys.argv[2], workers=2, progress=slowly)
"""


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for the workers under /proc")
def test_a_replay_that_is_killed_goes_on_and_leaves_no_worker(trained, tmp_path):
    script, out = tmp_path / "killed.py", tmp_path / "runs"
    script.write_text(KILLED, encoding="utf-8")
    straight = replay(trained, ["popularity", "item-knn"], out=tmp_path / "straight")
    with subprocess.Popen(
        [sys.executable, str(script), str(trained.path), str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert int(process.stdout.readline()) == 128, "a batch of 64 sessions, two systems"
        workers = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
    assert len(workers) >= 2
    until = time.monotonic() + 30
    while any(alive(pid) for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in workers)
    with pytest.raises(RunError, match="unfinished"):
        score_runs(out)
    with (out / "runs.partial.jsonl").open("a") as file:
        file.write('{"session_id": "torn')
    with pytest.raises(RunError, match="differ in protocol"):
        replay(trained, ["popularity", "item-knn"], out=out, min_items=2)
    assert (tmp_path / ".runs.log").exists() is False, "the parts that the killed one left are gone"
    resumed = replay(trained, ["popularity", "item-knn"], out=out)
    assert without_times(resumed) == without_times(straight)
    assert lines_of(out) == lines_of(tmp_path / "straight")


def test_a_worker_that_dies_is_told_and_what_was_finished_is_kept(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(replay_module, "BATCH", 4)
    died = []

    def kill_one(done, total):
        if not died:
            died.append(multiprocessing.active_children()[0])
            os.kill(died[0].pid, signal.SIGKILL)
            died[0].join()

    with pytest.raises(ReplayError, match=r"one of the 2 workers ended .* run the same command again"):
        replay(trained, ["popularity"], out=tmp_path / "runs", workers=2, progress=kill_one)
    kept = lines_of(tmp_path / "runs", "runs.partial.jsonl")
    assert 4 <= len(kept) < 100 and len(kept) % 4 == 0
    resumed = replay(trained, ["popularity"], out=tmp_path / "runs")
    straight = replay(trained, ["popularity"])
    assert without_times(resumed) == without_times(straight)


class Doubling:
    """A job without models: twice each number, and an error for a negative one."""

    def open(self):
        return self

    def rank(self, batch):
        if batch < 0:
            raise ShopError(f"batch {batch}: expected 0 or more")
        time.sleep(0.001 * (batch % 3))
        return [2 * batch, os.getpid()]


def test_batches_come_back_in_order_and_what_a_worker_raises_is_raised():
    results = []
    with pytest.raises(ShopError, match="batch -3"):
        results.extend(run(Doubling(), range(5)))
        for result in run(Doubling(), [*range(40), -3, 4], workers=2):
            results.append(result)
    assert [doubled for doubled, _ in results] == [0, 2, 4, 6, 8, *(2 * i for i in range(40))]
    assert os.getpid() not in {pid for _, pid in results[5:]}


def test_engines_that_are_not_there_are_refused(monkeypatch):
    with pytest.raises(ReplayError, match="expected one of processes, ray"):
        refuse_engine("threads", 1)
    with pytest.raises(ReplayError, match="workers 0: expected at least 1"):
        refuse_engine("processes", 0)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ReplayError, match=r"Ray is not installed; install it with .*shopping_assistant\[ray\]"):
        refuse_engine("ray", 2)
