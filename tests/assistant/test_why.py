"""Why a card is there: what it hangs on as of its turn, and the same in every mouth."""

import shutil

import pytest

from shopping_assistant.assistant.answers.evidence_words import most_telling, sentence
from shopping_assistant.assistant.answers.reasons import short_of
from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.why import WhyError


@pytest.fixture(scope="module")
def demo(demo_store, tmp_path_factory):
    """The whole shop with its models: only here do clicks and searches move recommendations."""
    opened = Assistant.open(shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store"))
    yield opened
    opened.close()


@pytest.fixture
def thread(request):
    return request.node.name


def kinds(card) -> set[str]:
    return {e["kind"] for e in card["evidence"]}


def holds_for_every_card(assistant, thread, turn):
    """What is true of all explanations, whatever the answer; the explanations."""
    why = assistant.why(thread, turn["turn"])
    assert [c["product_id"] for c in why] == [p["product_id"] for p in turn["products"]]
    for card, shown in zip(why, turn["products"], strict=True):
        assert card["title"] == shown["title"] and card["route"] == shown["route"]
        assert card["words"] and all(w.endswith((".", "!")) and w[0].isupper() for w in card["words"])
        for e in card["evidence"]:
            assert e["rank_without"] is None or e["rank_without"] > e["rank"]
        told = "often shown for searches like yours"
        assert (told in shown["reason"].lower()) == (told in " ".join(card["words"]).lower())
    return why


def test_a_search_hangs_on_its_wishes_and_words(assistant):
    turn = assistant.turn("t", "black ankle boots under 100")
    for card in holds_for_every_card(assistant, "t", turn):
        assert kinds(card) <= {"attribute", "query"}
        assert {e.get("attribute") for e in card["evidence"]} <= {"color", "category", "price", None}
    assert any("under 100" in w for card in assistant.why("t", 1) for w in card["words"])


def test_it_stays_as_of_its_turn_whatever_is_done_since(assistant):
    shown = assistant.turn("t", "ankle boots, no leather")["products"]
    assistant.turn("t", "rather in black")
    first, second = assistant.why("t", 1), assistant.why("t", 2)
    assistant.judge("t", "down", product_id=shown[0]["product_id"])
    assistant.judge("t", "up", product_id=shown[1]["product_id"])
    assistant.click("t", shown[2]["product_id"], 3)
    assistant.turn("t", "forget that, show me red dresses under 70")
    assistant.turn("t", "something longer")
    assert assistant.why("t", 1) == first and assistant.why("t", 2) == second
    assert "not leather" in str(first) and "black" not in str(first)


def test_what_is_like_a_product_says_which(assistant):
    shown = assistant.turn("t", "maxi dresses")["products"]
    turn = assistant.turn("t", "more like the first")
    for card in holds_for_every_card(assistant, "t", turn):
        like = next(e for e in card["evidence"] if e["kind"] == "like")
        assert like["product_id"] == shown[0]["product_id"]
        assert f"like the {short_of(shown[0]['title'])}" in card["words"][0]


def test_an_outfit_says_what_it_goes_with(assistant):
    assistant.turn("t", "maxi dresses")
    turn = assistant.turn("t", "what goes with the first one?")
    for card in holds_for_every_card(assistant, "t", turn):
        assert [e["product_id"] for e in card["evidence"]] == [turn["targets"][0]]


def test_where_nothing_speaks_for_it_nothing_is_made_up(assistant):
    turn = assistant.turn("t", "surprise me")
    for card in holds_for_every_card(assistant, "t", turn):
        assert card["evidence"] == [] and card["words"][0].startswith("Nothing you did or said")


def test_a_wish_tapped_away_counts_no_more(assistant):
    first = assistant.turn("t", "black ankle boots under 100")
    (price,) = [c for c in first["constraints"] if c["attribute"] == "price"]
    turn = assistant.turn("t", tap={"drop": price})
    for card in holds_for_every_card(assistant, "t", turn):
        assert "price" not in {e.get("attribute") for e in card["evidence"]}


def test_a_liked_product_is_said_to_move_what_is_like_it(assistant):
    shown = assistant.turn("t", "black boots")["products"]
    liked = shown[-1]["product_id"]
    assistant.judge("t", "up", product_id=liked)
    turn = assistant.turn("t", "black boots under 150")
    why = holds_for_every_card(assistant, "t", turn)
    thumbs = [e for card in why for e in card["evidence"] if e["kind"] == "judged"]
    assert thumbs and all((e["product_id"], e["verdict"]) == (liked, "up") for e in thumbs)


def test_what_was_saved_is_there_because_of_that(assistant):
    assistant.turn("t", "black ankle boots")
    assistant.turn("t", "save the second one")
    turn = assistant.turn("t", "show me what I saved")
    assert [c["words"] for c in assistant.why("t", turn["turn"])] == [["You saved it for later."]]
    assert "You saved it for later" in assistant.turn("t", "why that one?")["reply"]


def test_there_is_no_why_of_an_answer_that_never_was(assistant):
    with pytest.raises(WhyError, match="no answer 1"):
        assistant.why("t", 1)
    assert assistant.threads() == []
    assistant.turn("t", "hello")
    assert assistant.why("t", 1) == []


def test_a_recommendation_hangs_on_clicks_and_searches_and_says_so_everywhere(demo, thread):
    shown = demo.turn(thread, "ankle boots")["products"]
    demo.click(thread, shown[2]["product_id"], 3)
    demo.click(thread, shown[4]["product_id"], 5)
    turn = demo.turn(thread, "what would you recommend?")
    why = holds_for_every_card(demo, thread, turn)
    assert {"query", "click"} <= set().union(*map(kinds, why)) <= {"query", "click", "attribute"}
    for card, product in zip(why, turn["products"], strict=True):
        clicked = {e["product_id"]: e for e in card["evidence"] if e["kind"] == "click"}
        for e in product.get("evidence", ()):  # what the card goes by is found again
            assert (clicked[e["product_id"]]["rank"], clicked[e["product_id"]]["rank_without"]) == (
                e["rank"], e["rank_without"],
            )  # fmt: skip
        if " you clicked" in product["reason"]:
            (told,) = [e for e in most_telling(card["evidence"], 3) if e["kind"] == "click"][:1]
            assert short_of(told["title"]) in product["reason"]
            assert any(f"You clicked the {short_of(told['title'])}" in w for w in card["words"])
    spoken = demo.turn(thread, "why the first one?")["explained"][0]
    assert spoken["evidence"] == why[0]["evidence"]
    assert demo.why(thread, turn["turn"]) == why


def test_what_left_the_bag_or_was_refused_since_counted_then(demo, thread):
    shown = demo.turn(thread, "navy blazers for women")["products"]
    demo.add_to_bag(thread, shown[0]["product_id"], 1)
    demo.click(thread, shown[3]["product_id"], 4)
    turn = demo.turn(thread, "what else would suit me?")
    before = holds_for_every_card(demo, thread, turn)
    assert "purchase" in set().union(*map(kinds, before))
    demo.remove_from_bag(thread, shown[0]["product_id"])
    demo.judge(thread, "down", product_id=shown[3]["product_id"])
    demo.turn(thread, "show me sneakers")
    assert demo.why(thread, turn["turn"]) == before


def test_a_thumb_counts_as_interest_and_is_called_a_thumb(demo, thread):
    shown = demo.turn(thread, "white sneakers")["products"]
    demo.judge(thread, "up", product_id=shown[1]["product_id"])
    turn = demo.turn(thread, "recommend me something")
    why = holds_for_every_card(demo, thread, turn)
    assert "click" not in set().union(*map(kinds, why))
    thumbs = [e for card in why for e in card["evidence"] if e["kind"] == "judged"]
    assert {(e["product_id"], e["verdict"]) for e in thumbs} == {(shown[1]["product_id"], "up")}


def test_before_anything_is_known_it_says_how_often_it_was_bought(demo, thread):
    turn = demo.turn(thread, "surprise me")
    for card in holds_for_every_card(demo, thread, turn):
        assert "Nothing you did or said put it there: it was bought" in card["words"][0]


@pytest.mark.parametrize(
    ("without", "place", "said"),
    [(95, 1, "; without that it would come much later."), (3, 1, "; without that it would come later."),
     (5, 9, "; without that it would come later."), (None, 1, "; without that you would not see it here.")],
    ids=("much", "a little", "elsewhere", "gone"),
)  # fmt: skip
def test_a_shopper_reads_no_ranks(without, place, said):
    wish = {"kind": "attribute", "attribute": "category", "words": "dresses", "rank": 1, "rank_without": without}
    assert sentence(wish, place) == f"It meets your wish “dresses”{said}"
