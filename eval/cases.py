"""Answers that must not come back: a case is a short session with what its last answer must and must not be.

A case file holds what is needed to have the answer again and no more: what was typed, clicked and put into the bag,
what the shopper did in earlier sessions, and the time. Names, user ids and the ids of conversations are left out.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shopping_assistant.eval.broken_constraints import cell_values
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.sessions import Event, frame_of
from shopping_assistant.tools.store import Store

if TYPE_CHECKING:
    from shopping_assistant.assistant.conversation import Assistant
    from shopping_assistant.eval.replay_agent import Clock
    from shopping_assistant.tools.recommender import Recommender

VERSION = 1
SHOWN = 10
Act = Literal[
    "greet", "search", "refine", "similar", "recommend", "ask", "compare", "explain", "disambiguate", "add_to_bag",
    "remove_from_bag", "show_bag", "save", "undo", "reset", "size_advice", "outfit", "thanks", "help", "other",
]  # fmt: skip


class CaseError(ShopError):
    """A case that cannot be read, exported or replayed."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_DEEDS = ("say", "tap", "click", "bag", "like", "dislike", "unjudge")


class Step(_Strict):
    """One thing the shopper did in the conversation; exactly one of these but ``position``.

    ``like``, ``dislike`` and ``unjudge`` are thumbs on a product, or by a number on the reply of that turn.
    """

    say: str | None = None
    tap: dict | None = Field(None, description="a turn without a sentence: a wish tapped away, or a step back")
    click: str | None = Field(None, description="product_id")
    bag: str | None = Field(None, description="product_id")
    like: str | int | None = Field(None, description="product_id, or number of a turn")
    dislike: str | int | None = Field(None, description="product_id, or number of a turn")
    unjudge: str | int | None = Field(None, description="product_id, or number of a turn")
    position: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_deed(self) -> Self:
        if sum(getattr(self, name) is not None for name in _DEEDS) != 1:
            raise ValueError(f"expected exactly one of {', '.join(_DEEDS)}")
        return self

    @property
    def product(self) -> str | None:
        """The product it is done to."""
        done = (self.click, self.bag, self.like, self.dislike, self.unjudge)
        return next((d for d in done if isinstance(d, str)), None)


class Deed(_Strict):
    """One event before the conversation. ``session`` numbers the sessions; ``before`` is seconds before the case."""

    session: int = Field(ge=1)
    before: float = Field(ge=0)
    action: Literal["search", "click", "purchase"]
    query: str | None = None
    product_id: str | None = None
    shown: tuple[str, ...] = Field((), description="product ids in answer to a search: the recommender reads them")
    position: int | None = Field(None, ge=1)


class Expectation(_Strict):
    """What the last answer must be; with ``must`` false, what it must not be.

    A ``product`` is or is not among the first ``within`` shown. An ``attribute`` condition holds for every shown
    product (and there is one), or for none. ``act`` is what the last sentence was understood as.
    """

    must: bool = True
    product: str | None = None
    within: int = Field(SHOWN, ge=1)
    attribute: str | None = None
    op: Literal["=", "<=", ">="] = "="
    value: str | float | None = None
    act: Act | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(v is not None for v in (self.product, self.attribute, self.act)) != 1:
            raise ValueError("expected exactly one of product, attribute and act")
        if (self.attribute is None) != (self.value is None):
            raise ValueError("attribute and value belong together")
        if self.op != "=" and not isinstance(self.value, (int, float)):
            raise ValueError(f"{self.attribute} {self.op} {self.value!r}: expected a number")
        return self

    def says(self) -> str:
        if self.act is not None:
            return f"{'' if self.must else 'not '}act {self.act}"
        if self.product is not None:
            return f"{'' if self.must else 'not '}product {self.product} among the first {self.within}"
        return f"{'every' if self.must else 'no'} product with {self.attribute} {self.op} {self.value}"

    def missed(self, came: Answer, catalog: Catalog) -> str | None:
        """What came instead; None when the expectation is met."""
        if self.act is not None:
            return None if (came.act == self.act) is self.must else f"act {came.act}"
        if self.product is not None:
            there = self.product in came.shown[: self.within]
            return None if there is self.must else _listed(came.shown[: self.within])
        wrong = [p for p in came.shown if self._fits(catalog.product(p)) is not self.must]
        if self.must and not came.shown:
            return "no product"
        return f"{_listed(wrong)} ({_cell(catalog.product(wrong[0]), self.attribute)})" if wrong else None

    def _fits(self, product: Product) -> bool:
        if self.op == "=":
            wanted = f"{self.value:g}" if isinstance(self.value, (int, float)) else str(self.value).strip().lower()
            return wanted in cell_values(product, self.attribute)
        number = product.get(self.attribute)
        known = isinstance(number, (int, float)) and not isinstance(number, bool)
        return known and (number <= self.value if self.op == "<=" else number >= self.value)


