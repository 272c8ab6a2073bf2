"""WebShop: is the product that somebody asked for found among 1,000, and how good is the first one shown?"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.metrics import scores_of_ranks
from shopping_assistant.eval.understanding.rankings import SYSTEMS, order_of, scores_of
from shopping_assistant.eval.understanding.record import (
    Failure,
    Result,
    compared,
    drawn,
    kinds_of,
    means_with_ci,
    most_telling,
)  # fmt: skip
from shopping_assistant.eval.understanding.scratch import existing, own_copy, reading, scratch_store, spread
from shopping_assistant.eval.understanding.webshop_reward import Goal, WebProduct, read_goals, read_products, reward
from shopping_assistant.tools.attribute_filter import Constraint
from shopping_assistant.tools.catalog import Catalog
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.search import CatalogSearch, words_of
from shopping_assistant.tools.sentence_encoder import SentenceEncoder
from shopping_assistant.tools.store import Store

NAME = "webshop"
# The 8,478 requests without a product tell little more than so many of them, and take half a minute a thousand.
FREE_REQUESTS = 500
AGENT = "ask"
# WebShop's list of a product's attributes is what requests were written from and rewarded by, and hides it from who
# searches. A shop's own list is no secret, and the importer keeps it; these systems search without it.
UNLABELLED = {system: f"{system}_unlabelled" for system in ("search", "bm25")}
ALL = (*SYSTEMS, *UNLABELLED.values(), AGENT)


@dataclass(frozen=True)
class Found:
    """What one system made of one request: the target's rank (0: not in the list) and the first ten products."""

    rank: int
    top: tuple[str, ...]
    ms: float


@dataclass(frozen=True)
class Asked:
    """One request through the assistant: the turn, and the wishes that alone shut the target out."""

    turn: dict
    shut_out_by: tuple[str, ...] = ()


def measure(
    data: Path, scratch: Path, *, sample: int | None = None, workers: int = 1
) -> tuple[Result, list[Failure]]:  # fmt: skip
    """Every request that has a product through search and through the assistant, and a draw of those that have none.

    Raises:
        DataMissing: a file is not there or holds something else.
    """
    start = time.perf_counter()
    file = existing(data / "products_1000.jsonl.gz")
    products = read_products(file)
    goals = drawn(read_goals(data / "items_ins_v2_dev.json.gz", products), sample)
    with reading(data / "human_goals_dev.json.gz") as opened:
        free = drawn(json.load(opened), min(sample or FREE_REQUESTS, FREE_REQUESTS))
    store = scratch_store(NAME, [file], scratch, lambda path: _import(file, path))
    found = spread(search, store.path, goals, workers)
    hidden = scratch_store("unlabelled-webshop", [file], scratch, lambda path: _import_unlabelled(file, path))
    blind = [_of_unlabelled(f) for f in spread(search, hidden.path, goals, workers)]
    asked = spread(ask, store.path, [*goals, *free], workers)
    with_target, without = asked[: len(goals)], asked[len(goals) :]
    answers = [
        {**f, **b, AGENT: _found(a.turn, g)} for f, b, a, g in zip(found, blind, with_target, goals, strict=True)
    ]
    scores = _scores(goals, answers, products)
    figures, intervals = means_with_ci(scores | _free_scores(free, without))
    for system in ALL:
        figures[f"{system}/ms_median"] = float(np.median([a[system].ms for a in answers]))
    failures = _failures(goals, answers, with_target, products) + _free_failures(free, without)
    protocol = {
        "products": len(products), "requests with a product": len(goals), "requests without": len(free),
        "wanted options and prices": "none in this part: a request's reward is of type and attributes",
        "oracle": "any product of full reward at random: all wishes are met and nothing else is known",
    }  # fmt: skip
    pairs = (
        (AGENT, "search"),
        ("search", "bm25"),
        ("search", "vectors"),
        (AGENT, "bm25"),
        ("search", UNLABELLED["search"]),
    )
    comparisons = compared(scores, pairs, ("recall@10", "mrr@10", "reward@1"))
    what = "requests people typed, 1,000 products: the target's place, and the first product's reward"
    result = Result(NAME, what, figures, intervals, len(goals), time.perf_counter() - start, protocol, comparisons,
                    kinds_of(failures), most_telling(failures))  # fmt: skip
    return result, failures


def _import(file: Path, store: Path) -> None:
    import_source("webshop", file.parent, store)


def _import_unlabelled(file: Path, store: Path) -> None:
    """The same catalogue without the attributes that WebShop hides."""
    _import(file, store)
    opened = Store.open(store)
    products = [opened.catalog().at(row) for row in range(len(opened.catalog()))]
    bare = [replace(p, attributes={k: v for k, v in p.attributes.items() if k != "features"}) for p in products]
    opened.write_catalog(Catalog.from_products(bare))


def _of_unlabelled(found: dict[str, Found]) -> dict[str, Found]:
    return {name: found[system] for system, name in UNLABELLED.items()}


def search(store: Path, goals: list[Goal]) -> list[dict[str, Found]]:
    """Each request as it stands, typed into the shop's search, and into its two halves."""
    opened = Store.open(store)
    searcher, encoder, ids = CatalogSearch.open(opened), SentenceEncoder.load(), opened.catalog().ids
    searcher.scores("a first query loads what is needed")
    out = []
    for goal in goals:
        row, found, start = opened.catalog().index(goal.target), {}, time.perf_counter()
        for system, scores in scores_of(searcher, encoder, goal.said):
            order = order_of(scores)
            ms = (time.perf_counter() - start) * 1000
            place = int(np.flatnonzero(order == row)[0]) + 1
            found[system] = Found(place, tuple(ids[r] for r in order[:10]), ms)
            start = time.perf_counter()
        out.append(found)
    return out


