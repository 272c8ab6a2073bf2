"""The simulated shoppers' figures, and a few of their conversations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shopping_assistant.eval.report import charts, numbers
from shopping_assistant.eval.report.understood import flat, is_number
from shopping_assistant.eval.report.worst import Item

SHOWN = 3  # products of an answer that are set out; the wanted one always
WORST = 2  # failed conversations that are set out


@dataclass(frozen=True)
class Turn:
    shopper: str
    assistant: str
    act: str
    shown: tuple[Item, ...]
    more: int  # products that were shown too and are left out here


@dataclass(frozen=True)
class Talk:
    """One conversation: what the shopper wanted, what was said, how it ended."""

    heading: str
    session_id: str
    wish: str
    target: Item
    turns: tuple[Turn, ...]
    outcome: str


@dataclass(frozen=True)
class Partner:
    """One assistant that the simulated shoppers talked to: a row of figures, and how it differs from the first."""

    name: str
    figures: tuple[tuple[str, str], ...]
    difference: str


def success(simulation: Mapping) -> list[tuple[str, float, tuple[float, float] | None]]:
    """``(turns, share of conversations that had succeeded by then, interval)``, fewest turns first."""
    intervals = simulation.get("ci95") or {}
    found = []
    for turns, value in sorted((simulation.get("success") or {}).items(), key=lambda pair: int(pair[0])):
        ci95 = intervals.get(f"success@{turns}") or intervals.get(turns)
        found.append((turns, value, (ci95[0], ci95[1]) if ci95 else None))
    return found


def success_chart(simulation: Mapping) -> charts.Chart | None:
    lines = [
        charts.Line(name, [(int(t), value, ci95) for t, value, ci95 in reached])
        for name, figures in _systems(simulation).items()
        if (reached := success(figures))
    ]
    if not lines:
        return None
    ticks = [(x, f"{x:g}") for x in sorted({x for line in lines for x, _, _ in line.points})]
    return charts.curves("success", "Wishes met", lines[: len(charts.STYLES)], "share", ticks, "within turns", top=1)


def simulated(simulation: Mapping) -> list[tuple[str, str]]:
    """The assistant's figures, as far as they were measured."""
    simulator = simulation.get("simulator") or {}
    target = (simulation.get("target") or {}).items()
    rows = [
        ("conversations", numbers.count(simulation.get("conversations"))),
        *((f"wish met within {t} turns", f"{numbers.share(v)} {_percents(ci)}") for t, v, ci in success(simulation)),
        *((f"the very product within {t} turns", numbers.share(v)) for t, v in list(target)[-1:]),
        ("turns, mean", numbers.number(simulation.get("mean_turns"), 1)),
        ("questions asked, a conversation", _questions(simulation)),
        ("gave up", _share_or_count(simulation.get("gave_up"))),
        ("answers that broke a stated constraint", _share_or_count(simulation.get("broke_constraint"))),
        ("purchases said aloud that the bag did not hold", _misread(simulation)),
        ("the simulator's own errors", _errors(simulator)),
    ]
    return [(name, value.strip()) for name, value in rows if value.strip() != numbers.NONE]


def partners(simulation: Mapping) -> list[Partner]:
    """Every assistant beside the first; none where there was only one."""
    systems = _systems(simulation)
    if len(systems) < 2:
        return []
    tests = {
        c["second"]: c for c in simulation.get("comparisons") or () if str(c.get("metric", "")).startswith("success@")
    }  # the last of each: that with the most turns
    out = []
    for name, figures in systems.items():
        test = tests.get(name)
        shown = (
            *((f"within {t}", numbers.share(v)) for t, v, _ in success(figures)),
            ("turns", numbers.number(figures.get("mean_turns"), 1)),
            ("questions", _questions(figures)),
            ("gave up", _share_or_count(figures.get("gave_up"))),
            ("broke a constraint", _share_or_count(figures.get("broke_constraint"))),
        )
        said = ""
        if test:
            points = numbers.signed(-100 * test["difference"], 1)
            said = f"{points} points, corrected p {numbers.probability(test.get('p_adjusted', test['p']))}"
        out.append(Partner(name, shown, said))
    return out


