"""Something like this, with a photo: found, refined by words, taken back; and nothing of the photo stays."""

import shutil
import sqlite3

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.taps import TapError
from shopping_assistant.tools.image_decoding import PictureError
from shopping_assistant.tools.store import Store
from tests.drawn_shop import photo


@pytest.fixture
def assistant(drawn_shop, tmp_path):
    shutil.copytree(drawn_shop / "store", tmp_path / "store")
    opened = Assistant.open(tmp_path / "store")
    yield opened
    opened.close()


def shares(turn: dict, attribute: str, value: str, first: int = 5) -> float:
    """How many of the first cards have a value."""
    return sum(p[attribute] == value for p in turn["products"][:first]) / first


def show(assistant: Assistant, kind: str, colour: str, thread: str = "t") -> dict:
    return assistant.turn(thread, tap={"photo": photo(kind, colour)})


def test_a_photo_brings_products_like_it(assistant):
    """Chance of a kind or a colour is 0.2."""
    assert assistant.picture_search
    turn = show(assistant, "dress", "red")
    assert turn["tapped"] == {"photo": True} and turn["shopper"] == "" and turn["act"] == "search"
    assert "photo" in turn["reply"] and len(turn["products"]) == 10
    assert shares(turn, "category", "dress", 3) > 0.6 and shares(turn, "color", "red", 3) > 0.6
    assert [w["said"] for w in turn["leanings"]] == ["like your photo"]


def test_words_refine_what_looks_like_it(assistant):
    show(assistant, "bag", "red")
    black = assistant.turn("t", "in black")
    assert {p["color"] for p in black["products"]} == {"black"} and shares(black, "category", "bag", 3) > 0.6
    assert black["act"] == "refine" and "photo" in black["reply"]
    cheaper = assistant.turn("t", "something cheaper")
    assert max(p["price"] for p in cheaper["products"]) < max(p["price"] for p in black["products"])
    assert {p["color"] for p in cheaper["products"]} == {"black"}
    assert cheaper["products"][0]["category"] == "bag"
    no_leather = assistant.turn("t", "not wool")
    assert "wool" not in {p["material"] for p in no_leather["products"]}
    assert no_leather["products"][0]["category"] == "bag"


def test_wishes_said_before_hold(assistant):
    assistant.turn("t", "trousers under 100, no leather")
    turn = show(assistant, "trousers", "green")
    assert turn["act"] == "refine"
    assert {p["category"] for p in turn["products"]} == {"trousers"}
    assert max(p["price"] for p in turn["products"]) <= 100
    assert "leather" not in {p["material"] for p in turn["products"]}
    assert turn["products"][0]["color"] == "green"


def test_it_is_a_chip_that_can_be_tapped_away_and_undone(assistant):
    assistant.turn("t", "shirts")
    show(assistant, "shirt", "yellow")
    chip = assistant.history("t")[-1]["leanings"][0]
    without = assistant.turn("t", tap={"drop": chip})
    assert "leanings" not in without and "most like your photo" not in without["reply"]
    again = assistant.turn("t", "undo")
    assert [w["said"] for w in again["leanings"]] == ["like your photo"] and again["products"][0]["color"] == "yellow"
    before = assistant.turn("t", tap={"undo": True})
    assert "leanings" not in before


def test_another_photo_takes_its_place_and_another_subject_ends_it(assistant):
    show(assistant, "dress", "red")
    second = show(assistant, "bag", "yellow")
    assert len(second["leanings"]) == 1 and shares(second, "category", "bag", 3) > 0.6
    # What a photo shows is not asked for.
    assert "question" not in second or second["question"]["attribute"] not in ("color", "category")
    assert second["leanings"][0]["values"] != assistant.history("t")[0]["leanings"][0]["values"]
    narrowed = assistant.turn("t", "boots, please")
    assert {p["category"] for p in narrowed["products"]} == {"boots"} and "photo" in narrowed["reply"]
    other = assistant.turn("t", "show me shirts")
    assert {p["category"] for p in other["products"]} == {"shirt"}
    assert "leanings" not in other and "photo" not in other["reply"]
    show(assistant, "bag", "red")
    assert "leanings" not in assistant.turn("t", "start over")


def test_more_of_the_like_and_a_card_pointed_at(assistant):
    first = show(assistant, "bag", "green")
    more = assistant.turn("t", "show me more")
    assert not {p["product_id"] for p in first["products"]} & {p["product_id"] for p in more["products"]}
    assert more["products"]
    bagged = assistant.turn("t", "add the second one to my bag")
    assert [p["product_id"] for p in assistant.bag("t")] == bagged["targets"] == [more["products"][1]["product_id"]]