def ask(store: Path, requests: list[Goal | str]) -> list[Asked]:
    """Each request as the first sentence of a conversation."""
    out = []
    with own_copy(store) as path:
        assistant = Assistant.open(path)
        assistant.warm()
        for number, request in enumerate(requests):
            turn = assistant.turn(f"request-{number}", request.said if isinstance(request, Goal) else request)
            shut = ()
            if isinstance(request, Goal):
                row = assistant.shelf.catalog.index(request.target)
                wishes = [Constraint.from_dict(c) for c in turn["constraints"] if c not in turn.get("relaxed", [])]
                shut = tuple(dict.fromkeys(w.attribute for w in wishes if not assistant.shelf.mask([w])[row]))
            out.append(Asked({**turn, "products": [_brief(p) for p in turn["products"]]}, shut))
        assistant.close()
    return out


def _brief(product: dict) -> dict:
    return {name: product[name] for name in ("product_id", "title", "category", "color", "price")}


def _found(turn: dict, goal: Goal) -> Found:
    top = tuple(p["product_id"] for p in turn["products"])[:10]
    return Found(top.index(goal.target) + 1 if goal.target in top else 0, top, turn["ms"])


def _scores(
    goals: Sequence[Goal], answers: Sequence[dict[str, Found]], products: dict[str, WebProduct]
) -> dict[str, np.ndarray]:
    scores: dict[str, np.ndarray] = {}
    names = ("recall@1", "recall@10", "mrr@10")
    for system in ALL:
        ranks = [a[system].rank for a in answers]
        scores |= {f"{system}/{n}": v for n, v in scores_of_ranks(ranks, names).items()}
        for lenient, suffix in ((False, ""), (True, "_lenient")):
            rewards = [
                [reward(g, products[g.target], products[p], lenient) for p in a[system].top] or [0.0]
                for g, a in zip(goals, answers, strict=True)
            ]
            scores[f"{system}/reward{suffix}@1"] = np.array([r[0] for r in rewards])
            if not lenient:
                scores[f"{system}/success@1"] = np.array([float(r[0] == 1.0) for r in rewards])
                scores[f"{system}/best_reward@10"] = np.array([max(r) for r in rewards])
    full = [sum(reward(g, products[g.target], p) == 1.0 for p in products.values()) for g in goals]
    equal = np.maximum(np.array(full, dtype=np.float64), 1.0)
    scores["oracle/recall@1"], scores["oracle/recall@10"] = 1 / equal, np.minimum(1.0, 10 / equal)
    scores["oracle/products_of_full_reward"] = np.array(full, dtype=np.float64)
    return scores


def _free_scores(requests: Sequence[str], asked: Sequence[Asked]) -> dict[str, np.ndarray]:
    """Requests without a product: taken for a search, answered with products, and how many of their words arrived."""
    return {
        "free/act_search": np.array([float(a.turn["act"] == "search") for a in asked]),
        "free/answered": np.array([float(bool(a.turn["products"])) for a in asked]),
        "free/nothing_set_aside": np.array([float(not a.turn.get("relaxed")) for a in asked]),
        "free/words_in_first_product": np.array(
            [_share_found(r, a.turn) for r, a in zip(requests, asked, strict=True)]
        ),
        "free/ms": np.array([a.turn["ms"] for a in asked]),
    }


def _share_found(request: str, turn: dict) -> float:
    wanted = set(words_of(request))
    first = turn["products"][0]["title"] if turn["products"] else ""
    return len(wanted & set(words_of(first))) / max(1, len(wanted))


def _failures(
    goals: Sequence[Goal], answers: Sequence[dict[str, Found]], asked: Sequence[Asked], products: dict[str, WebProduct]
) -> list[Failure]:
    out = []
    for goal, answer, a in zip(goals, answers, asked, strict=True):
        mine, target = answer[AGENT], products[goal.target]
        got = reward(goal, target, products[mine.top[0]]) if mine.top else 0.0
        if mine.rank == 1 or (mine.rank and got == 1.0):
            continue
        kinds = [] if a.turn["act"] == "search" else [f"search heard as {a.turn['act']}"]
        kinds += [f"target shut out by {name}" for name in a.shut_out_by]
        if not kinds:
            kinds = ["target below the tenth place"] if mine.rank == 0 else ["first product lacks something"]
        expected = {"target": goal.target, "title": target.title, "attributes": list(goal.attributes)}
        out.append(Failure(tuple(kinds), {
            "said": goal.said, "expected": expected, "understood": _understood(a.turn),
            "rank": mine.rank, "rank in search": answer["search"].rank, "reward of the first": round(got, 3),
        }))  # fmt: skip
    return sorted(out, key=lambda f: (f.seen["reward of the first"], -f.seen["rank in search"], f.seen["said"]))


def _free_failures(requests: Sequence[str], asked: Sequence[Asked]) -> list[Failure]:
    return [
        Failure((f"free request heard as {a.turn['act']}",), {"said": r, "understood": _understood(a.turn)})
        for r, a in zip(requests, asked, strict=True) if a.turn["act"] != "search"
    ]  # fmt: skip


def _understood(turn: dict) -> dict:
    return {
        "act": turn["act"],
        "constraints": [f"{c['attribute']} {c['op']} {c['values'][:6]} ({c['said']})" for c in turn["constraints"]],
        "set aside": [c["attribute"] for c in turn.get("relaxed", [])],
        "query": next((t["arguments"].get("query") for t in turn["tools"] if "query" in t["arguments"]), None),
        "first": turn["products"][0]["title"] if turn["products"] else None,
    }
