"""A shopper with a hidden wish: what it wants, what it says, and that it says nothing of the target alone."""

from dataclasses import fields

import numpy as np
import pytest

from shopping_assistant.eval.hidden_wish import SHARED_BY, Trait, Wish, WishError, Wishes, meets_all, meets_musts
from shopping_assistant.eval.protocol import LeakError
from shopping_assistant.eval.shopper_words import Intent, Writer
from shopping_assistant.eval.simulated_conversation import Stage
from shopping_assistant.eval.simulated_shopper import Ear, Heard, Question, Shopper
from shopping_assistant.eval.simulation_checks import LeakGuard, TruthCheck
from shopping_assistant.tools.catalog import Catalog, Product

BLACK, LEATHER = Trait("color", "black"), Trait("material", "leather")
BOOTS = Trait("category", "boots")


def boots(number: int, **more) -> Product:
    given = {"color": "black", "material": "leather", "price": 100.0, **more}
    return Product(f"p{number}", f"Varese {number} Boots", "boots", **given)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Six of each kind; what p0 alone has is its brand, a word of its title and its number."""
    rows = [boots(i, brand="Solo" if i == 0 else "Corvelle") for i in range(6)]
    rows += [boots(10 + i, material="suede") for i in range(6)] + [boots(20 + i, color="red") for i in range(6)]
    rows[0] = Product(
        **{**rows[0].as_dict(), "size": (), "title": "Zephyr Boots", "description": "With a moonlit sole"}
    )
    return Catalog.from_products(rows)


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def heard(*shown: str, reply: str = "", act: str = "search") -> Heard:
    return Heard(reply, act, shown)


def test_a_wish_holds_values_that_several_products_share_and_the_target_has(small_shop):
    catalog, _ = small_shop
    wishes, made = Wishes(catalog), 0
    for row in range(0, len(catalog), 3):
        product = catalog.at(row)
        wish = wishes.of(product, chance(row))
        assert wish.traits[0].attribute == "category"
        for t in (*wish.traits, *wish.unwanted):
            assert len(catalog.rows_with(t.attribute, t.value)) >= SHARED_BY, t
            assert t.value not in product.title.lower() or t.attribute in wishes.shared
        if product.available:
            assert meets_musts(product, wish) and meets_all(product, wish)
        made += len(wish.unwanted) > 0
        assert Wish.from_dict(wish.as_dict()) == wish
    assert made, "some shoppers do not want something"
    assert {"line", "style", "launched", "price"}.isdisjoint(wishes.shared), "no names of product lines"


def test_nothing_can_be_wished_of_a_product_that_shares_nothing(catalog):
    alone = Product("x", "A thing", "thing", color="octarine")
    with pytest.raises(WishError, match="'x' shares no value"):
        Wishes(Catalog.from_products([*map(catalog.at, range(len(catalog))), alone])).of(alone, chance())


def test_no_field_of_what_the_writer_is_given_can_name_a_product():
    """The structural half of the guarantee: values, figures, places and an attribute's name, and nothing else."""
    assert {f.name: f.type for f in fields(Intent)} == {
        "kind": "str", "traits": "tuple[Trait, ...]", "price": "float | None", "position": "int | None",
        "other": "int | None", "attribute": "str | None",
    }  # fmt: skip
    assert [f.name for f in fields(Trait)] == ["attribute", "value", "must"]


@pytest.mark.parametrize(
    "planted",
    [
        "do you have p0?", "the Zephyr ones", "boots with a moonlit sole", "something by solo", "zephry boots please",
        "black leather boots, P0.",
    ],
)  # fmt: skip
def test_a_planted_leak_is_caught(catalog, planted):
    guard = LeakGuard(Wishes(catalog).shared)
    with pytest.raises(LeakError, match="of the target 'p0' alone"):
        guard.refuse(planted, catalog.product("p0"))


def test_what_several_products_share_may_be_said_also_with_a_slip(catalog):
    guard = LeakGuard(Wishes(catalog).shared)
    for sentence in ("black leather boots by corvelle", "i'll take number 4", "Blakc please", "under 150", "leathr!"):
        guard.refuse(sentence, catalog.product("p0"))


def test_every_sentence_of_every_wish_passes_the_guard_and_words_vary(small_shop):
    catalog, _ = small_shop
    stage = Stage(catalog, Wishes(catalog))
    openings = set()
    for row in range(0, len(catalog), 2):
        target, wish = catalog.at(row), stage.wishes.of(catalog.at(row), chance(row))
        writer = Writer(chance(row + 1), stage.words)
        intents = [Intent("add", (t,)) for t in wish.traits[1:]] + [Intent("repeat", (t,)) for t in wish.traits[1:]]
        intents += [Intent("exclude", (t,)) for t in wish.unwanted] + [Intent("open", wish.traits[:2])]
        for intent in intents:
            sentence = writer.sentence(intent)
            stage.guard.refuse(sentence, target)
        openings.add(sentence.lower().replace(wish.traits[0].value, "…"))
    assert len(openings) > 15


