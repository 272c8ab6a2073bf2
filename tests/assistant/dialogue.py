"""A conversation as a test case: what the shopper says, clicks and bags, and what must be true of every answer.

    - name: leather stays out when the colour changes
      turns:
        - say: black ankle boots under 120
          act: search
          holds: [category in ankle boots, color in black, price <= 120]
          every: {category: ankle boots, color: black, price: <= 120}
        - say: not leather, and rather in brown
          act: refine
          holds: [material not in leather, color in brown]
          none: {material: leather, color: black}
        - click: 2                     # a place among the products shown last
        - say: put that one into my bag
          act: add_to_bag
          targets: [2]
          bag: 1

A case says what a shopper could check, never the words of a reply but for a fact that must stand in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from shopping_assistant.assistant.answers.failures import SORRY
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.eval.cases import Act

FOLDER = Path(__file__).parent / "dialogues"
_CONDITION = re.compile(r"(?P<attribute>[\w ]+?) (?P<op>not in|in|<=|>=) (?P<values>.+)")
_BOUND = re.compile(r"(?P<op><=|>=|<|>) (?P<value>[\d.]+)")
Values = str | list[str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Turn(_Strict):
    """One thing the shopper does, and what must be true after it. All but the deed are checked only where given."""

    say: str | None = None
    click: int | None = Field(None, ge=1, description="place among the products shown last")
    bag_it: int | None = Field(None, ge=1, description="place: the button on the card, not a sentence")
    save_it: int | None = Field(None, ge=1, description="place: the heart on the card")
    tap: int | None = Field(None, ge=1, description="place among the choices of the question put last")
    drop: str | None = Field(None, description="a chip tapped away: 'color in black', 'more length'")
    undo: bool | None = Field(None, description="the button one step back")
    redo: bool | None = Field(None, description="the button one step forward")
    like: int | None = Field(None, ge=1, description="place: the thumb up on the card")
    dislike: int | None = Field(None, ge=1, description="place: the thumb down on the card")
    unjudge: int | None = Field(None, ge=1, description="place: the thumb on the card, taken back")
    dislike_reply: bool | None = Field(None, description="the thumb down on the reply before")

    act: Act | list[Act] | None = Field(None, description="the act, or those that would be right as well")
    holds: list[str] = Field(
        [], description="wishes that hold: 'color in black, navy', 'price <= 80'; values all of it"
    )
    only: list[str] | None = Field(None, description="attributes that wishes are about now, and no others")
    gone: list[str] = Field([], description="attributes that no wish is about any more")
    every: dict[str, Values] = Field(
        {}, description="attribute → value(s) or bound: each product shown has one of them"
    )
    none: dict[str, Values] = Field({}, description="attribute → value(s): no product shown has any")
    first: dict[str, Values] = Field({}, description="the same of the first product alone")
    top: dict[str, Values] = Field({}, description="the same of the first three: what wishes that only order come to")
    leans: list[str] = Field([], description="wishes that only order: 'more length', 'less color', 'like ' a product")
    leans_gone: list[str] = Field([], description="those that no longer hold")
    reason_has: str | None = Field(None, description="what the first product's reason says (regular expression)")
    shows: bool | None = Field(None, description="whether products are shown")
    same_list: bool | None = Field(None, description="whether the products are those shown before, in any order")
    new_list: bool | None = Field(None, description="whether no product was shown before in this conversation")
    cheaper: bool | None = Field(None, description="whether the dearest shown costs less than the dearest before")
    targets: list[int] | None = Field(None, description="places, among those shown before this turn, that are meant")
    target_has: dict[str, Values] = Field({}, description="what each product meant has; there is at least one")
    asked: list[str] | None = Field(None, description="attributes asked about, in any order")
    question: str | bool | None = Field(None, description="attribute of the question put back; true any, false none")
    relaxed: list[str] | None = Field(None, description="attributes of the wishes set aside for this answer")
    then: list[Act] | None = Field(None, description="the further acts of the same sentence, in order; [] for none")
    conflict: list[str] | None = Field(None, description="attributes of which a new wish replaced an old one")
    measures: dict[str, float | str] | None = Field(None, description="all that is known of the shopper's body, size")
    bag: int | None = Field(None, ge=0, description="how many products the bag holds afterwards")
    up: list[int] | None = Field(None, description="places, among those shown before this turn, judged up after it")
    down: list[int] | None = Field(None, description="the same of those judged down; they are never shown again")
    saved: int | None = Field(None, ge=0, description="how many products are saved for later afterwards")
    table: list[int] | None = Field(None, description="places, among those shown before, that are set side by side")
    columns: list[str] = Field([], description="attributes that the table of differences has")
    kinds: int | None = Field(None, description="of how many categories products are shown, at least")
    cites: list[str] = Field([], description="an explanation gives evidence, and only of these kinds")
    tools: list[str] | None = Field(None, description="names of the tools called, in order; [] for none")
    reply_has: list[str] = Field(
        [], description="what must stand in the reply, whatever its form (regular expressions)"
    )
    reply_lacks: list[str] = Field([])

    @model_validator(mode="after")
    def _one_deed(self) -> Self:
        deeds = (
            "say", "click", "bag_it", "save_it", "tap", "drop", "undo", "redo", "like", "dislike", "unjudge",
            "dislike_reply",
        )  # fmt: skip
        if sum(getattr(self, deed) is not None for deed in deeds) != 1:
            raise ValueError(f"expected exactly one of {', '.join(deeds)}")
        return self

    @property
    def tapped(self) -> dict | None:
        """What the page sends for a tap; a wish in the words of a dialogue as the turn object would have it."""
        if self.drop is None:
            return {"undo": True} if self.undo else {"redo": True} if self.redo else None
        if m := _CONDITION.fullmatch(self.drop):
            bound = m["op"] in ("<=", ">=")
            values = [float(m["values"])] if bound else [v.strip() for v in m["values"].split(",")]
            return {"drop": {"attribute": m["attribute"], "op": m["op"], "values": values, "said": m["values"]}}
        direction, attribute = self.drop.split(" ", 1)
        return {"drop": {"attribute": attribute, "direction": direction}}


class Dialogue(_Strict):
    name: str
    about: Literal[
        "search", "negation", "relative", "reference", "several", "correction", "undo", "conflict", "question",
        "compare",
        "explain", "details", "outfit", "size", "bag", "small talk", "recommend", "similar", "subject", "spelling",
        "feedback", "saving",
    ]  # fmt: skip
    turns: list[Turn] = Field(min_length=1)


def read_all(folder: Path = FOLDER) -> Iterator[tuple[str, Dialogue]]:
    """Every dialogue with its test id, ``file/name``."""
    for path in sorted(folder.glob("*.yaml")):
        for record in yaml.safe_load(path.read_text(encoding="utf-8")):
            dialogue = Dialogue.model_validate(record)
            yield f"{path.stem}/{dialogue.name}", dialogue


def hold(assistant: Assistant, dialogue: Dialogue, thread: str) -> list[str]:
    """Hold the conversation; what was not as it must be, one line each."""
    wrong: list[str] = []
    shown: list[dict] = []
    seen: set[str] = set()
    choices: list[dict] = []
    for n, step in enumerate(dialogue.turns, 1):
        if step.tap is not None and step.tap > len(choices):
            return [*wrong, f"turn {n}: no choice {step.tap} to tap, {len(choices)} offered"]
        text = step.say if step.tap is None else choices[step.tap - 1]["say"]
        if step.dislike_reply:
            assistant.judge(thread, "down", turn=len(assistant.history(thread)))
            continue
        tapped = step.tapped
        if text is None and tapped is None:
            place = step.click or step.bag_it or step.save_it or step.like or step.dislike or step.unjudge
            if place > len(shown):
                return [*wrong, f"turn {n}: no product {place} to click, {len(shown)} shown"]
            _do(assistant, thread, step, shown[place - 1]["product_id"], place)
            continue
        if "direction" in (tapped or {}).get("drop", ()):
            # Its values, its words and what it is compared with are the chip's.
            held = assistant.history(thread)[-1].get("leanings", [])
            same = [w for w in held if {**w, **tapped["drop"]} == w]
            tapped = {"drop": same[0]} if same else tapped
        turn = assistant.turn(thread, text or "", tap=tapped)
        wrong += [f"turn {n} {text or step.tapped!r}: {w}" for w in _wrong(step, turn, shown, seen, assistant, thread)]
        choices = (turn.get("question") or {}).get("choices", choices)
        if turn["products"]:
            shown = turn["products"]
            seen |= {p["product_id"] for p in shown}
    return wrong


def _do(assistant: Assistant, thread: str, step: Turn, product_id: str, place: int) -> None:
    """What is done on a card without a word."""
    if step.click:
        assistant.click(thread, product_id, place)
    elif step.bag_it:
        assistant.add_to_bag(thread, product_id, place)
    elif step.save_it:
        assistant.save(thread, product_id, place)
    else:
        verdict = "up" if step.like else "down" if step.dislike else None
        assistant.judge(thread, verdict, product_id=product_id, position=place)


def _wrong_verdicts(step: Turn, turn: dict, shown: list[dict], verdicts: dict[str, str]) -> Iterator[str]:
    for verdict, expected in (("up", step.up), ("down", step.down)):
        given = [i for i, p in enumerate(shown, 1) if verdicts.get(p["product_id"]) == verdict]
        if expected is not None and given != sorted(expected):
            yield f"judged {verdict} {given}, expected {expected}"
    yield from (f"{p['title']} was judged down" for p in turn["products"] if verdicts.get(p["product_id"]) == "down")


def _wrong(
    step: Turn, turn: dict, shown: list[dict], seen: set[str], assistant: Assistant, thread: str
) -> Iterator[str]:
    if turn["reply"] == SORRY or not turn["reply"].strip():
        yield f"reply {turn['reply']!r}"
    yield from (f"tool {t['name']} failed: {t['error']}" for t in turn["tools"] if t["error"])
    acts = [step.act] if isinstance(step.act, str) else step.act
    if acts and turn["act"] not in acts:
        yield f"act {turn['act']}, expected {' or '.join(acts)}"
    wishes = turn["constraints"]
    for text in step.holds:
        if not any(_same(text, w) for w in wishes):
            yield f"no wish {text!r} in {[_told(w) for w in wishes]}"
    about = {w["attribute"] for w in wishes}
    if step.only is not None and about != set(step.only):
        yield f"wishes are about {sorted(about)}, expected {sorted(step.only)}"
    yield from (f"still a wish about {a!r}: {[_told(w) for w in wishes]}" for a in step.gone if a in about)
    leanings = {f"{x['direction']} {x['attribute']}" for x in turn.get("leanings", [])}
    # One line may name two that would be right: "less pattern, less text".
    yield from (f"does not lean to {w}: {leanings}" for w in step.leans if not leanings & _choices(w))
    yield from (f"still leans to {w}" for w in step.leans_gone if w in leanings)
    yield from _wrong_products(step, turn, shown, seen)
    yield from _wrong_meaning(step, turn, shown, assistant)
    yield from _wrong_answers(step, turn, shown)
    yield from _wrong_verdicts(step, turn, shown, assistant.judged(thread)["products"])
    known = {m["measure"]: m["value"] for m in turn.get("measures", [])}
    if step.measures is not None and known != step.measures:
        yield f"measures {known}, expected {step.measures}"
    if step.bag is not None and len(assistant.bag(thread)) != step.bag:
        yield f"{len(assistant.bag(thread))} in the bag, expected {step.bag}"
    if step.saved is not None and len(assistant.saved(thread)) != step.saved:
        yield f"{len(assistant.saved(thread))} saved, expected {step.saved}"
    yield from (
        f"reply lacks {p!r}: {turn['reply']!r}" for p in step.reply_has if not re.search(p, turn["reply"], re.I)
    )
    yield from (f"reply has {p!r}: {turn['reply']!r}" for p in step.reply_lacks if re.search(p, turn["reply"], re.I))


def _wrong_products(step: Turn, turn: dict, shown: list[dict], seen: set[str]) -> Iterator[str]:
    products = turn["products"]
    for attribute, values in step.every.items():
        yield from (
            f"{p['title']} has {attribute} {_cell(p, attribute)}" for p in products if not _has(p, attribute, values)
        )
    for attribute, values in step.none.items():
        yield from (
            f"{p['title']} has {attribute} {_cell(p, attribute)}" for p in products if _has(p, attribute, values)
        )
    for attribute, values in step.first.items():
        if not products or not _has(products[0], attribute, values):
            yield f"the first is {[p['title'] for p in products[:1]]}, expected {attribute} {values}"
    for attribute, values in step.top.items():
        yield from (
            f"{p['title']} among the first three has {attribute} {_cell(p, attribute)}"
            for p in products[:3]
            if not _has(p, attribute, values)
        )
    if step.reason_has and not (products and re.search(step.reason_has, products[0]["reason"], re.I)):
        yield f"the first one's reason is {[p['reason'] for p in products[:1]]}, expected {step.reason_has!r}"
    if (step.every or step.none or step.top) and not products:
        yield "no products"
    if step.shows is not None and bool(products) != step.shows:
        yield f"{len(products)} products shown"
    ids, before = {p["product_id"] for p in products}, {p["product_id"] for p in shown}
    if step.same_list is not None and (ids == before) != step.same_list:
        yield f"the list is {'another' if step.same_list else 'the same'}"
    if step.new_list is not None and (bool(ids) and not ids & seen) != step.new_list:
        yield f"{len(ids & seen)} of {len(ids)} products were shown before"
    if step.cheaper is not None:
        dearest = [max((p["price"] for p in some if p["price"] is not None), default=0.0) for some in (products, shown)]
        if not products or (dearest[0] < dearest[1]) != step.cheaper:
            yield f"dearest {dearest[0]}, before {dearest[1]}"


def _wrong_meaning(step: Turn, turn: dict, shown: list[dict], assistant: Assistant) -> Iterator[str]:
    if step.targets is not None:
        meant = [shown[i - 1]["product_id"] if i <= len(shown) else f"place {i}" for i in step.targets]
        if sorted(meant) != sorted(turn["targets"]):
            places = {p["product_id"]: i for i, p in enumerate(shown, 1)}
            yield f"targets {[places.get(t, t) for t in turn['targets']]}, expected {step.targets}"
    if step.target_has:
        meant = [assistant.product(t) for t in turn["targets"]]
        if not meant or not all(_has(p, a, v) for p in meant for a, v in step.target_has.items()):
            yield f"targets {[p['title'] for p in meant]}, expected {step.target_has}"
    if step.asked is not None and sorted(turn["asked"]) != sorted(step.asked):
        yield f"asked {turn['asked']}, expected {step.asked}"
    put = (turn.get("question") or {}).get("attribute")
    if step.question is not None and (
        bool(put) != step.question if isinstance(step.question, bool) else put != step.question
    ):
        yield f"question about {put}, expected {step.question}"
    if step.relaxed is not None and sorted({w["attribute"] for w in turn.get("relaxed", [])}) != sorted(step.relaxed):
        yield f"set aside {[_told(w) for w in turn.get('relaxed', [])]}, expected {step.relaxed}"
    further = [also["act"] for also in turn.get("then", [])]
    if step.then is not None and further != step.then:
        yield f"then {further}, expected {step.then}"
    replaced = {c["new"]["attribute"] for c in turn.get("conflicts", [])}
    if step.conflict is not None and replaced != set(step.conflict):
        yield f"replaced wishes about {sorted(replaced)}, expected {step.conflict}"
    if step.tools is not None and [t["name"] for t in turn["tools"]] != step.tools:
        yield f"tools {[t['name'] for t in turn['tools']]}, expected {step.tools}"


def _wrong_answers(step: Turn, turn: dict, shown: list[dict]) -> Iterator[str]:
    """What is set side by side, given as evidence, or combined."""
    places = {p["product_id"]: i for i, p in enumerate(shown, 1)}
    table = turn.get("comparison") or {"attributes": [], "rows": []}
    if step.table is not None:
        compared = [places.get(row["product_id"], row["product_id"]) for row in table["rows"]]
        if sorted(compared, key=str) != sorted(step.table, key=str):
            yield f"side by side {compared}, expected {step.table}"
    yield from (f"no column {c!r} in {table['attributes']}" for c in step.columns if c not in table["attributes"])
    kinds = {p["category"] for p in turn["products"]}
    if step.kinds is not None and len(kinds) < step.kinds:
        yield f"products of {sorted(kinds)}, expected {step.kinds} kinds"
    if step.cites:
        given = [e["kind"] for told in turn.get("explained", []) for e in told["evidence"]]
        if not given or not set(given) <= set(step.cites):
            yield f"evidence {given}, expected {step.cites}"


def _same(text: str, wish: dict) -> bool:
    m = _CONDITION.fullmatch(text)
    assert m, f"cannot read the wish {text!r}; write 'attribute op values'"
    if (m["attribute"], m["op"]) != (wish["attribute"], wish["op"]):
        return False
    if m["op"] in ("<=", ">="):
        return float(m["values"]) == wish["values"][0]
    return {v.strip() for v in m["values"].split(",")} == set(wish["values"])


def _choices(text: str) -> set[str]:
    return set(text.split(", "))


def _told(wish: dict) -> str:
    return f"{wish['attribute']} {wish['op']} {', '.join(map(str, wish['values']))}"


def _cell(product: dict, attribute: str):
    return product.get(attribute, product.get("attributes", {}).get(attribute))


def _has(product: dict, attribute: str, values: Values) -> bool:
    cell = _cell(product, attribute)
    if cell is None:
        return False
    bound = _BOUND.fullmatch(values) if isinstance(values, str) else None
    if bound:
        value = float(bound["value"])
        return {"<=": cell <= value, ">=": cell >= value, "<": cell < value, ">": cell > value}[bound["op"]]
    cells = {str(c).strip().lower() for c in (cell if isinstance(cell, list) else str(cell).split(","))} | {
        str(cell).lower()
    }
    return bool(cells & ({values} if isinstance(values, str) else set(values)))


if __name__ == "__main__":
    # python -m tests.assistant.dialogue STORE [--served] [FILE or FILE/NAME …]: run cases while writing them.
    # With --served the planner is a model behind an OpenAI-compatible server that always calls right.
    import sys
    import uuid
    from contextlib import nullcontext

    from tests.assistant.openai_server import perfect_caller, serving

    chosen = tuple(a for a in sys.argv[2:] if a != "--served")
    failed = 0
    with serving(perfect_caller) if "--served" in sys.argv else nullcontext() as server:
        opened = Assistant.open(sys.argv[1], base_url=server and server.url)
        for case, found in read_all():
            if chosen and not case.startswith(chosen):
                continue
            if lines := hold(opened, found, f"{case}-{uuid.uuid4()}"):
                failed += 1
                print(case, *lines, sep="\n  ")
    print(f"{failed} failed")
    sys.exit(bool(failed))