def chosen(conversations: Sequence[Mapping], item: Callable[[str], Item]) -> list[Talk]:
    """A success of middling length that ended in the bag, and the failures that took the most turns."""
    bought = sorted((c for c in conversations if _met(c) and not c.get("misread_purchase")), key=_length)
    lost = sorted((c for c in conversations if not _met(c)), key=lambda c: (-_length(c)[0], _length(c)))
    talks = [_talk("A success", bought[len(bought) // 2], item)] if bought else []
    return talks + [_talk("Among the worst failures", c, item) for c in lost[:WORST]]


def _met(c: Mapping) -> bool:
    """Whether the shopper bought, and what was bought has all that was wished for."""
    return c["outcome"] == "bought" and bool(c.get("met_musts", True))


def _wish(wish: object) -> str:
    """A hidden wish in words: what must be, what would be nice, what must not be."""
    if not isinstance(wish, Mapping) or "traits" not in wish:
        return flat(wish)
    parts = [
        (word, [f"{attribute} {value}" for attribute, value, strength in wish["traits"] if strength == word])
        for word in ("must", "nice")
    ]
    parts.append(("not", [f"{attribute} {value}" for attribute, value in wish.get("unwanted") or ()]))
    if wish.get("price") is not None:
        parts.append(("price", [f"at most {wish['price']:g}{'' if wish.get('price_must') else ', if possible'}"]))
    return "; ".join(f"{word}: {', '.join(of)}" for word, of in parts if of)


def _systems(simulation: Mapping) -> dict[str, Mapping]:
    """The figures of each assistant, by name; of one alone they stand at the top."""
    return simulation.get("systems") or {str(simulation.get("assistant") or "assistant"): simulation}


def _errors(simulator: Mapping) -> str:
    checks = simulator.get("checks")
    share = numbers.share(simulator.get("error_rate"))
    return f"{share} of {numbers.count(checks)} checks" if is_number(checks) else share


def _talk(heading: str, c: Mapping, item: Callable[[str], Item]) -> Talk:
    target = str(c.get("target", ""))
    turns = []
    for t in c["turns"]:
        shown = [str(p) for p in t.get("shown") or ()]
        seen = [p for i, p in enumerate(shown) if i < SHOWN or p == target]
        said = (str(t.get(name) or "") for name in ("shopper", "assistant", "act"))
        turns.append(Turn(*said, tuple(map(item, seen)), len(shown) - len(seen)))
    outcome = str(c["outcome"])
    if outcome == "bought" and not _met(c):
        outcome = "bought something that lacks what was wished for"
    return Talk(
        heading,
        str(c.get("session_id", "")),
        _wish(c.get("wish")),
        item(target),
        tuple(turns),
        outcome,
    )


def _length(c: Mapping) -> tuple[int, str]:
    return int(c.get("turns_taken") or len(c["turns"])), str(c.get("session_id", ""))


def _share_or_count(value: object) -> str:
    if not is_number(value):
        return numbers.NONE
    return numbers.share(value) if value <= 1 else numbers.count(value)


def _misread(simulation: Mapping) -> str:
    spoken = simulation.get("spoken_purchases")
    if not spoken:
        return numbers.NONE
    return f"{numbers.count(simulation.get('misread_purchases', 0))} of {numbers.count(spoken)}"


def _questions(simulation: Mapping) -> str:
    value = simulation.get("questions_asked")
    if not is_number(value):
        return numbers.NONE
    told = simulation.get("conversations") or 0
    return numbers.number(value / told if told and value > 10 else value, 2)


def _percents(ci95: tuple[float, float] | None) -> str:
    return f"[{numbers.share(ci95[0])}, {numbers.share(ci95[1])}]" if ci95 else ""
