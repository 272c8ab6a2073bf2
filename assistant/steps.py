"""The changes of a conversation's wishes, one after the other: each undo goes one further back, redo forward again."""

from __future__ import annotations

from typing import Any

from shopping_assistant.assistant.language.understanding import Before, Understood
from shopping_assistant.assistant.language.understood import Held
from shopping_assistant.assistant.language.wishes import steps_back
from shopping_assistant.assistant.state import as_step

# Nobody goes further back than they remember, and a state stays small.
STEPS_KEPT = 20


def after(known: Before, u: Understood) -> dict[str, Any]:
    """``earlier`` and ``undone`` of the state, now that this was understood."""
    earlier, undone, was = list(known.earlier), list(known.undone), known.held
    steps = min(steps_back(u.forgot), len(earlier))
    if steps > 0:
        undone += [was, *reversed(earlier[len(earlier) - steps + 1 :])]
        del earlier[len(earlier) - steps :]
    elif steps < 0 and undone:
        earlier.append(was)
        undone.pop()
    # "Undo that, and rather in blue" is a step of its own, from what the undo came back to.
    was, now = known.after(u.forgot), Held(u.constraints, u.leanings, u.words)
    if not now.same_as(was):
        earlier, undone = [*earlier, was], []
    return {
        "earlier": [as_step(h) for h in earlier[-STEPS_KEPT:]],
        "undone": [as_step(h) for h in undone[-STEPS_KEPT:]],
    }


def beside(state: dict[str, Any]) -> list[dict]:
    """``earlier`` when a tool is about to change the wishes of ``state`` itself, in the place of a sentence."""
    was = {key: state.get(key) or [] for key in ("constraints", "leanings", "words")}
    return [*(state.get("earlier") or []), {k: v for k, v in was.items() if v}][-STEPS_KEPT:]
