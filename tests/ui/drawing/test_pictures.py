"""Pictures: what is drawn follows the words of the catalogue, is safe to inline, and is always the same."""

import re
import xml.etree.ElementTree as ElementTree
from functools import partial

import polars as pl
import pytest

from shopping_assistant.ui.drawing import pictures
from shopping_assistant.ui.drawing import shapes_accessories as acc
from shopping_assistant.ui.drawing import shapes_clothing as wear
from shopping_assistant.ui.drawing import shapes_shoes as shoe
from shopping_assistant.ui.drawing.swatches import brightness, colours_in, pattern_in


def product(category, color="black", title=None, **more) -> dict:
    return {"product_id": "p1", "category": category, "color": color, "title": title or f"{color} {category}", **more}


@pytest.mark.parametrize(
    ("category", "title", "expected"),
    [
        ("a-line dress", "Corvelle Freya A-Line Dress in Navy Cotton", wear.dress_a_line),
        ("maxi dress", "Maxi Dress", wear.dress_maxi),
        ("Dress", "Camden Wrap Dress in Red", wear.dress_wrap),
        ("ankle boots", "Ankle Boots", shoe.ankle_boot),
        ("chelsea boots", "Chelsea Boots", shoe.chelsea_boot),
        ("Boots", "Camden Chelsea Leather Boots", shoe.chelsea_boot),
        ("pumps", "Pumps", shoe.pump),
        ("sneakers", "Sneakers", shoe.sneaker),
        ("tote bag", "Tote Bag", acc.tote),
        ("suitcase", "Hard-Shell Suitcase", acc.suitcase),
        ("carry-on", "Carry-On", acc.carry_on),
        ("earrings", "Hoop Earrings", acc.earrings),
        ("necklace", "Pendant Necklace", acc.necklace),
        ("polo shirt", "Polo Shirt in Olive Cotton", wear.polo),
        # category words of public catalogues
        ("Trousers", "Jade HW Skinny Denim TRS", wear.trousers),
        ("Vest top", "Strap top", wear.vest_top),
        ("Bikini top", "Timeless Triangle", wear.bikini_top),
        ("Hat/beanie", "Cotton beanie", acc.beanie),
        ("Cap/peaked", "Cap", acc.cap),
        ("Underwear bottom", "3-pack brief", wear.briefs),
        ("Tshirts", "Puma Men Logo Grey Tshirt", wear.t_shirt),
        ("Casual Shoes", "Vans Men Black Shoes", shoe.sneaker),
        ("Handbags", "Murcia Women Handbag", acc.handbag),
        ("Watches", "Titan Women Silver Watch", acc.watch),
        ("Necklace and Chains", "Lucera Necklace", acc.necklace),
        # no category: the head noun of the title decides, not what stands beside it
        ("", "Striped shirt dress with belt", wear.dress_shirt),
        ("", "Dress shoes in brown leather", shoe.lace_up_shoe),
    ],
)
def test_the_words_choose_the_silhouette(category, title, expected):
    assert pictures.silhouette(category, title) is expected


def test_a_navy_dress_and_a_red_sneaker_look_nothing_alike():
    dress, sneaker = (pictures.draw(product(*p)) for p in (("a-line dress", "navy"), ("sneakers", "red")))
    assert colours_in("navy")[0] in dress and colours_in("red")[0] not in dress
    assert colours_in("red")[0] in sneaker and colours_in("navy")[0] not in sneaker
    paths = [set(re.findall(r' d="([^"]+)"', svg)) for svg in (dress, sneaker)]
    assert not paths[0] & paths[1]


def test_patterns_are_drawn_and_solid_is_not():
    striped = pictures.draw(product("shirt", attributes={"pattern": "striped"}))
    assert "<pattern" in striped
    assert "<pattern" not in pictures.draw(product("shirt", attributes={"pattern": "solid"}))
    assert pattern_in("Polka dot") == pattern_in("Dot") == "dots"
    assert pattern_in("animal print") == "leopard"


def test_shades_move_a_colour():
    blue, dark, light = (colours_in(words)[0] for words in ("Blue", "Dark Blue", "light blue"))
    assert brightness(dark) < brightness(blue) < brightness(light)
    assert colours_in("off white") != colours_in("white")
    assert len(colours_in("black/white")) == 2
    assert len(colours_in("Multi")) > 3


def test_every_silhouette_draws_well_formed_svg_in_any_colour():
    for word in sorted(pictures._KIND):
        for color in ("black", "white", "multi"):
            svg = pictures.draw(product(word, color, material="leather", attributes={"pattern": "floral"}))
            ElementTree.fromstring(svg)
            assert "nan" not in svg and "None" not in svg, word


def test_whatever_a_seller_writes_is_no_markup():
    evil = '"><script>alert(1)</script>'
    svg = pictures.draw(product(evil, evil, evil, material=evil, attributes={"pattern": evil, evil: [evil]}), uid=evil)
    ElementTree.fromstring(svg)
    assert "<script" not in svg


def test_the_same_product_has_the_same_picture_and_ids_do_not_clash():
    one = product("coat", "camel", attributes={"pattern": "checked"})
    assert pictures.draw(one) == pictures.draw(dict(one))
    first, second = (set(re.findall(r' id="([^"]+)"', pictures.draw(one, uid))) for uid in ("a1", "a2"))
    assert first and not first & second


def test_nothing_known_still_gives_a_picture():
    empty = {"category": None, "attributes": None, "color": "greige"}
    for bare in ({}, {"title": "Zorb 3000"}, {"title": "Zorb", **empty}):
        ElementTree.fromstring(pictures.draw(bare))


def test_pictures_are_small(small_shop):
    products = [small_shop[0].at(row).as_dict() for row in range(100)]
    assert max(len(pictures.draw(p)) for p in products) < 12_000  # characters: a page has a hundred of them


@pytest.mark.parametrize(
    ("source", "category"), [("hm/articles.parquet", "product_type_name"), ("myntra/styles.csv.gz", "articleType")]
)
def test_nearly_all_words_of_real_shops_are_known(shared_data, source, category):
    path = shared_data / source
    if not path.exists():
        pytest.skip(f"no {source} beside this checkout")
    read = pl.read_parquet if path.suffix == ".parquet" else partial(pl.read_csv, truncate_ragged_lines=True)
    counts = read(path, columns=[category])[category].drop_nulls().value_counts()
    unknown = {acc.box, wear.folded}
    known = sum(n for word, n in counts.rows() if pictures.silhouette(word, "") not in unknown)
    assert known / counts["count"].sum() > 0.98
