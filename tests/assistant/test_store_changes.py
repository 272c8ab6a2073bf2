"""A conversation that is going on while products come and go."""

import json

from shopping_assistant.tools.stock_changes import add_products, remove_products

CLOGS = {"product_id": "cl1", "title": "Halden Clogs in Teal Cork", "category": "clogs", "brand": "Halden",
         "color": "teal", "material": "cork", "price": 75.0, "size": ["37", "38"]}  # fmt: skip


def shown(turn) -> list[str]:
    return [p["product_id"] for p in turn["products"]]


def put(store, folder, *rows: dict) -> None:
    path = folder / "new.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    add_products(path, store.path)


def test_a_running_conversation_finds_what_was_added_meanwhile(assistant, store, tmp_path):
    before = assistant.turn("t", "show me black ankle boots")
    put(store, tmp_path, CLOGS)
    found = assistant.turn("t", "show me teal clogs by halden")
    assert shown(found) == ["cl1"]
    said = {c["attribute"]: c["values"] for c in found["constraints"]}
    assert said["brand"] == ["halden"] and said["color"] == ["teal"]  # words that this shop did not know before
    assert [t["shopper"] for t in assistant.history("t")] == [
        "show me black ankle boots",
        "show me teal clogs by halden",
    ]
    assert shown(assistant.history("t")[0]) == shown(before)
    assert assistant.turn("t", "put it into my bag")["reply"].startswith("Halden Clogs")
    assert [p["product_id"] for p in assistant.bag("t")] == ["cl1"]


def test_a_removed_product_is_offered_no_more_and_said_to_be_gone(assistant, store):
    first = shown(assistant.turn("t", "show me black ankle boots"))
    assistant.turn("t", "add the first one to my bag")
    assistant.turn("t", "add the second one to my bag")
    remove_products([first[0]], store.path)
    reply = assistant.turn("t", "what is in my bag?")["reply"]
    title = assistant.product(first[0])["title"]
    assert f"{title} is no longer in this shop" in reply and "1 piece" in reply
    assert [p.get("removed", False) for p in assistant.bag("t")] == [True, False]
    again = assistant.turn("t", "show me black ankle boots")
    assert again["products"] and first[0] not in shown(again)
    assert assistant.turn("t", f"remove the {title} from my bag")["tools"][-1]["error"] is None


def test_pointing_at_a_removed_product_is_answered(assistant, store):
    first = shown(assistant.turn("t", "show me black ankle boots"))
    remove_products([first[1]], store.path)
    turn = assistant.turn("t", "add the second one to my bag")
    assert "sold out" in turn["reply"] and not assistant.bag("t")
    assert assistant.turn("t", "add the third one to my bag")["tools"][-1]["error"] is None
    assert [p["product_id"] for p in assistant.bag("t")] == [first[2]]


def test_a_category_that_is_gone_is_no_word_of_the_shop_any_more(assistant, store):
    assert assistant.turn("t", "show me backpacks")["products"]
    remove_products(["bp1"], store.path)
    turn = assistant.turn("u", "show me backpacks")
    assert not [c for c in turn["constraints"] if c["attribute"] == "category"] and "bp1" not in shown(turn)


def test_a_damaged_manifest_does_not_end_a_conversation(assistant, store):
    manifest = store.path / "store.json"
    kept = manifest.read_text()
    manifest.write_text("{")
    assert assistant.turn("t", "show me sneakers")["products"]
    manifest.write_text(kept)
    remove_products(["sn1"], store.path)
    assert shown(assistant.turn("t", "show me sneakers")) == ["sn2"]