class Case(_Strict):
    """One case file. ``at`` is when the session took place, ``saw`` what was answered when it was exported.

    ``log`` is what the shop knows of other shoppers: all of its log, as in the chat, or the part that a replay lets the
    models know.
    """

    version: Literal[1] = VERSION
    name: str = Field(min_length=1, pattern=r"^[\w.-]+$")
    shop: str
    system: Literal["agent", "recommender"] = "agent"
    at: datetime
    log: Literal["all", "training"] = "all"
    earlier: tuple[Deed, ...] = ()
    steps: tuple[Step, ...] = ()
    expect: tuple[Expectation, ...] = Field(min_length=1)
    saw: dict = Field(default_factory=dict)
    note: str = ""

    @model_validator(mode="after")
    def _can_be_played(self) -> Self:
        if self.at.tzinfo is None:
            raise ValueError("at: expected a time with its zone, such as 2026-01-31T12:00:00Z")
        if self.system == "agent" and (not self.steps or (self.steps[-1].say is None and self.steps[-1].tap is None)):
            raise ValueError("steps: a case of the agent ends with something the shopper says, or a wish tapped away")
        if self.system == "recommender" and (self.steps or any(e.act for e in self.expect)):
            raise ValueError("a case of the recommender has events in earlier, no steps, and expects no act")
        return self

    @property
    def shopper(self) -> str:
        """The user id the case is replayed under; who the shopper was is not known."""
        return f"case-{self.name}"

    def events(self) -> tuple[Event, ...]:
        """What happened before, under the replayed shopper's name."""
        user = self.shopper
        return tuple(
            Event(
                f"{user}-{d.session}", user, self.at - timedelta(seconds=d.before), d.action, d.query, d.product_id,
                d.shown, d.position,
            )
            for d in self.earlier
        )  # fmt: skip

    def products(self) -> list[str]:
        """Every product id the case names."""
        named = [d.product_id for d in self.earlier] + [s.product for s in self.steps]
        return [p for p in (*named, *(e.product for e in self.expect)) if p is not None]


@dataclass(frozen=True)
class Answer:
    """What came: the act (None from the recommender), the products in order, and what failed."""

    act: str | None
    shown: tuple[str, ...]
    error: str | None = None


@dataclass(frozen=True)
class Verdict:
    """One replayed case; ``missed`` has (expected, came) for each expectation that was not met."""

    name: str
    missed: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        return not self.missed


def read_case(path: Path) -> Case:
    """
    Raises:
        CaseError: no JSON, or not a case; with the file, the field and the reason.
    """
    try:
        return Case.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(p) for p in first["loc"]) or "the file"
        raise CaseError(
            f"{path}: {where}: {first['msg']}; write the case again with `shop export-case`, or mend the file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path} cannot be read ({error})") from error


def read_cases(folder: Path) -> list[Case]:
    """The cases of a folder (or of one file), by file name.

    Raises:
        CaseError: none there, one that cannot be read, or a name that stands twice.
    """
    files = [folder] if folder.is_file() else sorted(folder.glob("*.json"))
    if not files:
        raise CaseError(f"{folder} holds no case (*.json); write one with `shop export-case --out {folder}/NAME.json`")
    cases = [read_case(file) for file in files]
    names = [c.name for c in cases]
    if twice := [n for n in names if names.count(n) > 1]:
        raise CaseError(f"{folder}: two cases are named {twice[0]!r}; rename one")
    return cases


def as_text(verdicts: Sequence[Verdict]) -> str:
    """For a person: each failed case with what was expected and what came."""
    failed = [v for v in verdicts if not v.passed]
    lines = [f"{v.name}: expected {expected}; got {came}" for v in failed for expected, came in v.missed]
    return "\n".join([*lines, f"{len(verdicts) - len(failed)} of {len(verdicts)} cases passed"])


def as_json(verdicts: Sequence[Verdict]) -> dict:
    missed = [
        {"name": v.name, "missed": [{"expected": e, "came": c} for e, c in v.missed]} for v in verdicts if not v.passed
    ]
    return {"cases": len(verdicts), "passed": len(verdicts) - len(missed), "failed": missed}


