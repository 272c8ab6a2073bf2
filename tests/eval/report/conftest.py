"""Results whose every figure can be worked out on paper: eighty sessions, three systems, one shop."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shopping_assistant.eval.runs import Run
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
TARGET = "p5"
SESSIONS = 80
COLD = 35  # the first so many sessions have cold targets, where popularity is better
EVIL_TITLE = "<script>alert('title')</script> boots & laces"
EVIL_QUERY = "<img src=x onerror=alert('query')>"
DEMO = {"generator": "shopping_assistant.tools.demo_shop", "seed": 7}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Store:
    """Twelve products; the wanted one's title and the shoppers' query are hostile."""
    store = Store.create(tmp_path_factory.mktemp("shop") / "store", name="Heath & Sons", currency="EUR")
    titles = {f"p{i}": f"Product number {i}" for i in range(12)} | {TARGET: EVIL_TITLE}
    store.write_catalog(
        Catalog.from_products(
            [Product(p, t, category="boots", price=10.5 + i, currency="EUR") for i, (p, t) in enumerate(titles.items())]
        )
    )
    store.write_events(frame_of([e for i in range(SESSIONS) for e in _visits(i)]), DEMO)
    return store


def _visits(i: int) -> list[Event]:
    user, day = f"u{i:02}", START + timedelta(days=i)

    def event(minute: int, session: str, action: str, product: str | None = None, query: str | None = None) -> Event:
        return Event(f"{session}{i:02}", user, day + timedelta(minutes=minute), action, query, product)

    return [
        event(0, "old", "purchase", "p0"),
        event(60, "s", "search", query=EVIL_QUERY),
        event(61, "s", "click", "p1"),
        event(62, "s", "click", TARGET),
        event(63, "s", "purchase", TARGET),
        event(90, "later", "purchase", "p7"),
    ]


def rank_of(system: str, i: int) -> int:
    """Popularity is ahead for cold items; in session 70 only it finds the target, in session 71 nobody does."""
    if i == 70:
        return {"fused": 40, "popularity": 1}.get(system, 30)
    if i == 71:
        return {"fused": 50, "popularity": 20}.get(system, 60)
    cold = i < COLD
    return {"fused": 5 if cold else 1, "popularity": 2 if cold else 9, "search": 12}[system]


def run_of(system: str, i: int) -> Run:
    rank = rank_of(system, i)
    top = [f"p{n}" for n in range(12) if f"p{n}" != TARGET][:10]
    if rank <= 10:
        top = [*top[: rank - 1], TARGET, *top[rank - 1 :]][:10]
    cohorts = ("cold items" if i < COLD else "warm items", "with query", "history 0-4")
    broke = {"broke_constraint@10": float(system == "search" and i == 3)}
    figures = {"novelty@10": 3.0, "diversity@10": 0.25, **broke}
    return Run(f"s{i:02}", f"u{i:02}", system, TARGET, rank, cohorts, 2.0, tuple(top), list_figures=figures)


def protocol_of(store: Path | str, **more) -> dict:
    return {
        "store": str(store),
        "sessions": SESSIONS,
        "products": 12,
        "protocol": {"split": "leave-one-out", "part": "test", "candidates": "all", "exclude_history": True,
                     "min_items": 3, "sample": None, "k": 10, "seed": 1, "ranking": "full", "events": "the store's",
                     "left_out": {}, "trained_on": False, "targets_in_training": 0, **more},
    }  # fmt: skip


def write_replay(folder: Path, about: dict, systems: tuple[str, ...] = ("fused", "popularity", "search")) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "protocol.json").write_text(json.dumps(about))
    runs = [run_of(system, i) for system in systems for i in range(SESSIONS)]
    (folder / "runs.jsonl").write_text("".join(run.as_line() + "\n" for run in runs))
    return folder


@pytest.fixture
def results(tmp_path, shop) -> Path:
    """A folder with a replay and nothing else."""
    write_replay(tmp_path / "results" / "replay", protocol_of(shop.path))
    return tmp_path / "results"


@pytest.fixture
def whole(results) -> Path:
    """A folder with every part there can be."""
    fill(results)
    return results


def figures(ndcg: float) -> dict:
    values = {"recall@10": ndcg + 0.2, "ndcg@10": ndcg, "mrr@10": ndcg - 0.1, "mrr": ndcg - 0.05}
    return {**values, "ci95": {m: [v - 0.01, v + 0.01] for m, v in values.items()}, "sessions": 400}


def variant(difference: float | None, p: float | None, published: str | None = "worse") -> dict:
    bounds = None if difference is None else [difference - 0.01, difference + 0.01]
    return {"says": "what was left out", "published": published, "figures": figures(0.4 + (difference or 0)),
            "difference": difference, "difference_ci95": bounds, "p": p, "p_adjusted": p}  # fmt: skip


def fill(folder: Path) -> None:
    """The other parts, in the formats their commands write."""
    write(folder / "ablations" / "ablations.json", {
        "protocol": {"sample": 400},
        "sessions": 400,
        "variants": {"full": variant(None, None, None), "without-memory": variant(-0.05, 0.001),
                     "general-text-encoder": variant(0.002, 0.7)},
        "variants_published_list": {"full": variant(None, None, None), "without-memory": variant(-0.11, 0.001),
                                    "general-text-encoder": variant(0.03, 0.002)},
        "mixup_sweep": [{"m": m, **figures(0.3 + m / 100)} for m in (0, 1, 2)],
        "mixup_sweep_shop": [{"m": m, **figures(0.5 - m / 100)} for m in (0, 1, 2)],
        "command": ["shop", "replay", "--ablations"],
    })  # fmt: skip
    write(folder / "ablations" / "settings.json", {
        "low_resource": [{"share": s, "systems": {"mixup": figures(s / 3), "id": figures(s / 4)}} for s in (0.1, 1.0)],
        "zero_shot": [{"trained_on": "shoes", "tested_on": "bags", "systems": {"mixup": figures(0.123)}},
                      {"trained_on": "shoes", "tested_on": "scarves", "systems": {"mixup": figures(0.2)}},
                      {"trained_on": "none", "tested_on": "bags", "systems": {"search": figures(0.3)}}],
        "cold_start": {"systems": {name: {"cold items": figures(0.1), "warm items": figures(0.4)}
                                   for name in ("mixup", "id", "mixup, trained on all", "id, trained on all")}},
        "command": ["shop", "replay", "--ablations"],
    })  # fmt: skip
    write(folder / "simulate" / "simulate.json", {
        "protocol": {"conversations": 20, "turns": 8}, "conversations": 20, "mean_turns": 4.2, "gave_up": 0.25,
        "success": {"3": 0.4, "5": 0.6, "8": 0.75}, "ci95": {"success@3": [0.2, 0.6], "success@8": [0.5, 0.95]},
        "spoken_purchases": 9, "misread_purchases": 2,
        "questions_asked": 1.5, "broke_constraint": 0.0, "simulator": {"error_rate": 0.0, "checks": 210},
        "command": ["shop", "simulate", "--seed", "1"],
    })  # fmt: skip
    talks = [
        talk("won", "bought", 3),
        talk("lost", "gave up", 8),
        talk("short", "gave up", 2),
        talk("won2", "bought", 1),
    ]
    (folder / "simulate" / "conversations.jsonl").write_text("".join(json.dumps(t) + "\n" for t in talks))
    write(folder / "understanding" / "simmc2.json", {
        "set": "simmc2", "what": "dialogues that people wrote", "n": 512, "seconds": 3.0,
        "figures": {"act_accuracy": 0.71, "slot_recall": 0.6, "slot_f1": 0.62, "held_back/act_accuracy": 0.7},
        "ci95": {"act_accuracy": [0.7, 0.72]}, "protocol": {"half": "held_back"},
        "kinds": {"wrong act": 12, "color missed": 40},
        "worst": [{"said": EVIL_QUERY, "got": "search"}], "command": ["python", "-m", "understanding"],
    })  # fmt: skip


def talk(session: str, outcome: str, turns: int) -> dict:
    said = {"shopper": f"{EVIL_QUERY} please", "assistant": "Here you are.", "act": "search", "shown": ["p0", TARGET]}
    return {"session_id": session, "user_id": "u", "wish": {"color": "red"}, "target": TARGET, "turns": [said] * turns,
            "outcome": outcome, "turns_taken": turns}  # fmt: skip


def write(path: Path, content: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def change() -> Callable[[Path, Callable[[dict], object]], None]:
    """Change a JSON file in place."""

    def changed(path: Path, how: Callable[[dict], object]) -> None:
        content = json.loads(path.read_text())
        how(content)
        path.write_text(json.dumps(content))

    return changed
