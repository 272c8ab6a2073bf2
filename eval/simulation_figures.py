"""The figures of simulated conversations, from their lines alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from shopping_assistant.eval.significance import ci95, holm, paired_test

WITHIN = (3, 5, 8)
BOUGHT = "bought"


def _within(line: Mapping, turns: int, target: bool = False) -> float:
    done = line["outcome"] == BOUGHT and line["turns_taken"] <= turns
    return float(done and (not target or line["bought"] == line["target"]))


def conversation_scores(lines: Sequence[Mapping], budgets: Iterable[int] = WITHIN) -> dict[str, np.ndarray]:
    """``{figure: (conversations,)}``.

    ``success@t``: bought something that meets all musts within t turns; ``target@t``: the very product of the logged
    session. A purchase with a must missing is no success, whatever the shopper believed.
    """
    met = np.array([line["met_musts"] for line in lines], dtype=np.float64)
    scores: dict[str, np.ndarray] = {}
    for t in budgets:
        scores[f"success@{t}"] = np.array([_within(line, t) for line in lines]) * met
        scores[f"target@{t}"] = np.array([_within(line, t, target=True) for line in lines]) * met
    scores["turns"] = np.array([line["turns_taken"] for line in lines], dtype=np.float64)
    return scores


def cohorts_of_line(line: Mapping) -> tuple[str, ...]:
    musts = line["musts"]
    named = "1-3 musts" if musts <= 3 else "4-5 musts" if musts <= 5 else "6 or more musts"
    return (*line["cohorts"], named)


def system_figures(lines: Sequence[Mapping], turns: int, seed: int) -> dict:
    """One system's figures over its conversations, with intervals and by cohort."""
    budgets = [t for t in WITHIN if t <= turns] or [turns]
    scores = conversation_scores(lines, budgets)
    every = [turn for line in lines for turn in line["turns"]]
    cards = sum(len(turn["shown"]) for turn in every)
    answers = [turn for turn in every if turn["shown"]]
    groups: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        for name in cohorts_of_line(line):
            groups.setdefault(name, []).append(i)
    asked = [turn for turn in every if turn["question"]]
    spoken = [line for line in lines if line["spoken_purchase"]]
    broken = [fault for turn in every for fault in turn["broke"]]
    return {
        "conversations": len(lines),
        "success": {str(t): float(scores[f"success@{t}"].mean()) for t in budgets},
        "target": {str(t): float(scores[f"target@{t}"].mean()) for t in budgets},
        "ci95": ci95(scores, seed=seed),
        "mean_turns": float(scores["turns"].mean()),
        "gave_up": _share(line["outcome"] != BOUGHT for line in lines),
        "questions_asked": len(asked) / len(lines),
        "asked_about": _counted(turn["question"]["about"] for turn in asked),
        "asked_twice": sum(turn["again"] for turn in every),
        # A slip that turns a sentence round ("leve out") states nothing that could be held; it is counted beside.
        "broke_constraint": _share(
            any(plainly for *_, plainly in turn["broke"]) or "broke_own" in turn for turn in answers
        ),
        "excluded_shown": sum(a != "price" for _, a, *_ in broken),
        "over_budget_shown": sum(a == "price" for _, a, *_ in broken),
        "excluded_shown_after_a_slip": sum(a != "price" and not plainly for _, a, _, plainly in broken),
        "own_constraints_broken": sum("broke_own" in turn for turn in every),
        "cards_lacking_a_stated_wish": sum(turn["unmet"] for turn in every) / cards if cards else 0.0,
        "spoken_purchases": len(spoken),
        "misread_purchases": sum(line["misread_purchase"] for line in spoken),
        "reply_errors": sum("error" in turn for turn in every),
        "by_cohort": {
            name: {"conversations": len(rows), **{f: float(v[rows].mean()) for f, v in scores.items()}}
            for name, rows in sorted(groups.items())
        },
    }  # fmt: skip


def comparisons(lines: Mapping[str, Sequence[Mapping]], turns: int, seed: int) -> list[dict]:
    """Each further system against the first, on the same shoppers with the same wishes, corrected for all tests."""
    first, *others = lines
    budgets = [t for t in WITHIN if t <= turns] or [turns]
    scores = {name: conversation_scores(of, budgets) for name, of in lines.items()}
    found = []
    for other in others:
        for figure in scores[first]:
            c = paired_test(scores[first][figure], scores[other][figure], seed=seed)
            found.append(
                {"first": first, "second": other, "metric": figure, "cohort": None, "difference": c.difference,
                 "ci95": list(c.ci95), "p": c.p, "sessions": c.sessions}
            )  # fmt: skip
    adjusted = holm([c["p"] for c in found]) if found else []
    return [{**c, "p_adjusted": p} for c, p in zip(found, adjusted, strict=True)]


def as_text(result: Mapping) -> str:
    """The figures for a person."""
    protocol, lines = result["protocol"], []
    for name, f in result["systems"].items():
        shares = [f"{v:.0%} within {t} turns ({f['target'][t]:.0%} the very product)" for t, v in f["success"].items()]
        lines += [
            f"{name}: {f['conversations']} conversations of at most {protocol['turns']} turns",
            f"  bought what meets all musts: {', '.join(shares)}",
            f"  {f['mean_turns']:.2f} turns on average, {f['gave_up']:.0%} gave up, {f['questions_asked']:.2f} "
            f"questions a conversation ({f['asked_twice']} asked twice), {f['reply_errors']} replies failed",
            f"  {f['broke_constraint']:.1%} of the answers with products broke a constraint; {f['excluded_shown']} "
            f"products were shown after they were excluded, {f['excluded_shown_after_a_slip']} of them by a mistyped "
            f"sentence, and {f['over_budget_shown']} above the budget",
            f"  {f['cards_lacking_a_stated_wish']:.1%} of the products lacked a wish that was said",
            f"  the simulator erred in {f['simulator']['errors']} of {f['simulator']['checks']:,} checks",
        ]
    for c in result["comparisons"]:
        lines.append(
            f"{c['first']} - {c['second']}, {c['metric']}: {c['difference']:+.3f} [{c['ci95'][0]:+.3f}, "
            f"{c['ci95'][1]:+.3f}], p {c['p_adjusted']:.2g} after correction"
        )
    return "\n".join([*lines, f"{result['seconds']} s with {result['workers']} workers, part {protocol['part']}"])


def _share(values: Iterable[bool]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0


def _counted(names: Iterable[str]) -> dict[str, int]:
    count: dict[str, int] = {}
    for name in names:
        count[name] = count.get(name, 0) + 1
    return dict(sorted(count.items(), key=lambda item: (-item[1], item[0])))
