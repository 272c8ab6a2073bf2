"""FashionIQ: does the product that somebody has in mind rise when they say how it differs from the one shown?"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shopping_assistant.eval.understanding.fashioniq_records import (
    CATEGORIES,
    Wanted,
    lay_down,
    read_wanted,
    read_words,
    titled,
)  # fmt: skip
from shopping_assistant.eval.understanding.hearing import Listener, Listening
from shopping_assistant.eval.understanding.record import (
    Failure,
    Result,
    compared,
    drawn,
    half_of,
    kinds_of,
    means_with_ci,
    most_telling,
)  # fmt: skip
from shopping_assistant.eval.understanding.scratch import DataMissing, own_copy, scratch_store, spread
from shopping_assistant.tools.search import words_of

NAME = "fashioniq"
SYSTEMS = ("assistant", "text", "text_all", "reference", "oracle_words")
# Conversations of a category unless a sample is named, and products beside which a target stands: intervals of ±0.03 in
# the percentile, and an index that is made in less than a minute.
CONVERSATIONS = 150
PRODUCTS = 1_000
TURNS = 3
FELL = 0.2
HALVES = ("development", "held_back")


@dataclass(frozen=True)
class After:
    """One turn: each system's rank of the target among ``products``, ties in the middle, and what was heard."""

    ranks: dict[str, float]
    act: str
    said: str
    query: str
    constraints: tuple[str, ...]
    shut_out_by: tuple[str, ...]
    listed: bool
    ms: float


@dataclass(frozen=True)
class Played:
    products: int
    turns: tuple[After, ...]  # the opening, then one for each feedback


def measure(
    data: Path, scratch: Path, *, sample: int | None = None, workers: int = 1
) -> tuple[Result, list[Failure]]:  # fmt: skip
    """Play conversations of each category: an opening, then each feedback to the product the shopper looks at.

    Args:
        sample: conversations of each category.

    Raises:
        DataMissing: a file is not there or holds something else.
    """
    start = time.perf_counter()
    words = read_words(data / "asin2attr.json.gz")
    wanted: list[Wanted] = []
    played: list[Played] = []
    counts = {}
    for category in CATEGORIES:
        chosen, heard, counts[category] = _category(data, category, words, scratch, sample or CONVERSATIONS, workers)
        wanted += chosen
        played += heard
    if not played:
        raise DataMissing(f"{data}: no conversation whose products all have attribute words; nothing can be measured")
    scores = _scores(played)
    halves = [half_of(w.name) for w in wanted]
    for name, found in [x for x in scores.items() if _by_half(x[0])]:
        own = {f"{half}/{name}": _of_half(found, halves, half) for half in HALVES}
        scores |= {name: part for name, part in own.items() if part[1]}
    figures, intervals = {}, {}
    for name, (values, who) in scores.items():
        more = means_with_ci({name: values}, np.array([wanted[i].target for i in who]))
        figures, intervals = figures | more[0], intervals | more[1]
    acts = [t.act for p in played for t in p.turns[1:]]
    figures |= {f"feedback_heard_as/{act}": acts.count(act) / len(acts) for act in sorted(set(acts))}
    figures["ms_median"] = float(np.median([t.ms for p in played for t in p.turns]))
    shown = [i for i, half in enumerate(halves) if half == "development"]
    titles = {w.name: titled(words[w.target], CATEGORIES[w.category]) for w in wanted}
    failures = _failures([wanted[i] for i in shown], [played[i] for i in shown], titles)
    protocol = {
        **counts, "opening": "I am looking for a CATEGORY",
        "percentile": "share of the other products below the target; ties and what a wish shuts out count half",
        "text": "search with this feedback alone", "text_all": "search with all feedback so far",
        "reference": "products nearest to the one shown", "sentences": "I want one that CAPTION and CAPTION",
        "oracle_words": "BM25 of those words of all feedback so far that the target's attributes have",
    }  # fmt: skip
    comparisons = _comparisons(scores, wanted)
    what = "feedback on fashion products by people, towards a target known by attribute words"
    result = Result(NAME, what, figures, intervals, len(played), time.perf_counter() - start, protocol, comparisons,
                    kinds_of(failures), most_telling(failures))  # fmt: skip
    return result, failures


