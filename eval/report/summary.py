"""What the figures say, in a few sentences: every one of them is made from the figures it names."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.eval.report import numbers
from shopping_assistant.eval.report.conversations import success
from shopping_assistant.eval.report.inputs import Results
from shopping_assistant.eval.report.replayed import LEAST_SESSIONS, Difference, Replayed
from shopping_assistant.eval.report.trained import Ablations


def sentences(
    results: Results, replayed: Replayed, ablations: Sequence[Ablations], simulated_shoppers: bool | None
) -> list[str]:
    """Three to six of them: who is ahead, by how much, where it loses, constraints, the assistant and its parts, and
    what cannot be said."""
    said = [
        _ahead(replayed),
        _by_how_much(replayed),
        _where_it_loses(replayed),
        _constraints(results, replayed),
        _assistant_and_parts(results, ablations),
        _cannot_say(results, replayed, simulated_shoppers),
    ]
    return [sentence for sentence in said if sentence]


def _ahead(r: Replayed) -> str:
    best = r.of(r.leader)
    metric, recall = r.leading, r.accuracy[0]
    who = f"Of {len(r.whole)} systems {r.leader} is ahead" if len(r.whole) > 1 else f"{r.leader} was replayed alone"
    return (
        f"{who}: {metric} {numbers.number(best[metric], r.digits)} "
        f"{numbers.interval(best['ci95'].get(metric), r.digits)} and {recall} "
        f"{numbers.number(best[recall], r.digits)} over {numbers.count(best['sessions'])} sessions."
    )


def _by_how_much(r: Replayed) -> str:
    if len(r.whole) < 2:
        return ""
    own = r.main == r.leader
    other = r.whole[1] if own else r.leader
    test = next((d for d in r.overall(r.leading) if d.other == other), None)
    who = f"Its lead over the next, {other}," if own else f"The shop's own {r.main} is behind {other}, the difference"
    gap = abs(r.of(r.main)[r.leading] - r.of(other)[r.leading])
    if test is None:
        return f"{who} is {numbers.number(gap, r.digits)} in {r.leading}; it was not tested against chance."
    ends = sorted(end if test.mean >= 0 else -end for end in test.ci95)
    shown = f"{numbers.number(gap, r.digits)} {numbers.interval(ends, r.digits)} in {r.leading}"
    tested = numbers.count(len(r.differences_tested))
    p = f"paired, p{numbers.GAP}{_p(test)} after correction for {tested} comparisons"
    if test.beyond_chance:
        return f"{who} is {shown} ({p})."
    return f"{who} is {shown}, which chance explains ({p}): the two cannot be told apart here."


def _where_it_loses(r: Replayed) -> str:
    if len(r.whole) < 2:
        return ""
    lost, groups = r.lost(), _large_groups(r)
    if not groups:
        return f"No group of shoppers or products has {LEAST_SESSIONS} sessions, so nothing is said about groups."
    weakest = min(groups, key=lambda g: (g[2], g[0]))
    if not lost:
        return (
            f"{r.main} is behind no other system in any of {len(groups)} groups of at least {LEAST_SESSIONS} sessions; "
            f"it is weakest for {weakest[0]} ({numbers.count(weakest[1])} sessions, {r.leading} "
            f"{numbers.number(weakest[2], r.digits)})."
        )
    worst = lost[0]
    sure = "not tested" if worst.test is None else f"corrected p{numbers.GAP}{_p(worst.test)}"
    best = r.of(worst.best)["cohorts"][worst.cohort][r.leading]
    beside = f"; best there is {worst.best} with {numbers.number(best, r.digits)}" if worst.best != worst.other else ""
    more = f". It is behind some system in {len(lost) - 1} more of {len(groups)} groups" if len(lost) > 1 else ""
    return (
        f"{r.main} loses to {worst.other} for {worst.cohort} ({numbers.count(worst.sessions)} sessions): {r.leading} "
        f"{numbers.number(worst.ours, r.digits)} against {numbers.number(worst.theirs, r.digits)} "
        f"({sure}){beside}{more}."
    )


def _constraints(results: Results, r: Replayed) -> str:
    measured = [n for n in r.names if r.broke_key in r.of(n)]
    broke = [n for n in measured if r.of(n)[r.broke_key] > 0]
    talked = (results.simulation or {}).get("broke_constraint")
    if not measured and talked is None:
        return "Whether any answer broke a constraint was not measured."
    if broke:
        shares = [f"{n} in {numbers.share(r.of(n)[r.broke_key])} of its lists" for n in broke]
        return f"Constraints were broken, which must never happen: {numbers.listed(shares)}."
    if talked:
        many = numbers.share(talked) if talked <= 1 else numbers.count(talked)
        return f"{many} of the assistant's answers to simulated shoppers broke a constraint, which must never happen."
    where = [f"none of {numbers.count(_answers(r, measured))} lists"] if measured else []
    where += ["no answer of the assistant to a simulated shopper"] if talked is not None else []
    return f"No constraint was broken: {numbers.listed(where)} held a product that it must not hold."


def _assistant_and_parts(results: Results, ablations: Sequence[Ablations]) -> str:
    parts = []
    if results.simulation and (reached := success(results.simulation)):
        turns = numbers.listed([t for t, _, _ in reached])
        shares = numbers.listed([numbers.share(v) for _, v, _ in reached])
        parts.append(f"within {turns} turns simulated shoppers found what they wanted in {shares} of conversations")
    for found in ablations:
        judged = [v.agrees for v in found.variants if v.agrees is not None]
        if not judged:
            continue
        where = f" with {found.title.removeprefix('Ablations, ')}" if len(ablations) > 1 else ""
        ours = f"{judged.count('yes')} of {len(judged)} ablations{where} move as published"
        kinds = (("the other way", "no"), ("within chance", "no telling"))
        others = [(said, [v.name for v in found.variants if v.agrees == kind]) for said, kind in kinds]
        told = "; ".join(f"{said}: {', '.join(names)}" for said, names in others if names)
        parts.append(ours + (f" ({told})" if told else ""))
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _cannot_say(results: Results, r: Replayed, simulated_shoppers: bool | None) -> str:
    protocol = results.about["protocol"]
    why = []
    if simulated_shoppers:
        why.append("the shoppers of this shop are simulated, so the figures check the mechanism and foretell no sales")
    if protocol.get("part") == "validation":
        why.append("these are validation sessions, on which settings were chosen, so the figures flatter")
    if protocol.get("trained_on"):
        why.append("models have seen some of the answers in training")
    left = protocol.get("left_out", {}).get("not in the sample")
    if left:
        why.append(f"{numbers.count(left)} further sessions were not drawn")
    other = [n for n in r.names if n not in r.whole]
    if other:
        why.append(f"{numbers.listed(other)} ran other sessions and cannot be ranked beside the rest")
    why.append("offline ranks say nothing of what shoppers would have done with another list before them")
    return f"What cannot be said: {'; '.join(why)}."


def _large_groups(r: Replayed) -> list[tuple[str, int, float]]:
    groups = r.of(r.main)["cohorts"]
    return [(name, c["sessions"], c[r.leading]) for name, c in groups.items() if c["sessions"] >= LEAST_SESSIONS]


def _answers(r: Replayed, names: Sequence[str]) -> int:
    return sum(r.of(n).get("answers_checked", r.of(n)["sessions"]) for n in names)


def _p(test: Difference) -> str:
    text = numbers.probability(test.p_adjusted)
    return text if text.startswith("<") else f"={numbers.GAP}{text}"
