"""What a sentence was understood to mean, and what the conversation knew before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shopping_assistant.assistant.language.leanings import Leaning
from shopping_assistant.assistant.language.measures import AboutSelf
from shopping_assistant.assistant.language.references import Scene
from shopping_assistant.assistant.language.small_talk import Talk
from shopping_assistant.assistant.language.wishes import steps_back
from shopping_assistant.tools.attribute_filter import Constraint


@dataclass(frozen=True)
class Held:
    """All that was wished for at one moment of a conversation."""

    constraints: tuple[Constraint, ...] = ()
    leanings: tuple[Leaning, ...] = ()
    words: tuple[str, ...] = ()

    def same_as(self, other: Held) -> bool:
        """Whether the same products would be looked for; in which order and words it was said does not matter."""
        return self._key == other._key

    @property
    def _key(self) -> tuple:
        conditions = frozenset((c.attribute, c.op, frozenset(c.values)) for c in self.constraints)
        leanings = frozenset((w.attribute, w.direction, w.values, w.than) for w in self.leanings)
        return conditions, leanings, frozenset(self.words)


@dataclass(frozen=True)
class Before:
    """What the conversation knew when the sentence came.

    Args:
        earlier: what was wished before each change, the latest last: what "undo" goes back to.
        undone: what was taken back since, the latest last.
    """

    constraints: tuple[Constraint, ...] = ()
    earlier: tuple[Held, ...] = ()
    scene: Scene = field(default_factory=Scene)
    words: tuple[str, ...] = ()
    last_act: str = ""
    asked: tuple[str, ...] = ()
    leanings: tuple[Leaning, ...] = ()
    undone: tuple[Held, ...] = ()
    question: str = ""  # the attribute that the assistant's last answer asked about
    was_open: bool = False  # that answer was "which one do you mean?"

    @property
    def held(self) -> Held:
        return Held(self.constraints, self.leanings, self.words)

    def after(self, forgot: Sequence[str]) -> Held:
        """What holds once the steps named in ``forgot`` are gone back; what holds now where there are none."""
        steps = steps_back(forgot)
        if steps > 0 and self.earlier:
            return self.earlier[-min(steps, len(self.earlier))]
        return self.undone[-1] if steps < 0 and self.undone else self.held

    @property
    def categories(self) -> tuple[str, ...]:
        """The kinds talked of."""
        return next((c.values for c in self.constraints if c.attribute == "category" and c.op == "in"), ())


@dataclass(frozen=True)
class Further:
    """One act of a sentence with what it points at and asks.

    ``superlative``: attribute and "min" or "max" where what is meant can be chosen from what the acts before it bring.
    """

    act: str
    targets: tuple[str, ...] = ()
    vague: bool = False
    asked: tuple[str, ...] = ()
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    singular: bool = False
    question_word: str = ""
    best: bool = False
    more: bool = False
    superlative: tuple[str, str] | None = None
    saving: str = ""  # what is done with things kept for later, one of `saving_forms`


@dataclass(frozen=True)
class Understood:
    """One sentence understood. ``constraints`` and ``leanings`` all hold now; ``words`` is what else to search for."""

    act: str
    constraints: tuple[Constraint, ...]
    added: tuple[Constraint, ...] = ()
    forgot: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    vague: bool = False
    wants_advice: bool = False
    new_subject: bool = False
    words: tuple[str, ...] = ()
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    corrected: tuple[tuple[str, str], ...] = ()
    more: bool = False
    singular: bool = False
    question_word: str = ""
    best: bool = False
    leanings: tuple[Leaning, ...] = ()
    talk: Talk | None = None  # what is said beside shopping
    declined: str = ""  # the attribute asked about that the shopper does not care to choose
    then: tuple[Further, ...] = ()  # further acts of the same sentence, in order
    conflicts: tuple[tuple[Constraint, Constraint], ...] = ()  # (the wish before, the new one in its place)
    variant: bool = False  # what is pointed at is wanted with other values
    saving: str = ""  # what is done with things kept for later, one of `saving_forms`
    told: AboutSelf | None = None  # what the shopper said of their own body and size