def _category(
    data: Path,
    category: str,
    words: Mapping[str, Mapping[str, Sequence[str]]],
    scratch: Path,
    sample: int,
    workers: int,
) -> tuple[list[Wanted], list[Played], dict[str, int]]:  # fmt: skip
    """One category's conversations by a seeded draw, played; and how many products and conversations there are."""
    file = data / f"{category}.train.json.gz"
    every = read_wanted(file, category)
    there = dict.fromkeys(a for w in every for a in (w.target, *(s.reference for s in w.steps)) if a in words)
    usable = [w for w in every if w.target in there and all(s.reference in there and s.said for s in w.steps)]
    # A small sample is drawn from the usual one, so that it needs no index of its own.
    usual = drawn(usable, max(sample, CONVERSATIONS))
    chosen = drawn(usual, sample)
    products = {a: words[a] for a in _pool(usual, list(there))}
    counts = {
        "products": len(products), "conversations": len(usable), "played": len(chosen),
        "left out, a product without words": len(every) - len(usable),
    }  # fmt: skip
    if not chosen:
        return [], [], counts
    store = scratch_store(
        f"{NAME}-{category}", [file, data / "asin2attr.json.gz"], scratch,
        lambda path: lay_down(path, category, products), list(products),
    )  # fmt: skip
    return chosen, spread(play, store.path, chosen, workers), counts


def _pool(chosen: Sequence[Wanted], there: Sequence[str]) -> list[str]:
    """The products of these conversations, and others by a seeded draw until there are `PRODUCTS`; in file order."""
    needed = {a for w in chosen for a in (w.target, *(s.reference for s in w.steps))}
    others = drawn([a for a in there if a not in needed], max(1, PRODUCTS - len(needed)))
    kept = needed | set(others)
    return [a for a in there if a in kept]


def play(store: Path, wanted: list[Wanted]) -> list[Played]:
    with own_copy(store) as path:
        listener = Listener(path)
        listener.shelf.searcher.scores("a first query loads what is needed")
        stems = [frozenset(words_of(t)) for t in listener.shelf.catalog.titles]
        return [_played(w, listener, stems) for w in wanted]


def _played(wanted: Wanted, listener: Listener, stems: Sequence[frozenset[str]]) -> Played:
    shelf, talk = listener.shelf, listener.conversation()
    row, noun = shelf.catalog.index(wanted.target), CATEGORIES[wanted.category]
    said, listed, out = [], np.zeros(len(shelf.catalog)), []
    for number, text in enumerate([f"I am looking for a {noun}", *(s.said for s in wanted.steps)]):
        heard = talk.hear(text)
        start = time.perf_counter()
        new = _listed(listener, talk)
        ms = heard.ms + (time.perf_counter() - start) * 1000
        listed = listed if new is None else new
        ranks = {"assistant": mid_rank(listed, row)}
        if number:
            said.append(text)
            reference = shelf.catalog.index(wanted.steps[number - 1].reference)
            ranks |= _peer_ranks(shelf.searcher, said, reference, row, stems[row])
        else:
            ranks |= dict.fromkeys(SYSTEMS[1:], mid_rank(shelf.searcher.scores(noun), row))
        out.append(
            After(
                ranks, heard.act, text, heard.query,
                tuple(f"{c.attribute} {c.op} {list(c.values)[:6]} ({c.said})" for c in heard.constraints),
                tuple(dict.fromkeys(c.attribute for c in heard.constraints if not shelf.mask([c])[row])),
                new is not None, ms,
            )
        )  # fmt: skip
        # The product that the next feedback is about is what the shopper looks at now.
        talk.answered([wanted.steps[number].reference] if number < len(wanted.steps) else None)
    return Played(len(shelf.catalog), tuple(out))


def _listed(listener: Listener, talk: Listening) -> np.ndarray | None:
    """Scores ``(n,)`` by the place in the list that the assistant would show; None where it would show no new one."""
    shelf = listener.shelf
    everything = len(shelf.catalog)
    for name, arguments, constraints in talk.planned():
        if name == "search_products":
            ranked = shelf.search(arguments.get("query", ""), everything, constraints, (), talk.leanings)
        elif name == "similar":
            ranked = shelf.similar(arguments["product_id"], everything, constraints, talk.leanings)
        else:
            continue
        scores = np.full(everything, -1.0)
        for place, scored in enumerate(ranked.products):
            scores[shelf.catalog.index(scored.product_id)] = everything - place
        return scores
    return None


def _peer_ranks(searcher, said: Sequence[str], reference: int, row: int, target: frozenset[str]) -> dict[str, float]:
    near = searcher.vectors @ searcher.vectors[reference]
    near[reference] = -np.inf if reference != row else near[reference]
    heard = [w for w in " ".join(said).split() if target & set(words_of(w))]
    return {
        "text": mid_rank(searcher.scores(said[-1]), row),
        "text_all": mid_rank(searcher.scores(" ".join(said)), row),
        "reference": mid_rank(near, row),
        "oracle_words": mid_rank(searcher.word_scores(" ".join(heard)), row),
    }