def write_case(case: Case, path: Path) -> None:
    """
    Raises:
        CaseError: there is a file already.
    """
    if path.exists():
        raise CaseError(f"{path} exists; choose another name for the case")
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(case.model_dump(mode="json", exclude_defaults=True) | {"version": VERSION}, ensure_ascii=False)
    path.write_text(json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def replay_cases(store: Store, cases: Sequence[Case]) -> list[Verdict]:
    """Have every case's answer again and hold it against what is expected.

    The shop's own conversations are not touched: the agent works on a laid-out copy whose log also holds what the
    cases' shoppers did before.

    Raises:
        CaseError: a case names a product or attribute that this shop does not have.
    """
    catalog = store.catalog()
    for case in cases:
        refuse_foreign(case, catalog, store.name)
    with _Bench(store, cases) as bench:
        verdicts = []
        for case in cases:
            came = bench.answer(case)
            missed = [(e.says(), m) for e in case.expect if (m := e.missed(came, catalog)) is not None]
            if came.error:
                missed.append(("an answer", came.error))
            verdicts.append(Verdict(case.name, tuple(missed)))
    return verdicts


def refuse_foreign(case: Case, catalog: Catalog, shop: str) -> None:
    """
    Raises:
        CaseError: the case is of another catalogue.
    """
    unknown = [p for p in case.products() if p not in catalog]
    if unknown:
        raise CaseError(
            f"case {case.name!r}: product {unknown[0]!r} is not in the shop {shop!r}; the case was made in "
            f"{case.shop!r}, replay it there or remove it"
        )
    for e in case.expect:
        if e.attribute is not None and e.attribute not in catalog.attribute_names:
            raise CaseError(
                f"case {case.name!r}: attribute {e.attribute!r}: expected one of {', '.join(catalog.attribute_names)}"
            )


class _Bench:
    """The agent and the recommender, each opened for the first case that needs it."""

    def __init__(self, store: Store, cases: Sequence[Case]):
        self._store, self._cases = store, cases
        self._assistants: dict[str, tuple[Assistant, Clock]] = {}
        self._recommender: Recommender | None = None

    def __enter__(self) -> _Bench:
        self._folder = tempfile.TemporaryDirectory(prefix="cases-")
        return self

    def __exit__(self, *_: object) -> None:
        for assistant, _ in self._assistants.values():
            assistant.close()
        self._folder.cleanup()

    def answer(self, case: Case) -> Answer:
        return self._conversation(case) if case.system == "agent" else self._recommendation(case)

    def _conversation(self, case: Case) -> Answer:
        assistant = self._opened(case)
        thread, user = f"chat-{case.name}", case.shopper if case.earlier else None
        turn: dict = {}
        try:
            for step in case.steps:
                turn = _done(assistant, thread, user, step) or turn
        except ShopError as error:
            return Answer(None, (), str(error))
        failed = "; ".join(f"{tool['name']}: {tool['error']}" for tool in turn["tools"] if tool["error"])
        return Answer(turn["act"], tuple(p["product_id"] for p in turn["products"]), failed or None)

    def _opened(self, case: Case) -> Assistant:
        """The assistant over the log this case asks for, at its time."""
        from shopping_assistant.assistant.conversation import Assistant
        from shopping_assistant.eval.replay_agent import Clock, lay_out

        if case.log not in self._assistants:
            cases = [c for c in self._cases if c.system == "agent" and c.log == case.log]
            log = self._store.events() if case.log == "all" else self._store.split().train
            folder = Path(self._folder.name) / case.log
            folder.mkdir()
            lay_out(self._store, folder, pl.concat([log, frame_of([e for c in cases for e in c.events()])]))
            clock = Clock(case.at)
            self._assistants[case.log] = Assistant.open(folder, clock=clock), clock
        assistant, clock = self._assistants[case.log]
        clock.at = case.at
        return assistant

    def _recommendation(self, case: Case) -> Answer:
        from shopping_assistant.tools.recommender import Recommender

        if self._recommender is None:
            self._recommender = Recommender.open(self._store)
        made = self._recommender.recommend(case.events(), max([SHOWN, *(e.within for e in case.expect)]))
        return Answer(None, tuple(s.product_id for s in made.products))


def _listed(products: Sequence[str]) -> str:
    return ", ".join(products[:5]) + (f" and {len(products) - 5} more" if len(products) > 5 else "") or "no product"


def _cell(product: Product, attribute: str) -> str:
    value = product.get(attribute)
    return f"{attribute} {', '.join(value) if isinstance(value, (tuple, list)) else value}"


def _done(assistant: Assistant, thread: str, user: str | None, step: Step) -> dict | None:
    """Do one step again; the answer to what was said or tapped."""
    if step.say is not None:
        return assistant.turn(thread, step.say, user_id=user)
    if step.tap is not None:
        return list(assistant.stream(thread, "", user, step.tap))[-1]["turn"]
    if step.click is not None:
        assistant.click(thread, step.click, step.position)
    elif step.bag is not None:
        assistant.add_to_bag(thread, step.bag, step.position)
    else:
        verdict, judged = next(
            (v, j) for v, j in (("up", step.like), ("down", step.dislike), (None, step.unjudge)) if j is not None
        )
        named = {"turn": judged} if isinstance(judged, int) else {"product_id": judged, "position": step.position}
        assistant.judge(thread, verdict, **named)
    return None
