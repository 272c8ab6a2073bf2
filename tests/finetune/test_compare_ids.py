"""The comparison of item ids: each kind really trained, in a copy of the store, and not twice."""

import json

import pytest

from shopping_assistant.finetune import compare_ids
from shopping_assistant.finetune.compare_ids import ComparisonError, variant
from shopping_assistant.finetune.falcon import ItemIds
from shopping_assistant.tools.store import Store

SETTINGS = """
shape: {hidden: 32, layers: 1, heads: 2, vocabulary: 400, positions: 256}
style: {attributes: [color], full_items: 1}
prompt_tokens: 160
title_tokens: 16
pretraining: {max_tokens: 4000, minutes: 1, users: 40, window: 160, batch_tokens: 1024, facts: 20}
lora: {rank: 4, alpha: 4, max_examples: 20, minutes: 1, window: 192, batch_tokens: 1024}
validation: 20
"""


@pytest.fixture(scope="module")
def shop(small_shop, tmp_path_factory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("shop") / "store", name="Small")
    store.write_catalog(small_shop[0])
    store.write_events(small_shop[1])
    return store


def test_a_name_says_kind_and_shape():
    assert variant("random") == ItemIds("random")
    assert variant("semantic:3x32") == ItemIds("semantic", 3, 32)
    for wrong in ("alphabetic", "random:3", "random:x", "", "joint:0x8x1"):
        with pytest.raises(ComparisonError, match="expected one of joint"):
            variant(wrong)


def test_each_kind_is_trained_once_in_a_copy_and_the_store_is_left_alone(shop, tmp_path, capsys):
    path = tmp_path / "run.yaml"
    path.write_text(SETTINGS)
    asked = ["--store", str(shop.path), "--config", str(path), "--out", str(tmp_path / "out")]
    before = sorted(p.as_posix() for p in shop.path.rglob("*"))
    assert compare_ids.main([*asked, "--ids", "random", "joint:2x16", "--tokens", "3000"]) == 0
    told = capsys.readouterr()
    assert "random" in told.out and "2 × 16" in told.out
    assert sorted(p.as_posix() for p in shop.path.rglob("*")) == before
    kept = {p.name: json.loads(p.read_text()) for p in (tmp_path / "out").iterdir()}
    assert sorted(kept) == ["joint-2x16.json", "random.json"]
    assert {f["figures"]["ids"] for f in kept.values()} == {"joint", "random"}
    for figures in (f["figures"] for f in kept.values()):
        assert 3000 <= figures["pretraining"]["tokens"] < 5000
        assert figures["validation"]["examples"] == 20
    assert compare_ids.main([*asked, "--ids", "random", "joint:2x16", "--tokens", "3000"]) == 0
    again = capsys.readouterr()
    assert again.out == told.out and "…" not in again.err
    # Figures of other settings are no part of this comparison.
    assert compare_ids.main([*asked, "--ids", "random"]) == 2
    assert "random.json: was made with other settings" in capsys.readouterr().err


def test_what_cannot_be_compared_is_said_in_a_sentence(shop, tmp_path, capsys):
    asked = ["--store", str(shop.path), "--out", str(tmp_path)]
    assert compare_ids.main([*asked, "--ids", "alphabetic"]) == 2
    assert compare_ids.main([*asked, "--config", "nowhere.yaml"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith("error: ids 'alphabetic': expected one of joint")
    assert told[1].startswith("error: no settings file 'nowhere.yaml'")
    for wrong, says in {
        ("--ids", "semantic:0x32"): "error: ids 'semantic:0x32', levels: got 0, expected 1 or more",
        ("--tokens", "0"): "error: --tokens or --examples, max_tokens: got 0, expected 1 or more",
        ("--examples", "-3"): "error: --tokens or --examples, max_examples: got -3",
        ("--out", str(shop.path / "out")): "lies in the store",
    }.items():
        assert compare_ids.main([*asked, *wrong]) == 2
        assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir()) and not (shop.path / "out").exists()