def mid_rank(scores: np.ndarray, row: int) -> float:
    """1 + products that score higher + half of the others that score alike: a list that says nothing is worth half."""
    mine = scores[row]
    return 1 + int((scores > mine).sum()) + (int((scores == mine).sum()) - 1) / 2


def _scores(played: Sequence[Played]) -> dict[str, tuple[np.ndarray, list[int]]]:
    """``{figure: (values, which conversations)}``: those that have so many turns."""
    out = {}
    for turn in range(1, TURNS + 1):
        who = [i for i, p in enumerate(played) if len(p.turns) > turn]
        for system in SYSTEMS if who else ():
            after = np.array([_percentile(played[i], turn, system) for i in who])
            ranks = np.array([played[i].turns[turn].ranks[system] for i in who])
            out[f"{system}/percentile_turn_{turn}"] = after, who
            out[f"{system}/mean_rank_turn_{turn}"] = ranks, who
            for k in (10, 50):
                out[f"{system}/hit@{k}_turn_{turn}"] = (ranks <= k).astype(float), who
            if system == "assistant":
                before = np.array([_percentile(played[i], turn - 1, system) for i in who])
                out[f"{system}/percentile_before_turn_{turn}"] = before, who
                out[f"{system}/rises_turn_{turn}"] = (after > before).astype(float), who
                out[f"{system}/falls_turn_{turn}"] = (after < before).astype(float), who
                shut = np.array([bool(played[i].turns[turn].shut_out_by) for i in who])
                out[f"{system}/shut_out_turn_{turn}"] = shut.astype(float), who
    return out


def _by_half(figure: str) -> bool:
    system, name = figure.split("/")
    return system in ("assistant", "text") and name.startswith(("percentile", "mean_rank"))


def _of_half(found: tuple[np.ndarray, list[int]], halves: Sequence[str], half: str) -> tuple[np.ndarray, list[int]]:
    kept = [i for i, who in enumerate(found[1]) if halves[who] == half]
    return found[0][kept], [found[1][i] for i in kept]


def _percentile(played: Played, turn: int, system: str) -> float:
    return (played.products - played.turns[turn].ranks[system]) / max(1, played.products - 1)


def _comparisons(scores: dict[str, tuple[np.ndarray, list[int]]], wanted: Sequence[Wanted]) -> list[dict]:
    out = []
    for turn in range(1, TURNS + 1):
        metric = f"percentile_turn_{turn}"
        if f"assistant/{metric}" in scores:
            who = scores[f"assistant/{metric}"][1]
            values = {name: v for name, (v, _) in scores.items()}
            pairs = [("assistant", peer) for peer in ("text", "text_all", "reference")]
            out += compared(values, pairs, (metric,), np.array([wanted[i].target for i in who]))
            # What was chosen on one half is tested on the other, and each turn against the one before.
            held, who = scores.get(f"held_back/assistant/{metric}", ((), ()))
            if not who:
                continue
            named = {
                f"held_back/assistant/{metric}": held,
                f"held_back/text/{metric}": scores[f"held_back/text/{metric}"][0],
                f"held_back/before/{metric}": scores[f"held_back/assistant/percentile_before_turn_{turn}"][0],
            }
            pairs = [("held_back/assistant", "held_back/text"), ("held_back/assistant", "held_back/before")]
            out += compared(named, pairs, (metric,), np.array([wanted[i].target for i in who]))
    return out


def _failures(wanted: Sequence[Wanted], played: Sequence[Played], titles: dict[str, str]) -> list[Failure]:
    """Turns after which the target stands clearly lower, or stays where it was because no new list was made."""
    out = []
    for w, p in zip(wanted, played, strict=True):
        for number, turn in enumerate(p.turns[1:], 1):
            before, after = _percentile(p, number - 1, "assistant"), _percentile(p, number, "assistant")
            if turn.listed and after > before - FELL:
                continue
            kinds = [] if turn.listed else [f"no new list: heard as {turn.act}"]
            kinds += [f"target shut out by {name}" for name in turn.shut_out_by if turn.listed]
            texts = {s: round(_percentile(p, number, s), 3) for s in ("text", "text_all", "oracle_words")}
            kinds = kinds or ["target fell by the words searched for"]
            seen = {
                "conversation": w.name, "turn": number, "said": turn.said, "expected": titles[w.name],
                "understood": {"act": turn.act, "constraints": list(turn.constraints), "query": turn.query},
                "percentile": [round(before, 3), round(after, 3)], "percentile of": texts,
            }  # fmt: skip
            out.append(Failure(tuple(kinds), seen))
    return sorted(out, key=lambda f: (f.seen["percentile"][1] - f.seen["percentile"][0], f.seen["conversation"]))