def test_the_shopper_buys_its_target_on_sight_and_settles_for_what_meets_its_musts(catalog):
    wish = Wish((BOOTS, BLACK, Trait("material", "suede", must=False)))
    move = Shopper(catalog, wish, "p2", chance()).next(heard("p20", "p2"), None, last_turn=False)
    assert move.product_id == "p2" and move.intent == Intent("buy", position=2)
    content = Shopper(catalog, wish, "p2", chance())
    content.begin()
    assert content.next(heard("p20", "p10"), None, last_turn=False).product_id == "p10", "has all it hoped for"
    settling = Shopper(catalog, wish, "p2", chance())
    settling.begin()
    first = settling.next(heard("p20", "p3"), None, last_turn=False)
    assert first.product_id is None, "nice to have is asked for first"
    assert settling.next(heard("p20"), None, last_turn=True).product_id == "p3", "seen a turn earlier"


def test_the_shopper_refuses_what_it_does_not_want_and_leaves_when_nothing_will_do(catalog):
    wish = Wish((BOOTS, BLACK), (LEATHER,))
    shopper = Shopper(catalog, wish, "not-shown", chance())
    shopper.begin()
    moves = [shopper.next(heard("p1", "p2"), None, last_turn=False) for _ in range(shopper.patience)]
    assert Intent("exclude", (LEATHER,)) in [m.intent for m in moves]
    assert moves[-1].intent == Intent("leave") and all(m.product_id is None for m in moves)


@pytest.mark.parametrize(
    ("reply", "about"),
    [
        ("Which colour would you like?", "color"),
        ("I found 12 boots. What size do you need?", "size"),
        ("What is your budget?", "price"),
        ("Several fit. Which one do you mean?", "which one"),
        ("You have seen all boots we have. Shall I set something aside?", "set aside"),
        ("Hello! What are you looking for today?", "category"),
        ("Shall I gift-wrap it?", "other"),
    ],
)
def test_the_ear_hears_what_is_asked(reply, about):
    assert Ear(("category", "color", "size", "price", "material")).question(reply).about == about


def test_the_ear_hears_no_question_in_a_statement():
    assert Ear(("category",)).question("I found 12 boots. The first 10:") is None


def test_questions_are_answered_by_the_wish(catalog):
    wish = Wish((BOOTS, BLACK), (LEATHER,), price=80.0)

    def answer(about: str) -> Intent:
        shopper = Shopper(catalog, wish, "p0", chance())
        return shopper.next(heard("p20"), Question(about, "…?"), last_turn=False).intent

    assert answer("color") == Intent("answer", (BLACK,))
    assert answer("material") == Intent("exclude", (LEATHER,))
    assert answer("price") == Intent("price", price=80.0)
    assert answer("size") == Intent("indifferent", attribute="size")
    assert answer("set aside") == Intent("keep"), "a must is not given up"


def line(*turns: tuple[str, str, list[str]], wish: Wish, bought: str | None = None) -> dict:
    told = [{"shopper": s, "meant": {"kind": k, "attribute": "color"}, "shown": shown} for s, k, shown in turns]
    return {"wish": wish.as_dict(), "target": "p0", "bought": bought, "turns": told, "turns_taken": len(told)}


def test_the_truth_check_finds_what_contradicts_the_wish(catalog):
    check, wish = TruthCheck(catalog), Wish((BOOTS, BLACK), (LEATHER,))
    true = check.of(line(("black boots", "open", ["p20"]), ("no leather", "exclude", ["p10"]), wish=wish, bought="p10"))
    assert true.checks == {"statements": 3, "purchases": 1, "rejections": 2} and not any(true.errors.values())
    for false, kind in (
        (line(("red boots", "open", ["p20"]), wish=wish), "statements"),
        (line(("leather boots", "open", ["p20"]), wish=wish), "statements"),
        (line(("not black", "exclude", ["p20"]), wish=wish), "statements"),
        (line(("i don't mind", "indifferent", ["p20"]), wish=wish), "statements"),
        (line(("boots", "open", ["p20"]), wish=wish, bought="p20"), "purchases"),
        (line(("boots", "open", ["p10"]), ("black", "add", ["p20"]), wish=wish), "rejections"),
    ):
        assert check.of(false).errors[kind] >= 1, false
