"""Size advice on shoppers kept back: is the answer small, fit or large foretold, and would the advised size have done?

python -m shopping_assistant.eval.size_advice --data DIR --out DIR [--held-back FILE] [--json]

DIR holds renttherunway/rentals.parquet. A tenth of its shoppers is kept back (part 0 of ten by the SHA-256 of their id,
`tools/fit_feedback.part_of`); the model is built as `shop build` builds it, from a store with everyone else's answers.
With --held-back all of DIR is learned from and FILE, in the same layout, is foretold instead; its shoppers must not
stand in DIR.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl

from shopping_assistant.eval.significance import bootstrap_means, holm, interval
from shopping_assistant.eval.understanding.record import Result, processor_seconds
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.fit import Shopper, Worn
from shopping_assistant.tools.fit_advice import SizeAdvisor
from shopping_assistant.tools.fit_feedback import FITS, MEASURES, part_of
from shopping_assistant.tools.renttherunway import import_renttherunway
from shopping_assistant.tools.size_scale import size_mark
from shopping_assistant.tools.store import Store, sha256_of

PARTS = 10
SMALL, RIGHT, LARGE = range(3)
SYSTEMS = ("majority", "size", "model", "model_without_past", "model_without_body", "model_without_product")
PAIRS = (("model", "majority"), ("model", "size"), ("model", "model_without_past"), ("model", "model_without_body"),
         ("model", "model_without_product"))  # fmt: skip
PERMUTATIONS = 2000
BINS = 10


class NoAdvice(ShopError):
    """Data that size advice cannot be measured on."""


def measure(data: Path, out: Path, held_back: Path | None = None) -> Result:
    """Build on the rest, foretell the shoppers kept back; ``out`` keeps the store.

    Raises:
        NoAdvice: the files are missing, or a shopper stands on both sides.
    """
    start, file = time.perf_counter(), data / "renttherunway" / "rentals.parquet"
    if not file.is_file():
        raise NoAdvice(f"{file} does not exist; give the folder that holds renttherunway/ with --data")
    if held_back and not held_back.is_file():
        raise NoAdvice(f"{held_back} does not exist; give a file in the layout of rentals.parquet with --held-back")
    store, kept = _stores(file, held_back, out / "size-advice")
    advisor, catalog = SizeAdvisor.open(store), store.catalog()
    answers = kept.join(
        catalog.frame.select("product_id", pl.col("category").str.to_lowercase()), on="product_id", how="left",
        maintain_order="left",
    )  # fmt: skip
    answer = np.array([FITS.index(f) for f in answers["fit"].to_list()])
    known = store.fit_feedback()
    probabilities = {"majority": _majority(known, len(answer)), "size": _size_alone(known, answers)}
    probabilities |= _by_model(advisor, answers)
    weights = {name: advisor.model.class_weights for name in SYSTEMS} | {
        "majority": np.ones(3), "size": _weights_of_size(known)
    }  # fmt: skip
    decided = {name: (probabilities[name] * weights[name]).argmax(axis=1) for name in SYSTEMS}
    shopper = np.unique(answers["user_id"].to_numpy(), return_inverse=True)[1]
    figures, ci95, comparisons = _f1(decided, answer, shopper)
    figures |= {f"{n}/{k}": v for n, p in probabilities.items() for k, v in _of_probabilities(p, answer).items()}
    figures |= {f"rows/{f}": float((answer == i).sum()) for i, f in enumerate(FITS)}
    figures |= {f"model/calibration_error_{f}": _calibration(probabilities["model"][:, i], answer == i)
                for i, f in enumerate(FITS)}  # fmt: skip
    advised, ci_advised = _advised(advisor, answers, answer, shopper)
    protocol = {
        "data": {file.name: sha256_of(file)} | ({held_back.name: sha256_of(held_back)} if held_back else {}),
        "kept back": "a file" if held_back else f"part 0 of {PARTS} by the hash of the shopper",
        "shoppers kept back": int(shopper.max()) + 1, "learned answers": len(known),
        "class weights": advisor.model.class_weights.round(3).tolist(),
        "weights of size alone": weights["size"].round(3).tolist(), "permutations": PERMUTATIONS,
    }  # fmt: skip
    return Result(
        "size_advice", "answers of shoppers kept back, foretold as small, fit or large", figures | advised,
        ci95 | ci_advised, len(answer), time.perf_counter() - start, protocol, comparisons,
    )  # fmt: skip


def _stores(file: Path, held_back: Path | None, folder: Path) -> tuple[Store, pl.DataFrame]:
    """A built store with the answers that may be learned, and those kept back, in ``FIT_SCHEMA``."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    rentals = pl.read_parquet(file)
    back = pl.read_parquet(held_back) if held_back else None
    if back is not None:
        both = set(rentals["user_id"].to_list()) & set(back["user_id"].to_list())
        if both:
            raise NoAdvice(f"shopper {min(both)} stands in both files ({len(both)} such), expected none")
        rentals = pl.concat([rentals.with_columns(pl.lit(False).alias("kept")),
                             back.with_columns(pl.lit(True).alias("kept"))], how="diagonal_relaxed")  # fmt: skip
    else:
        part = [part_of(str(u), PARTS) == 0 for u in rentals["user_id"].to_list()]
        rentals = rentals.with_columns(pl.Series("kept", part))
    # One catalogue of all that is rented: a product nobody else rented is new, not unheard of.
    whole = folder / "rentals.parquet"
    rentals.drop("kept").write_parquet(whole)
    store_path = folder / "store"
    import_renttherunway(whole, store_path)
    store = Store.open(store_path)
    feedback = store.fit_feedback()
    kept = rentals["kept"]
    store.write_fit_feedback(feedback.filter(~kept), {"kept back": int(kept.sum())})
    command = [sys.executable, "-m", "shopping_assistant.ui.cli", "build", "--store", str(store_path), "--only", "fit"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoAdvice(f"the fit model was not built: {done.stderr.strip().splitlines()[-1:]}")
    return Store.open(store_path), feedback.filter(kept)


def _majority(known: pl.DataFrame, n: int) -> np.ndarray:
    shares = np.array([(known["fit"] == f).mean() for f in FITS])
    return np.tile(shares, (n, 1))


def _size_model(known: pl.DataFrame) -> Callable[[pl.DataFrame], np.ndarray]:
    """A logistic regression on the size alone, every size a column of its own: all that the size can tell."""
    from sklearn.linear_model import LogisticRegression

    sizes = {s: i for i, s in enumerate(sorted(known["size"].unique().to_list()))}
    counted = known.group_by("size", "fit").len().sort("size", "fit")
    x = np.eye(len(sizes) + 1)[[sizes[s] for s in counted["size"].to_list()]]
    answers = [FITS.index(f) for f in counted["fit"].to_list()]
    fitted = LogisticRegression(max_iter=1000).fit(x, answers, sample_weight=counted["len"].to_numpy())
    unknown = len(sizes)
    return lambda feedback: fitted.predict_proba(
        np.eye(len(sizes) + 1)[[sizes.get(s, unknown) for s in feedback["size"].to_list()]]
    )


def _size_alone(known: pl.DataFrame, answers: pl.DataFrame) -> np.ndarray:
    return _size_model(known)(answers)


def _weights_of_size(known: pl.DataFrame) -> np.ndarray:
    """Weights that serve its macro-F1 best on a tenth of the shoppers it does not learn from, as the model's are."""
    held = pl.Series([part_of(u, salt="validation ") == 0 for u in known["user_id"].to_list()])
    foretold = _size_model(known.filter(~held))(known.filter(held))
    answer = np.array([FITS.index(f) for f in known.filter(held)["fit"].to_list()])
    best, weights = -1.0, np.ones(3)
    for small in np.exp(np.linspace(0, np.log(12), 30)):
        for large in np.exp(np.linspace(0, np.log(12), 30)):
            tried = np.array([small, 1.0, large])
            score = float(_macro_f1(_counts((foretold * tried).argmax(axis=1), answer).sum(axis=0)))
            if score > best:
                best, weights = score, tried
    return weights


def _by_model(advisor: SizeAdvisor, answers: pl.DataFrame) -> dict[str, np.ndarray]:
    """The model's ``(n, 3)`` with all that is known, and with one thing unknown at a time."""
    named = {name: np.empty((len(answers), 3)) for name in SYSTEMS if name.startswith("model")}
    for row, (shopper, product, category, size) in enumerate(_asked(answers)):
        ways = {
            "model": (product, shopper),
            "model_without_past": (product, replace(shopper, worn=())),
            "model_without_body": (product, replace(shopper, measures={})),
            "model_without_product": ("", shopper),
        }
        for name, (pid, who) in ways.items():
            named[name][row] = advisor.model.probabilities(pid, category, [size], who)[0]
    return named


def _asked(answers: pl.DataFrame):
    """Each answer as a question: who (with what they answered at an earlier moment), product, category, size."""
    earlier: dict[str, list[tuple]] = {}
    own = answers.select("user_id", "timestamp", "size", "fit").sort("timestamp", nulls_last=False)
    for user, when, size, fit in own.rows():
        earlier.setdefault(user, []).append((when, Worn(size, fit)))
    columns = ["user_id", "timestamp", "product_id", "category", "size", *MEASURES]
    for user, when, product, category, size, *body in answers.select(columns).rows():
        worn = tuple(w for moment, w in earlier[user] if when is not None and moment is not None and moment < when)
        measures = {m: v for m, v in zip(MEASURES, body, strict=True) if v is not None}
        yield Shopper(measures, worn), product, category, size


def _counts(decided: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """``(n, 9)``: for each answer whether it was foretold rightly, foretold, given."""
    one = np.eye(3)
    given, told = one[answer], one[decided]
    return np.hstack([given * told, told, given])


def _macro_f1(counts: np.ndarray) -> np.ndarray:
    """``(…, 9)`` sums or means of `_counts` → ``(…,)``."""
    both, told, given = counts[..., :3], counts[..., 3:6], counts[..., 6:]
    return (2 * both / np.maximum(told + given, 1e-12)).mean(axis=-1)


def _f1(decided: dict[str, np.ndarray], answer: np.ndarray, shopper: np.ndarray):
    """Macro-F1 and accuracy with intervals (shoppers drawn again), and paired tests (a shopper's answers swapped)."""
    counts = {name: _counts(d, answer) for name, d in decided.items()}
    means = bootstrap_means(np.hstack(list(counts.values())), shoppers=shopper)
    figures, ci95, drawn = {}, {}, {}
    for i, (name, c) in enumerate(counts.items()):
        drawn[name] = _macro_f1(means[:, 9 * i : 9 * i + 9])
        figures[f"{name}/macro_f1"] = float(_macro_f1(c.sum(axis=0)))
        ci95[f"{name}/macro_f1"] = interval(drawn[name][:, None])[0].tolist()
        figures[f"{name}/accuracy"] = float((decided[name] == answer).mean())
        for k, f in enumerate(FITS):
            total = c.sum(axis=0)
            figures[f"{name}/f1_{f}"] = float(2 * total[k] / max(total[3 + k] + total[6 + k], 1e-12))
    tests = []
    for first, second in PAIRS:
        difference = figures[f"{first}/macro_f1"] - figures[f"{second}/macro_f1"]
        ends = interval((drawn[first] - drawn[second])[:, None])[0].tolist()
        tests.append((first, second, difference, ends, _p_swapped(counts[first], counts[second], shopper)))
    adjusted = holm([t[-1] for t in tests])
    comparisons = [
        {"first": f, "second": s, "metric": "macro_f1", "cohort": None, "difference": d, "ci95": ends, "p": p,
         "p_adjusted": a, "sessions": len(answer)}
        for (f, s, d, ends, p), a in zip(tests, adjusted, strict=True)
    ]  # fmt: skip
    return figures, ci95, comparisons


def _p_swapped(first: np.ndarray, second: np.ndarray, shopper: np.ndarray, seed: int = 1) -> float:
    """Two-sided p of no difference: each shopper's decisions of both systems are swapped by chance (Noreen 1989)."""
    by_shopper = [np.stack([np.bincount(shopper, weights=column) for column in c.T], axis=1) for c in (first, second)]
    observed = abs(float(_macro_f1(by_shopper[0].sum(axis=0)) - _macro_f1(by_shopper[1].sum(axis=0))))
    total, gap = by_shopper[0] + by_shopper[1], by_shopper[0] - by_shopper[1]
    random, more, whole = np.random.default_rng(seed), 0, total.sum(axis=0)
    for _ in range(PERMUTATIONS):
        swapped = random.integers(0, 2, len(gap)) * 2 - 1
        moved = swapped @ gap
        more += abs(float(_macro_f1((whole + moved) / 2) - _macro_f1((whole - moved) / 2))) >= observed
    return (more + 1) / (PERMUTATIONS + 1)


def _of_probabilities(probabilities: np.ndarray, answer: np.ndarray) -> dict[str, float]:
    """Area under the curve of each answer against the rest, plainly and by frequency averaged, and the log loss."""
    one = np.eye(3)[answer]
    areas = np.array([_auc(probabilities[:, k], one[:, k] > 0) for k in range(3)])
    loss = -np.log(np.maximum(probabilities[np.arange(len(answer)), answer], 1e-12)).mean()
    return {"auc": float(areas.mean()), "auc_weighted": float(areas @ one.mean(axis=0)), "log_loss": float(loss)}


def _auc(score: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve by ranks, ties counted half (Mann and Whitney 1947)."""
    n, p = len(score), int(positive.sum())
    if not p or p == n:
        return 0.5
    order = np.unique(score, return_inverse=True)[1]
    ends = np.cumsum(np.bincount(order))
    ranks = (ends - (np.bincount(order) - 1) / 2)[order]
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * (n - p)))


def _calibration(chance: np.ndarray, happened: np.ndarray) -> float:
    """Expected calibration error over ten bins of equally many answers."""
    bins = np.array_split(np.argsort(chance, kind="stable"), BINS)
    return float(sum(abs(chance[b].mean() - happened[b].mean()) * len(b) for b in bins) / len(chance))


def _advised(advisor: SizeAdvisor, answers: pl.DataFrame, answer: np.ndarray, shopper: np.ndarray):
    """Does the advised size agree with what was answered? The size worn is hidden but for earlier answers.

    ``fit_same``: of those whose size fitted, how many are advised it, ``fit_near`` it or a neighbour in the product's
    own sizes. ``small_larger``: of those whose size was small, how many are advised a larger one; ``large_smaller``
    likewise. ``taken``: the same of the product's most worn size, the peer.
    """
    catalog, feedback = advisor.catalog, advisor.feedback
    most = dict(
        feedback.group_by("product_id", "size").len().sort("len", "size", descending=[True, False])
        .group_by("product_id", maintain_order=True).first().select("product_id", "size").rows()
    )  # fmt: skip
    steps = {"advice": np.full(len(answers), np.nan), "most_worn": np.full(len(answers), np.nan)}
    for row, (who, product_id, _, size) in enumerate(_asked(answers)):
        product = catalog.product(product_id)
        ladder = sorted({m.number for s in product.size if (m := size_mark(s))})
        mark = size_mark(size)
        for name, chosen in (("advice", advisor.advise(product, who).size), ("most_worn", most.get(product_id))):
            if chosen is not None and mark is not None:
                steps[name][row] = ladder.index(size_mark(chosen).number) - ladder.index(mark.number)
    figures, ci95 = {}, {}
    for name, step in steps.items():
        told = np.isfinite(step)
        figures[f"{name}/given"] = float(told.mean())
        shares = {
            "fit_same": (RIGHT, step == 0), "fit_near": (RIGHT, np.abs(step) <= 1),
            "small_larger": (SMALL, step > 0), "small_same": (SMALL, step == 0),
            "large_smaller": (LARGE, step < 0), "large_same": (LARGE, step == 0),
        }  # fmt: skip
        for kind, (which, hit) in shares.items():
            of = told & (answer == which)
            figures[f"{name}/{kind}"] = float(hit[of].mean()) if of.any() else 0.0
            if of.any():
                means = bootstrap_means(hit[of][:, None].astype(float), shoppers=shopper[of])
                ci95[f"{name}/{kind}"] = interval(means)[0].tolist()
    return figures, ci95


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shopping_assistant.eval.size_advice", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds renttherunway/")
    parser.add_argument("--out", type=Path, required=True, help="the store and size_advice.json go here")
    parser.add_argument("--held-back", type=Path, help="answers of other shoppers, in the layout of rentals.parquet")
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    args = parser.parse_args(given)
    before = processor_seconds()
    try:
        result = measure(args.data, args.out, args.held_back)
    except ShopError as error:
        print(error, file=sys.stderr)
        return 1
    used = {"processor_seconds": round(processor_seconds() - before, 1)}
    result = replace(result, protocol=result.protocol | used)
    result.write(args.out, [])
    if args.json:
        print(json.dumps(asdict(result), ensure_ascii=False))
        return 0
    print(f"{result.what} (n = {result.n}, {result.seconds:.0f} s)")
    for name, value in result.figures.items():
        ends = "  [{:.4f}, {:.4f}]".format(*result.ci95[name]) if name in result.ci95 else ""
        print(f"  {name:40} {value:10.4f}{ends}")
    for c in result.comparisons:
        low, high = c["ci95"]
        print(
            f"  {c['first']} - {c['second']}: {c['difference']:+.4f} [{low:+.4f}, {high:+.4f}], p {c['p_adjusted']:.4f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
