"""Tiny records in the layouts of the four sets, invented here."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest


def write_gz(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(r) + "\n" for r in rows)


def turn(said, act, slots=None, asked=(), objects=(), system="Here.", system_act="INFORM:GET", told=None, shown=()):
    return {
        "user": said, "act": act, "slots": slots or {}, "request_slots": list(asked), "objects": list(objects),
        "system": system, "system_act": system_act, "system_slots": told or {}, "system_objects": list(shown),
    }  # fmt: skip


CLOTHES = [
    # id, type, colour, brand, price, sizes
    ("s1", "jacket", "blue", "North Lodge", 20.0, ["S", "M"]),
    ("s2", "jacket", "red, white", "North Lodge", 60.0, ["M"]),
    ("s3", "jacket", "black", "Brain Puzzles", 90.0, ["L"]),
    ("s4", "dress", "red", "Brain Puzzles", 50.0, ["S", "XL"]),
    ("s5", "dress", "black", "North Lodge", 70.0, ["S", "M", "L"]),
]
DIALOGUE = {
    "dialogue_idx": 1,
    "turns": [
        turn(
            "Show me some jackets by North Lodge.", "REQUEST:GET", {"type": "jacket", "brand": "North Lodge"},
            system="There is a blue one, and a red and white one.", told={"type": "jacket"}, shown=(7, 9),
        ),
        turn("How much is the blue one?", "ASK:GET", asked=["price"], objects=[7], system="It is 20.",
             told={"Object ID: 7": {"price": 20.0}}, shown=(7,)),
        turn("Add the red and white one to my cart.", "REQUEST:ADD_TO_CART", objects=[9],
             system_act="CONFIRM:ADD_TO_CART", shown=(9,)),
        turn("Now a dress, please.", "REQUEST:GET", {"type": "dress"}, system="A red one.", told={"type": "dress"},
             shown=(4,)),
        turn("Do you have it in black?", "INFORM:REFINE", {"type": "dress", "color": "black"}, shown=()),
    ],
}  # fmt: skip


@pytest.fixture(scope="session")
def simmc_data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("simmc2")
    catalogue = [
        {"product_id": i, "title": f"{b} {c} {t}", "category": t, "brand": b, "color": c, "size": s, "price": p,
         "currency": "USD"}
        for i, t, c, b, p, s in CLOTHES
    ]  # fmt: skip
    write_gz(folder / "catalogue.jsonl.gz", lines(catalogue))
    write_gz(folder / "fashion_dev.jsonl.gz", lines([{**DIALOGUE, "dialogue_idx": n} for n in range(1, 7)]))
    return folder


def web_product(asin, title, category, query, attributes=(), price="$10.0", options=None, bullets=()):
    return {
        "asin": asin, "Title": title, "product_category": category, "query": query, "Attributes": list(attributes),
        "Price": price, "options": options or {}, "BulletPoints": list(bullets), "Description": "",
        "category": "fashion",
    }  # fmt: skip


WEB = [
    web_product("w1", "Suede ankle boots for women", "Shoes › Women › Boots", "boots", ["rubber sole", "memory foam"]),
    web_product("w2", "Leather ankle boots", "Shoes › Women › Boots", "boots", ["rubber sole"], "$80.0"),
    web_product("w3", "Oak coffee table", "Furniture › Living room › Tables", "tables", ["solid wood"], "$200.0",
                {"color": ["light oak", "dark oak"]}, ["Easy to assemble"]),
    web_product("w4", "Rug for the table", "Furniture › Rugs", "rugs", ["easy clean"]),
]  # fmt: skip


@pytest.fixture(scope="session")
def webshop_data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("webshop")
    write_gz(folder / "products_1000.jsonl.gz", lines(WEB))
    goals = {
        "w1": {"attributes": ["rubber sole", "memory foam"], "instruction": "suede ankle boots with memory foam",
               "instruction_attributes": ["memory foam"]},
        "w2": {"attributes": ["rubber sole"]},
        "w3": {"attributes": ["solid wood"], "instruction": "a coffee table of solid wood",
               "instruction_attributes": ["solid wood"]},
        "gone": {"attributes": [], "instruction": "a thing that is not there", "instruction_attributes": []},
    }  # fmt: skip
    write_gz(folder / "items_ins_v2_dev.json.gz", json.dumps(goals))
    write_gz(folder / "human_goals_dev.json.gz", json.dumps(["i am looking for ankle boots", "a rug"]))
    return folder


@pytest.fixture(scope="session")
def crowdflower_data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crowdflower_search")
    head = "id,query,product_title,product_description,median_relevance,relevance_variance\n"
    rows = [
        '1,rain boots,"Rain boots, green",For wet days,4,0.0', "2,rain boots,Umbrella,Keeps rain off,2,0.471",
        "3,rain boots,Toaster,Toasts,1,0.0", "4,toaster,Two slot toaster,Toasts two,4,0.0",
        "5,toaster,Rain coat,Yellow,1,0.0", "6,nothing fits,Garden gnome,,1,0.0",
    ]  # fmt: skip
    write_gz(folder / "train.csv.gz", head + "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def fashioniq_data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fashioniq_multiturn")
    words = {
        "d1": [["dress"], ["floral"], ["chiffon"], ["maxi"], ["strapless"], ["red"]],
        "d2": [["dress"], ["striped"], ["cotton"], ["mini"], ["sleeveless"], ["blue"]],
        "d3": [["dress"], ["solid"], ["silk"], ["maxi"], ["long sleeve"], ["black"]],
        "d4": [["dress"], ["dots"], ["denim"], ["mini"], ["belted"], ["white"], [], ["dots"], ["lace"], [], [], []],
    }
    write_gz(folder / "asin2attr.json.gz", json.dumps(words))

    def towards(target, *steps):
        return {"target": ["url", target], "reference": [["url", list(said), asin] for said, asin in steps]}

    dresses = [
        towards("d1", (["is strapless and red", "has a floral print"], "d2"), (["is chiffon"], "d3")),
        towards("d3", (["is black", "has long sleeves"], "d1")),
        towards("unknown", (["is black"], "d1")),
    ]
    write_gz(folder / "dress.train.json.gz", json.dumps(dresses))
    for empty in ("shirt", "toptee"):
        write_gz(folder / f"{empty}.train.json.gz", "[]")
    return folder


@pytest.fixture(scope="session")
def scratch(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("scratch")


def beginning(source: Path, target: Path, rows: int) -> None:
    """The first lines of a gzipped file: to index all of a set takes a minute."""
    with gzip.open(source, "rt", encoding="utf-8") as file:
        write_gz(target, "".join(line for _, line in zip(range(rows), file, strict=False)))


@pytest.fixture
def first_rows() -> Callable[[Path, Path, int], None]:
    return beginning


@pytest.fixture
def real_set(shared_data, scratch) -> Callable[[str], Path]:
    """One set's folder of the real data."""

    def of(name: str) -> Path:
        if not (shared_data / name).is_dir():
            pytest.skip(f"no {name} among the real data")
        return shared_data / name

    return of
