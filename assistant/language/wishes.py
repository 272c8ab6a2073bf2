"""Wishes over a conversation: they accumulate, the newest wins, exclusions stay until they are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shopping_assistant.assistant.language.vocabulary import Vocabulary
from shopping_assistant.tools.attribute_filter import Constraint

FORGET_ALL, FORGET_LAST = "*", "last"
# Several steps at once ("last=3"), and the last one that was taken back after all.
FORGET_SEVERAL, BRING_BACK = "last=", "next=1"
# A wish about words of the title or description, for what no attribute of the catalogue says.
TEXT = "text"
# What a person is, unlike what they look for: these outlive a change of subject. A size only where the shopper said
# that it is theirs ("I wear a 39"): a large coat is no reason for a large hat.
OF_THE_SHOPPER = ("department", "size")
OWN = "my "


def steps_back(forgot: Sequence[str]) -> int:
    """How many changes of the wishes ``forgot`` takes back: 0 none, -1 that the last one taken back returns."""
    for f in forgot:
        if f == FORGET_LAST or f.startswith(FORGET_SEVERAL):
            return int(f.removeprefix(FORGET_SEVERAL)) if f != FORGET_LAST else 1
    return -1 if BRING_BACK in forgot else 0


def accumulate(
    vocabulary: Vocabulary,
    old: Sequence[Constraint],
    previous: Sequence[Constraint],
    added: Sequence[Constraint],
    forgot: Sequence[str],
    extends: bool,
    afresh: bool = False,
    stays: Sequence[Constraint] = (),
) -> tuple[tuple[Constraint, ...], bool]:
    """All wishes that hold after a sentence, and whether it changed the subject.

    Args:
        previous: what held before the steps that ``forgot`` goes back.
        forgot: attributes taken back; ``not color=black`` takes back one exclusion, see also `steps_back`.
        extends: "also in navy": the new values join the old ones instead of replacing them.
        afresh: a request of its own ("do you have any coats?") that ends what was wanted before, also of the same kind.
        stays: wishes that hold for the new subject as well.
    """
    if FORGET_ALL in forgot:
        return tuple(added), True
    held = list(previous if steps_back(forgot) else old)
    # "Forget jackets, I want a jumper" is another subject, too.
    changed = _changes_subject(held, added)
    held = _without(held, forgot)
    if changed or (afresh and wished_category(added)):
        held = [c for c in held if c.is_exclusion or c in stays or _still_makes_sense(c, added, vocabulary)]
    for c in added:
        held = _with(held, c, extends)
    return tuple(held), changed


def conflicts(
    old: Sequence[Constraint], held: Sequence[Constraint], added: Sequence[Constraint], new_subject: bool
) -> tuple[tuple[Constraint, Constraint], ...]:
    """Pairs of a wish that held before and the new one that took its place or took something of it away.

    A narrower wish (ankle boots for boots, "cheaper") replaces nothing that was wanted; neither does another subject.
    """
    if new_subject:
        return ()
    found = []
    for new in added:
        if new.attribute in ("category", TEXT) or (new not in held and not any(_says_again(new, c) for c in held)):
            continue
        for c in old:
            kept = c.op == "in" and any(_says_again(c, h) for h in held)
            if c.attribute == new.attribute and c not in held and not kept and _opposes(c, new):
                found.append((c, new))
    return tuple(found)


def _says_again(new: Constraint, c: Constraint) -> bool:
    return c.attribute == new.attribute and c.op == new.op and set(new.values) <= set(c.values)


def _opposes(old: Constraint, new: Constraint) -> bool:
    if old.op in ("<=", ">=") or new.op in ("<=", ">="):
        return (old.op == new.op and old.values != new.values and _has_figure(new)) or _contradict(old, new)
    if old.op == new.op == "in":
        return not set(new.values) <= set(old.values) and not set(old.values) <= set(new.values)
    return old.op != new.op and bool(set(old.values) & set(new.values))


def _has_figure(c: Constraint) -> bool:
    """ "Cheaper" only narrows; a figure said is another limit."""
    return any(ch.isdigit() for ch in c.said)


def _without(held: list[Constraint], forgot: Sequence[str]) -> list[Constraint]:
    out = []
    for c in held:
        taken_back = {f.split("=", 1)[1] for f in forgot if f.startswith(f"not {c.attribute}=")}
        if c.is_exclusion and taken_back:
            values = tuple(v for v in c.values if v not in taken_back)
            if values:
                out.append(replace(c, values=values))
        elif c.attribute not in forgot:
            out.append(c)
    return out


def wished_category(constraints: Sequence[Constraint]) -> Constraint | None:
    return next((c for c in constraints if c.attribute == "category" and c.op == "in"), None)


def _changes_subject(held: Sequence[Constraint], added: Sequence[Constraint]) -> bool:
    """A category that has nothing in common with the one talked of; a narrower or wider word stays on the subject."""
    before, now = wished_category(held), wished_category(added)
    return bool(before and now and not set(before.values) & set(now.values))


def _still_makes_sense(c: Constraint, added: Sequence[Constraint], vocabulary: Vocabulary) -> bool:
    if c.attribute not in OF_THE_SHOPPER:
        return False
    if c.attribute != "size":
        return True
    if not c.said.startswith(OWN):
        return False
    # A shoe size says nothing about a dress: the new kind must come in it.
    catalog, category = vocabulary.catalog, wished_category(added)
    rows = {int(r) for v in category.values for r in catalog.rows_with("category", v)}
    return any(rows & set(catalog.rows_with("size", v).tolist()) for v in c.values)


def _with(held: list[Constraint], new: Constraint, extends: bool) -> list[Constraint]:
    """``held`` with one more wish, and without what it contradicts."""
    if new.op == "not in":
        out = []
        for c in held:
            if c.attribute == new.attribute and c.op == "in":
                values = tuple(v for v in c.values if v not in new.values)
                out += [replace(c, values=values)] if values else []
            else:
                out.append(c)
        same = next((c for c in out if c.attribute == new.attribute and c.op == "not in"), None)
        if same is None:
            return [*out, new]
        values = tuple(dict.fromkeys([*same.values, *new.values]))
        said = same.said if values == same.values else f"{same.said}, {new.said}"
        return [replace(c, values=values, said=said) if c is same else c for c in out]
    if new.op == "in":
        out = []
        for c in held:
            if c.attribute != new.attribute:
                out.append(c)
            elif c.op == "not in":
                values = tuple(v for v in c.values if v not in new.values)
                out += [replace(c, values=values)] if values else []
            elif extends:
                joined = tuple(dict.fromkeys([*c.values, *new.values]))
                said = c.said if set(joined) == set(c.values) else f"{c.said}, {new.said}"
                new = Constraint(c.attribute, "in", joined, said)
        return [*out, new]
    return [c for c in held if not (c.attribute == new.attribute and (c.op == new.op or _contradict(c, new)))] + [new]


def _contradict(old: Constraint, new: Constraint) -> bool:
    if {old.op, new.op} != {"<=", ">="}:
        return False
    low, high = (old, new) if old.op == ">=" else (new, old)
    return low.values[0] > high.values[0]
