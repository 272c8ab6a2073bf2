"""A product opened on the page: its colours, what is like it, what goes with it; and what "it" means afterwards."""

import pytest

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.tools.catalog import Catalog, CatalogError, Product
from shopping_assistant.tools.stock_changes import remove_products
from shopping_assistant.tools.store import Store
from tests.fit_answers import SMALL, lay_out
from tests.shared_folder import made_once


def ids(cards) -> list[str]:
    return [p["product_id"] for p in cards]


@pytest.fixture
def shop_of(tmp_path):
    """An assistant over a catalogue of these products."""
    opened = []

    def open_shop(*products: Product) -> Assistant:
        store = Store.create(tmp_path / f"shop{len(opened)}", name="Tiny", currency="EUR")
        store.write_catalog(Catalog.from_products(list(products)))
        opened.append(Assistant.open(store.path))
        return opened[-1]

    yield open_shop
    for assistant in opened:
        assistant.close()


def test_similar_is_of_the_kind_and_goes_with_is_not(assistant):
    view = assistant.view("t", "dr1")
    assert view["product"]["product_id"] == "dr1" and view["judged"] is None and "size" not in view
    assert ids(view["similar"]) == ["dr2"] and {"reason", "route"} <= set(view["similar"][0])
    kinds = {p["category"] for p in view["goes_with"]}
    assert len(kinds) > 1 and not any("dress" in kind for kind in kinds)
    assert {p["department"] for p in view["goes_with"]} <= {"women", "unisex"}
    assert all(p["reason"].startswith("To go with the Corvelle Maxi Dress") for p in view["goes_with"])


def test_what_was_excluded_stays_out_and_other_wishes_were_about_the_search(assistant):
    assistant.turn("t", "black ankle boots under 120, no leather")
    view = assistant.view("t", "ab3")
    assert set(ids(view["similar"])) == {"ab4", "ab5"}  # a red one too: black was what was looked for
    shown = [*view["similar"], *view["goes_with"], *view["colors"]]
    assert not any(p["material"] == "leather" for p in shown) and all(p["price"] <= 120 for p in shown)
    assert ids(assistant.view("t", "ab2")["similar"]), "an opened product may break a wish itself"


def test_what_was_judged_down_is_not_offered_beside_it(assistant):
    assert "ab4" in ids(assistant.view("t", "ab3")["similar"])
    assistant.judge("t", "down", product_id="ab4")
    assistant.judge("t", "up", product_id="ab3")
    view = assistant.view("t", "ab3")
    assert "ab4" not in ids(view["similar"]) and view["judged"] == "up"


DRESS = {"category": "dress", "brand": "Halden", "department": "women", "price": 50.0, "currency": "EUR"}


@pytest.mark.parametrize("named", [{}, {"attributes": {"style": "Halden Ida"}}], ids=["by title", "by style"])
def test_colours_of_the_style_stand_apart_and_its_sizes_nowhere(shop_of, named):
    def dress(pid, title, color, **more):
        return Product(pid, title, color=color, **{**DRESS, **named, **more})

    shop = shop_of(
        dress("r38", "Halden Ida Dress in Red, 38", "red", size=("38",)),
        dress("r40", "Halden Ida Dress in Red, 40", "red", size=("40",)),
        dress("b38", "Halden Ida Dress in Blue, 38", "blue", size=("38",), available=False),
        dress("b40", "Halden Ida Dress in Blue, 40", "blue", size=("40",)),
        dress("g38", "Halden Ida Dress in Green, 38", "green", size=("38",), available=False),
        dress("x1", "Halden Maud Dress in Red", "red", **({"attributes": {"style": "Halden Maud"}} if named else {})),
    )
    view = shop.view("t", "r38")
    assert ids(view["colors"]) == ["b40", "g38"]  # of the blue ones the one that can be bought; the green is sold out
    assert [p["available"] for p in view["colors"]] == [True, False]
    assert ids(view["similar"]) == ["x1"]
    remove_products(["b40", "b38"], shop.store.path)
    assert ids(shop.view("t", "r38")["colors"]) == ["g38"]


def test_a_catalogue_of_ids_and_titles_has_views(shop_of):
    titles = ("Wool Coat Red", "Wool Coat Navy", "Wool Coat Navy XL", "Long Wool Coat", "Silk Scarf", "Rain Coat")
    shop = shop_of(*(Product(f"p{i}", title) for i, title in enumerate(titles)))
    view = shop.view("t", "p0")
    assert ids(view["colors"]) == ["p1"] and view["goes_with"] == []
    assert {"p3", "p5"} <= set(ids(view["similar"])) and not {"p0", "p1"} & set(ids(view["similar"]))
    assert shop.view("t", "p4")["product"]["title"] == "Silk Scarf"


def test_a_removed_product_still_has_a_view_and_says_so(assistant, store):
    assistant.turn("t", "black ankle boots")
    remove_products(["ab3"], store.path)
    view = assistant.view("t", "ab3")
    assert view["product"]["removed"] and view["product"]["available"] is False
    assert ids(view["similar"]) and ids(view["goes_with"])
    assert "removed" not in view["similar"][0]
    other = assistant.view("t", "ab4")
    assert "ab3" not in [*ids(other["similar"]), *ids(other["goes_with"])]


def test_to_look_at_a_product_that_never_was_is_refused_and_begins_nothing(assistant):
    with pytest.raises(CatalogError, match="nope"):
        assistant.view("t", "nope")
    assistant.view("t", "ab1")
    assert assistant.threads() == []


def test_a_click_on_what_the_view_shows_is_what_it_means_and_places_stay_the_lists(assistant):
    shown = ids(assistant.turn("t", "black ankle boots")["products"])
    assistant.click("t", shown[2], 3)
    beside = assistant.view("t", shown[2])["goes_with"][0]["product_id"]
    assert assistant.turn("t", "what is it made of?")["targets"] == [shown[2]], "to look is no click"
    assistant.click("t", beside)
    assert assistant.turn("t", "what is it made of?")["targets"] == [beside]
    assert assistant.turn("t", "put the second one into my bag")["targets"] == [shown[1]]


def test_the_size_to_take_stands_there_for_who_told_of_themselves(tmp_path_factory, request):
    shop = Assistant.open(made_once(tmp_path_factory, "fit-shop", lay_out))
    thread = request.node.name
    unknown = shop.view(thread, SMALL)["size"]
    assert unknown["size"] is None and unknown["runs"] == "small" and "runs small" in unknown["words"]
    shop.turn(thread, "I'm 170 cm and weigh 60 kg")
    known = shop.view(thread, SMALL)["size"]
    assert known["size"] in shop.product(SMALL)["size"] and "I would take" in known["words"]
    shop.close()
