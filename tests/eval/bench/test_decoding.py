"""The decoding bench: both ways find the same, a difference is refused, the table is measured in full."""

import json
from dataclasses import replace

import numpy as np
import pytest

from shopping_assistant.eval.bench import decoding
from shopping_assistant.eval.bench.decoding import Decoded, RankingDiffers, check_same, measure


def test_both_ways_are_measured_on_equal_rankings():
    result = measure(ids=600, beams=4, hidden=32, prompts=2)
    assert (result["ids"], result["levels"], result["base"], result["beams"]) == (600, 3, 16, 4)
    assert set(result["cases"]) == {"all products", "10% of them"}
    for case in result["cases"].values():
        assert case["rankings_equal"] == 2
        ours, theirs = case["step_ms"]["ours"], case["step_ms"]["generate"]
        assert case["step_ms"]["products"] > 0
        assert case["id_ms"]["ours"] > case["prompt_ms"]["ours"] > 0
        assert ours > 0 and case["ratio"] == pytest.approx(theirs / ours, abs=0.06)
    assert result["share_of_trie"] == round(result["table"]["bytes"] / result["trie"]["bytes"], 4)


def test_the_trie_holds_every_id_and_is_counted_once_a_dict():
    ids = np.array([[5, 7], [5, 8], [6, 7]])
    trie = decoding.trie_of(ids)
    assert trie == {5: {7: {}, 8: {}}, 6: {7: {}}}
    leaf, branch = {}.__sizeof__, {1: {}}.__sizeof__
    assert decoding.trie_bytes(trie) >= 3 * leaf() + 3 * branch()


def test_a_ranking_that_differs_is_refused():
    ours = Decoded([[1, 2], [1, 3]], [-1.0, -2.0], 1.0, 1.0)
    check_same(ours, replace(ours, scores=[-1.0005, -2.0]))
    for theirs in (
        replace(ours, ids=[[1, 3], [1, 2]]),
        replace(ours, scores=[-1.0, -2.01]),
        replace(ours, ids=[[1, 2]], scores=[-1.0]),
    ):
        with pytest.raises(RankingDiffers):
            check_same(ours, theirs)


def test_a_wrong_table_is_found_out(monkeypatch, capsys):
    # A writer whose masks are ignored writes other ids than generate does: the bench must say so and fail.
    allowed = decoding.AnswerWriter.search
    monkeypatch.setattr(
        decoding.AnswerWriter, "search", lambda self, reading, masks, beams: allowed(self, reading, [None], beams)
    )
    given = ["--ids", "600", "--beams", "4", "--hidden", "32", "--prompts", "1"]
    assert decoding.main(given) == 2
    assert "generate has" in capsys.readouterr().err


def test_the_command_prints_one_object(capsys):
    assert decoding.main(["--ids", "300", "--beams", "2", "--hidden", "16", "--prompts", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ids"] == 300
    with pytest.raises(SystemExit):
        decoding.main(["--hidden", "30"])
    with pytest.raises(SystemExit):
        decoding.main(["--seed", "-1"])
    assert "--seed -1: expected 0 or more" in capsys.readouterr().err
