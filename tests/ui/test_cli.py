"""The `shop` command as a person or a program uses it, mistakes included."""

import json
import subprocess
import sys

import pytest

from shopping_assistant.tools.store import Store
from shopping_assistant.ui import cli
from tests.tools.tiny_pictures import drawing


def shop(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "shopping_assistant.ui.cli", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=240)


def refused(*arguments: str) -> str:
    """What a mistake prints: one line, no traceback, exit code 2."""
    done = shop(*arguments)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""
    return done.stderr


@pytest.fixture(scope="module")
def csv_shop(tmp_path_factory):
    """A shop of three products imported and built from files, as a newcomer would."""
    folder = tmp_path_factory.mktemp("csv")
    (folder / "products.csv").write_text(
        "sku,title,category,color,price\n1,Black Ankle Boots,ankle boots,black,89.90\n"
        "2,Red Sneakers,sneakers,red,59.00\n3,Blue Summer Dress,dresses,blue,49.00\n"
    )
    store = folder / "store"
    options = ("--store", store, "--map", "product_id=sku", "--currency", "EUR")
    done = shop("import", "csv", folder / "products.csv", *options)
    assert done.returncode == 0, done.stderr
    return store


def test_a_catalogue_alone_can_be_built_searched_and_asked(csv_shop):
    done = shop("build", "--store", csv_shop, "--only", "search,ids,memory,recommender,mixup")
    assert done.returncode == 0, done.stderr
    assert "skipped" in done.stderr and "no log" in done.stderr
    found = json.loads(shop("search", "boots", "--store", csv_shop, "--json").stdout)
    assert found["query"] == "boots" and found["products"][0]["product_id"] == "1"
    turn = json.loads(shop("ask", "show me red sneakers", "--store", csv_shop, "--json").stdout)
    assert [p["product_id"] for p in turn["products"]] == ["2"]


def test_a_second_build_does_nothing(csv_shop):
    shop("build", "--store", csv_shop, "--only", "search")
    assert "fresh" in shop("build", "--store", csv_shop, "--only", "search").stderr


def test_a_build_sees_pictures_with_the_model_it_is_given_and_remembers_it(csv_shop, tiny_clip, tmp_path):
    (tmp_path / "pictures").mkdir()
    drawing("boot", "black", 1).save(tmp_path / "pictures" / "1.png")
    options = ("--image-encoder", tiny_clip, "--pictures", tmp_path / "pictures")
    done = shop("build", "--store", csv_shop, "--only", "images", *options)
    assert done.returncode == 0 and "pictures 1" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert "fresh" in shop("build", "--store", csv_shop, "--only", "images").stderr
    told = refused("build", "--store", csv_shop, "--only", "images", "--image-encoder", tmp_path / "no-model")
    assert "no-model" in told and "CLIP" in told and "\n" not in told.strip()
    assert shop("build", "--store", csv_shop, "--only", "images", "--image-encoder", "none").returncode == 0


def test_search_answers_one_line_a_query(demo_store):
    done = shop("search", "--store", demo_store, "--json", "-k", "3", stdin="black boots\n\nsilver ring\n")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["query"] for a in answers] == ["black boots", "", "silver ring"]
    assert all(len(a["products"]) == 3 and a["ms"] > 0 for a in answers)
    assert {"product_id", "score", "route", "title", "price", "available"} <= set(answers[0]["products"][0])


def test_ask_keeps_a_conversation_until_an_empty_line(demo_store):
    told = "show me ankle boots under 120\nnot leather\n\nshow me rings\n"
    turns = [json.loads(x) for x in shop("ask", "--store", demo_store, "--json", stdin=told).stdout.splitlines()]
    assert [t["turn"] for t in turns] == [1, 2, 1]
    assert {c["attribute"] for c in turns[1]["constraints"]} >= {"category", "price", "material"}
    assert turns[1]["products"] and all(p["material"] != "leather" and p["price"] <= 120 for p in turns[1]["products"])
    assert {c["attribute"] for c in turns[2]["constraints"]} == {"category"}


def test_recommend_serves_one_sequence(demo_store, tmp_path):
    known = json.loads(shop("search", "ankle boots", "--store", demo_store, "--json", "-k", "2").stdout)["products"]
    events = tmp_path / "events.jsonl"
    event = {"session_id": "s", "timestamp": "2026-01-01T10:00:00Z", "action": "click"}
    events.write_text("\n".join(json.dumps({**event, "product_id": p["product_id"]}) for p in known))
    done = shop("recommend", "--store", demo_store, "--events", events, "--json")
    assert done.returncode == 0, done.stderr
    products = json.loads(done.stdout)["products"]
    assert len(products) == 10 and {"product_id", "score", "route"} <= set(products[0])


def test_mistakes_are_told_in_one_line(demo_store, tmp_path):
    assert "shop demo" in refused("ask", "hello", "--store", tmp_path / "none")
    assert "expected one of" in refused("build", "--store", demo_store, "--only", "everything")
    assert "not an empty folder" in refused("demo", "--store", demo_store)
    assert "NAME=OTHER" in refused("import", "csv", "x.csv", "--store", tmp_path / "s", "--map", "sku")
    assert "no.csv" in refused("import", "csv", tmp_path / "no.csv", "--store", tmp_path / "s")
    assert "best" in refused("replay", "--store", demo_store, "--system", "best")
    assert not (tmp_path / "s").exists()
    assert "--ablations" in refused("replay", "--store", demo_store, "--variants", "folder")


def test_an_interrupted_command_says_how_to_go_on(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "open", interrupted)
    monkeypatch.setattr(sys, "argv", ["shop", "search", "boots"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    assert "the same command goes on from there" in capsys.readouterr().err
