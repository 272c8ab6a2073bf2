import json

from shopping_assistant.eval.bench.why import main


def test_every_answer_with_cards_is_explained_and_nothing_is_left_in_the_store(searchable_store, capsys):
    assert main(["--store", str(searchable_store.path), "--runs", "2", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert "what would you recommend?" in [r["sentence"] for r in rows]
    assert all(r["cards"] >= 1 and r["why"] > 0 and r["view"] > 0 for r in rows)
    assert not searchable_store.conversations_path.exists()
