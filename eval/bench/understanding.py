"""How long a sentence takes to understand in a shop of 100,000 products, and what its vocabulary costs.

    python -m shopping_assistant.eval.bench.understanding [--products N] [--sentences FILE] [--json]

Reads the same sentences in a shop of the demo shop's size and in a large one, both invented by the demo shop's
generator; the large one has a brand for every fifty products. FILE has one sentence a line, an empty line starts a new
conversation. Beside milliseconds of the clock it prints those of the processor, and the ratio of both shops, all of one
run: on a machine that does other things, too, these can be compared. Guesses by sentence vectors are part of it; what
their first use loads is told apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from shopping_assistant.assistant.language.understanding import Before, Scene, Understanding
from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.assistant.steps import STEPS_KEPT
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.demo_catalog import make_assortment
from shopping_assistant.tools.errors import ShopError

SMALL, LARGE = 3_000, 100_000
# The generator's time grows with the square of its lines; ten times as many products are copies under other brands.
_INVENTED = 3_000
_PRODUCTS_A_BRAND = 50
_SYLLABLES = "bel cor dan fen gar hol jun kel lor mar nor ost pel quin ros sel tor ul ver wil".split()
#: Conversations of a few sentences: searches, slips, refusals, prices, sizes, questions, what only vectors can guess.
SENTENCES = """
show me black ankle boots under 120
not leather please, and no heels
how much is the second one?
something more like the first

blak jens in size W32 for my husband
anything from fifty to ninety euros
what is it made of?

I'm looking for something cosy for a ski trip
maybe a cashmere jumper, in M or L
cheaper

do you have a waterproof jacket for a rainy hike, not too expensive
olive or navy would be lovely
compare the first two

I need an outfit for a garden party
a floral wrap dress with long sleeves
anything but pink
add the first one to my bag

carry-ons in white, hard shell
is it available in black?
thanks, that helps
""".strip().splitlines()


def catalog_of(products: int, seed: int = 1) -> Catalog:
    """An invented catalogue of so many products."""
    made = make_assortment(np.random.default_rng(seed), _INVENTED).products
    rng = np.random.default_rng(seed)
    names = [f"{a}{b}{c}".title() for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES]
    names = [names[i] for i in rng.permutation(len(names))[: max(1, products // _PRODUCTS_A_BRAND)]]
    rows: list[Product] = []
    for n in range(products):
        product = made[n % len(made)]
        if n >= len(made):
            brand = names[int(rng.integers(len(names)))]
            title = product.title.replace(product.brand or "", brand)
            product = replace(product, product_id=f"{product.product_id}-{n // len(made)}", brand=brand, title=title)
        rows.append(product)
    return Catalog.from_products(rows)


def measure(catalog: Catalog, sentences: Sequence[str]) -> dict[str, float]:
    """What the vocabulary and the reading of sentences cost in one shop.

    Returns:
        ``vocabulary_seconds``, ``vocabulary_mb`` (resident memory gained), ``warm_seconds``,
        ``first_guess_seconds`` (loads the sentence
        encoder and embeds the values), and of single sentences ``ms_median``, ``ms_p95``, ``ms_max`` and the
        processor's ``cpu_ms_median``, ``cpu_ms_p95``.
    """
    process = psutil.Process()
    before, start = process.memory_info().rss, time.perf_counter()
    understanding = Understanding(Vocabulary(catalog))
    seconds = time.perf_counter() - start
    memory = (process.memory_info().rss - before) / 2**20
    start = time.perf_counter()
    understanding.warm()
    warm = time.perf_counter() - start
    start = time.perf_counter()
    understanding.understand("something festive")
    guess = time.perf_counter() - start
    shown = tuple(catalog.ids[:10])
    ms, cpu, known = [], [], Before()
    for sentence in sentences:
        if not sentence.strip():
            known = Before()
            continue
        start, busy = time.perf_counter(), time.thread_time()
        u = understanding.understand(sentence, known)
        ms.append((time.perf_counter() - start) * 1000)
        cpu.append((time.thread_time() - busy) * 1000)
        earlier = (*known.earlier, known.held)[-STEPS_KEPT:]
        known = Before(u.constraints, earlier, Scene(shown, (), u.targets), u.words, u.act, u.asked, u.leanings)
    return {
        "products": len(catalog), "sentences": len(ms), "vocabulary_seconds": seconds, "vocabulary_mb": memory,
        "warm_seconds": warm, "first_guess_seconds": guess, "ms_median": statistics.median(ms),
        "ms_p95": float(np.quantile(ms, 0.95)),
        "ms_max": max(ms), "cpu_ms_median": statistics.median(cpu), "cpu_ms_p95": float(np.quantile(cpu, 0.95)),
    }  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--products", type=int, default=LARGE)
    parser.add_argument("--sentences", type=Path, help="one sentence a line; an empty line starts a new conversation")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    try:
        if given.products < SMALL:
            raise ShopError(f"{given.products} products: expected {SMALL} or more, the size it is compared with")
        sentences = given.sentences.read_text(encoding="utf-8").splitlines() if given.sentences else SENTENCES
        small = measure(catalog_of(SMALL), sentences)
        large = measure(catalog_of(given.products), sentences)
    except (ShopError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    figures = {
        "small": small, "large": large,
        "ms_median_ratio": large["ms_median"] / small["ms_median"], "ms_p95_ratio": large["ms_p95"] / small["ms_p95"],
    }  # fmt: skip
    if given.json:
        print(json.dumps(figures))
        return 0
    names = [name for name in small if name not in ("products", "sentences")]
    for name in names:
        print(f"{name:<22}{small[name]:>12.2f}{large[name]:>12.2f}{large[name] / small[name]:>9.2f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