def test_who_asks_how_is_told_where_the_button_is(assistant):
    told = assistant.turn("t", "can I show you a photo?")
    assert "camera" in told["reply"] and not told["products"]
    show(assistant, "dress", "blue")
    assert "already" in assistant.turn("t", "anything like my photo?")["reply"]


def test_a_case_cannot_show_a_photo_again_and_says_so(assistant):
    from shopping_assistant.eval.cases import CaseError, Expectation
    from shopping_assistant.eval.export_case import from_thread

    assistant.turn("t", "black boots")
    show(assistant, "boot", "red")
    expected = [Expectation(act="search")]
    assert from_thread(assistant.store, "t", "first", expected, turn=1).steps
    with pytest.raises(CaseError, match="photo"):
        from_thread(assistant.store, "t", "both", expected)


def test_why_a_card_is_there_names_the_photo(assistant):
    turn = show(assistant, "dress", "blue")
    told = assistant.why("t", turn["turn"])
    assert any("photo" in " ".join(card["words"]).lower() for card in told), told


def test_it_goes_on_after_a_restart_with_nothing_of_the_photo_kept(drawn_shop, tmp_path, caplog):
    shutil.copytree(drawn_shop / "store", tmp_path / "store")
    data = photo("trousers", "red")
    assistant = Assistant.open(tmp_path / "store")
    with caplog.at_level("DEBUG"):
        assistant.turn("t", tap={"photo": data})
    assistant.close()
    parts = [data[at : at + 24] for at in range(200, len(data) - 24, 97)]
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name.startswith("conversations"):
            held = file.read_bytes()
            assert not any(part in held for part in parts), file
    with sqlite3.connect(tmp_path / "store" / "conversations.sqlite") as kept:
        size = kept.execute("SELECT SUM(LENGTH(checkpoint)) FROM checkpoints").fetchone()[0]
    assert size < 20_000
    assert not any(str(part) in caplog.text for part in parts)
    again = Assistant.open(tmp_path / "store")
    turn = again.turn("t", "under 100")
    assert shares(turn, "category", "trousers", 3) > 0.6 and "photo" in turn["reply"]
    again.close()


@pytest.mark.parametrize(
    "data, told",
    [(b"", "empty"), (b"GIF89a", "JPEG, PNG or WebP"), ("a path", "no photo"), (b"\0" * (11 * 1024**2), "10 MB")],
    ids=["empty", "gif", "text", "11 MB"],
)
def test_what_is_no_photo_is_said_and_nothing_said_is_lost(data, told, assistant):
    assistant.turn("t", "black boots")
    with pytest.raises(PictureError, match=told):
        assistant.turn("t", tap={"photo": data})
    assert len(assistant.history("t")) == 1
    held = {c["attribute"]: c["values"] for c in assistant.turn("t", "under 100")["constraints"]}
    assert held == {"category": ["boots"], "color": ["black"], "price": [100.0]}


def test_a_photo_and_a_sentence_at_once_are_refused_without_its_bytes(assistant):
    with pytest.raises(TapError) as refused:
        assistant.turn("t", "red", tap={"photo": b"secret"})
    assert "secret" not in str(refused.value)


def test_without_a_model_it_is_not_offered_and_said_so(small_store):
    assistant = Assistant.open(small_store.path)
    assert not assistant.picture_search
    with pytest.raises(PictureError, match="in words"):
        assistant.turn("t", tap={"photo": photo("bag", "red")})
    assistant.close()


def test_a_model_that_is_gone_hides_it_and_the_chat_goes_on(assistant, tmp_path, tiny_clip):
    store = Store.open(tmp_path / "store")
    described = store.model_dir("images") / "images.json"
    described.write_text(described.read_text().replace(str(tiny_clip), "/nowhere/at-all"))
    opened = Assistant.open(store.path)
    assert opened.picture_search  # for all that can be said before it is loaded
    with pytest.raises(PictureError, match="in words"):
        opened.turn("t", tap={"photo": photo("bag", "red")})
    assert not opened.picture_search
    assert opened.turn("t", "black boots")["products"]
    opened.close()
    store.choose_images({"encoder": "/nowhere/at-all"})
    opened = Assistant.open(store.path)
    assert not opened.picture_search
    opened.close()


def test_a_photo_of_another_model_is_forgotten_kindly(assistant, tmp_path):
    """The shop has another model since: its vectors have another length."""
    from shopping_assistant.assistant.picture_search import PictureSearch

    pictures = PictureSearch.open(Store.open(tmp_path / "store"))
    assert not pictures.likeness("AAAA").any() and not pictures.likeness("no base64!").any()
