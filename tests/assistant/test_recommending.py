"""The agent over the demo shop with its trained models: what a shopper does changes what is recommended."""

import shutil

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.tools.attribute_filter import Constraint, mask
from shopping_assistant.tools.sessions import events_of

REQUEST = "what would you recommend for me?"


@pytest.fixture(scope="module")
def assistant(demo_store, tmp_path_factory):
    opened = Assistant.open(shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store"))
    yield opened
    opened.close()


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def holds(assistant, turn) -> bool:
    """Whether every product meets every wish that was not set aside."""
    catalog = assistant.shelf.catalog
    held = [Constraint.from_dict(c) for c in turn["constraints"] if c not in turn.get("relaxed", [])]
    allowed = mask(catalog, held)
    return all(allowed[catalog.index(p)] for p in shown(turn))


def test_a_recommendation_is_made_by_the_trained_model_and_holds_every_wish(assistant):
    assistant.turn("a", "show me black ankle boots under 150")
    assistant.turn("a", "not leather")
    turn = assistant.turn("a", REQUEST)
    assert turn["products"] and holds(assistant, turn)
    assert all(p["route"]["id"] and p["route"]["title"] for p in turn["products"])
    assert "no trained recommender" not in turn["reply"]
    assert any(part.startswith("recommend.") for part in assistant.trace("a")[-1]["parts_ms"])


def test_clicks_change_what_is_recommended(assistant):
    catalog = assistant.shelf.catalog
    answers = {}
    for category in ("sneakers", "necklace"):
        for row in catalog.rows_with("category", category)[:3]:
            assistant.click(f"clicks {category}", catalog.ids[row])
        answers[category] = assistant.turn(f"clicks {category}", REQUEST)
    assert shown(answers["sneakers"]) != shown(answers["necklace"])
    groups = {k: {catalog.product(p).get("group") for p in shown(t)} for k, t in answers.items()}
    assert groups["sneakers"] != groups["necklace"]


def test_what_is_in_the_bag_is_not_recommended_again(assistant):
    assistant.turn("b", "ankle boots")
    first = shown(assistant.turn("b", REQUEST))
    assistant.turn("b", "add the second one to my bag")
    assert [p["product_id"] for p in assistant.bag("b")] == [first[1]]
    assert first[1] not in shown(assistant.turn("b", REQUEST))


def test_a_reason_is_true(assistant):
    found = assistant.turn("r", "sneakers")["products"]
    assistant.click("r", found[0]["product_id"], 1)
    turn = assistant.turn("r", REQUEST)
    told = [p for p in turn["products"] if "you clicked: same" in p["reason"]]
    assert told, [p["reason"] for p in turn["products"]]
    names = {"colour": "color"}
    for p in told:
        shared = p["reason"].split("same ")[1].split(";")[0].split(" and ")
        for attribute in (names.get(a, a) for a in shared):
            values = [{**q, **q["attributes"]}[attribute] for q in (p, found[0])]
            assert values[0] == values[1], (p["reason"], attribute)


def test_an_outfit_is_of_other_categories(assistant):
    assistant.turn("o", "ankle boots, not leather")
    turn = assistant.turn("o", "what goes with the first one?")
    assert turn["products"] and all(
        p["category"] != "ankle boots" and p["material"] != "leather" for p in turn["products"]
    )


def test_a_returning_shopper_is_remembered_from_the_shops_log(assistant):
    log = assistant.store.events()
    user = log.filter(action="purchase")["user_id"][0]
    bought = {e.product_id for e in events_of(log.filter(user_id=user)) if e.action == "purchase"}
    known = shown(assistant.turn("known", REQUEST, user_id=user))
    assert not bought & set(known) and known != shown(assistant.turn("new", REQUEST))
