"""Whether a long conversation stays as fast and as small as a short one.

    python -m shopping_assistant.eval.bench.conversation --store DIR [--turns N] [--json]

Holds one conversation of 100 turns over a copy of the store's chats, the same ten sentences again and again. Prints the
median latency of the last ten turns over that of turns 2 to 11 (on a machine that does other things, too, the ratio of
processor times says more), and how much the file of conversations has grown when the shop is closed, over the bytes of
what was said: sentences and replies.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.replay_agent import lay_out
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.store import Store

TURNS = 100
#: One after the other, again and again: searches, refinements, questions, the bag, recommendations, talk.
SENTENCES = (
    "show me black ankle boots",
    "under 120 please",
    "not leather",
    "how much is the second one?",
    "compare the first two",
    "what would you recommend for me?",
    "add the first one to my bag",
    "something similar to the second one",
    "take the first one out of my bag",
    "thanks, that helps",
)
_SPAN = len(SENTENCES)


def measure(store: Path, turns: int = TURNS) -> dict[str, float]:
    """Hold the conversation in a store of its own: ``latency_ratio``, ``size_ratio``, and what they are made of.

    Latencies are wall milliseconds with the checkpoint; the ratio is of medians of ten turns, each with all ten
    sentences.
    The size is that of the file when nobody has it open; a short conversation has made its tables before.

    Raises:
        ShopError: fewer turns than both spans need.
    """
    if turns < 2 * _SPAN + 1:
        raise ShopError(f"{turns} turns: expected {2 * _SPAN + 1} or more, to have first and last ones")
    assistant = Assistant.open(store)
    assistant.turn("warm-up", SENTENCES[0])
    assistant.close()
    before = _bytes(store)
    assistant = Assistant.open(store)
    try:
        assistant.warm()
        assistant.turn("warm-up", SENTENCES[0])  # models load at the first use
        ms, cpu, text = [], [], 0
        for n in range(turns):
            sentence = SENTENCES[n % _SPAN]
            start, worked = time.perf_counter(), time.process_time()
            turn = assistant.turn("long", sentence)
            ms.append((time.perf_counter() - start) * 1000)
            cpu.append((time.process_time() - worked) * 1000)
            text += len(sentence.encode()) + len(turn["reply"].encode())
            if any(t["error"] for t in turn["tools"]):
                raise ShopError(f"turn {n + 1} failed: {turn['tools']}")
    finally:
        assistant.close()
    stored = _bytes(store) - before
    (early, late), (early_cpu, late_cpu) = (
        (statistics.median(x[1 : 1 + _SPAN]), statistics.median(x[-_SPAN:])) for x in (ms, cpu)
    )
    return {
        "turns": turns,
        "early_ms": round(early, 2),
        "late_ms": round(late, 2),
        "latency_ratio": round(late / early, 3),
        "processor_ratio": round(late_cpu / early_cpu, 3),
        "text_bytes": text,
        "stored_bytes": stored,
        "size_ratio": round(stored / text, 2),
        "whole_file_ratio": round(_bytes(store) / text, 2),
    }


def _bytes(store: Path) -> int:
    """The file of conversations with its write-ahead log and index, where they are."""
    return sum(f.stat().st_size for f in store.glob("conversations.sqlite*"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", type=Path, required=True, help="the shop's folder; nothing is left in it")
    parser.add_argument("--turns", type=int, default=TURNS, help="how long the conversation is")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(given.store)
            lay_out(store, Path(folder), store.events())
            figures = measure(Path(folder), given.turns)
    except ShopError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps(figures))
        return 0
    print(
        f"latency, last ten of {figures['turns']} turns over turns 2 to 11: {figures['latency_ratio']:.3f} "
        f"({figures['late_ms']:.1f} over {figures['early_ms']:.1f} ms), "
        f"in processor time {figures['processor_ratio']:.3f}\n"
        f"stored over said: {figures['size_ratio']:.2f} ({figures['stored_bytes']:,} over {figures['text_bytes']:,} "
        f"bytes; with empty tables {figures['whole_file_ratio']:.2f})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
