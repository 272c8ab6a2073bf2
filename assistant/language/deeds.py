"""What a sentence does, clause by clause: "put the first in my bag and show me belts" does two things, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from shopping_assistant.assistant.language import act_forms as forms
from shopping_assistant.assistant.language.acts import COURTESIES, REMARK
from shopping_assistant.assistant.language.amounts import Amount
from shopping_assistant.assistant.language.references import Reference
from shopping_assistant.assistant.language.relative import Relative
from shopping_assistant.assistant.language.sentence import Sentence

LOOKING = ("search", "refine", "undo", "recommend", "similar", "other")
# Of these a sentence may have several clauses that do one thing together.
_ONE_AND_THE_SAME = ("search", "refine", "undo", "recommend")
# Pointing once more says which ones the act before it was about.
_CAN_BE_SPECIFIED = ("ask", "compare", "add_to_bag", "remove_from_bag", "similar", "save", "outfit", "size_advice")
# Those that can be carried out of the bag of acts before: what the results of the search say picks the product.
_CAN_WAIT = ("add_to_bag", "ask", "compare", "similar", "outfit")


@dataclass(frozen=True)
class Read:
    """One clause, read.

    Args:
        text: as typed, slips corrected.
        asked: attributes asked about, those of a wish ("good reviews") among them in ``every_asked`` only.
        act: one of DESIGN's list, or `acts.REMARK`.
        weak: nothing in its form asks for anything; it counts only where no other clause does.
    """

    text: str
    sentence: Sentence
    reference: Reference
    prices: Sequence[Amount]
    sizes: Sequence[tuple[int, int, str]]
    every_asked: tuple[str, ...]
    asked: tuple[str, ...]
    forgot: tuple[str, ...]
    act: str
    weak: bool = False
    relative: Relative = field(default_factory=Relative)


@dataclass(frozen=True)
class Deed:
    """One act with all clauses that belong to it; ``reference`` is what it points at."""

    act: str
    reads: tuple[Read, ...]
    reference: Reference

    @property
    def of_the_new(self) -> bool:
        """Whether what it means is chosen from what the acts before it bring: "and which is the cheapest?"."""
        return self.reference.superlative is not None and self.act in _CAN_WAIT


def deeds(reads: Sequence[Read]) -> list[Deed]:
    """The acts of a sentence in order, at least one. Remarks and courtesies beside an act are none.

    Clauses that state wishes belong to the act that looks; questions about the same products are one question.
    """
    strong = [r for r in reads if not r.weak] or [_best_weak(reads)]
    made: list[Deed] = []
    for number, read in enumerate(strong):
        following = strong[number + 1] if number + 1 < len(strong) else None
        if following is not None and _only_leads_to(read, following):
            continue
        if made and _belongs_to(read, made[-1]):
            made[-1] = _joined(made[-1], read)
            continue
        if made and read.act in _ONE_AND_THE_SAME:
            at = next((i for i, d in enumerate(made) if d.act in _ONE_AND_THE_SAME), None)
            if at is not None:
                made[at] = replace(made[at], reads=(*made[at].reads, read), act=_wider(made[at].act, read.act))
                continue
        made.append(Deed(read.act, (read,), read.reference))
    return made


def _best_weak(reads: Sequence[Read]) -> Read:
    """Of clauses that ask for nothing: one with wishes or words, else what was remarked on, else the courtesy."""
    order = ("search", "refine", "recommend", "disambiguate", *COURTESIES, REMARK, "other")
    best = min(reads, key=lambda r: order.index(r.act) if r.act in order else 0)
    if best.act == REMARK:
        return replace(best, act="disambiguate" if best.reference.targets else "other")
    return best


def _only_leads_to(read: Read, following: Read) -> bool:
    """Whether a clause only names the topic: "the red one, is it leather?", "back to coats. Is the grey one wool?"."""
    points = following.act in ("ask", "compare", "add_to_bag", "remove_from_bag", "similar", "outfit", "size_advice")
    if read.act == "disambiguate":
        return points and (not following.reference.described or following.reference.groups <= 1)
    if read.act in ("search", "refine") and following.act in ("ask", "compare"):
        return bool(forms.TOPIC_ONLY.search(read.sentence.text)) and _points(following.reference)
    if read.act in ("search", "refine") and following.act == "add_to_bag":
        # "My friend needs a coat. I'll take that one." gives the reason; "show me coats" is another request.
        return read.text.endswith((".", "!")) and not forms.SHOWS.search(read.sentence.text)
    if read.act == "add_to_bag" and following.act in ("ask", "compare"):
        return bool(forms.LET_US_GO_WITH.search(read.sentence.text))
    return False


def _points(reference: Reference) -> bool:
    return bool(reference.targets or reference.vague or reference.described)


def _belongs_to(read: Read, deed: Deed) -> bool:
    if read.act == "similar" and deed.act in ("search", "refine"):
        # "Let's go back to coats, anything like the black one?": what is looked for, then what it should be like.
        return True
    if read.act == "disambiguate":
        return deed.act in _CAN_BE_SPECIFIED
    if read.act == "compare" and deed.act == "ask":
        return not deed.reference.targets or set(read.reference.targets) >= set(deed.reference.targets)
    if read.act == "ask" and deed.act == "compare":
        return not read.reference.described and not read.reference.number
    return read.act == deed.act and read.act in (
        "ask",
        "add_to_bag",
        "remove_from_bag",
        "compare",
        "greet",
        "thanks",
        "other",
    )


def _joined(deed: Deed, read: Read) -> Deed:
    act = next((a for a in ("compare", "similar") if a in (deed.act, read.act)), deed.act)
    old, new = deed.reference, read.reference
    if read.act == "disambiguate" and (new.targets or new.described):
        reference = new
    elif set(new.targets) <= set(old.targets) or not new.targets:
        reference = old if old.targets or old.described else new
    else:
        reference = replace(
            old, targets=tuple(dict.fromkeys([*old.targets, *new.targets])), vague=old.vague and new.vague,
            described=(*old.described, *new.described), groups=old.groups + new.groups,
        )  # fmt: skip
    return Deed(act, (*deed.reads, read), reference)


def _wider(first: str, second: str) -> str:
    """What looks in two clauses is a search when either opens one; taking back and looking is looking."""
    return next((act for act in ("search", "recommend") if act in (first, second)), first)
