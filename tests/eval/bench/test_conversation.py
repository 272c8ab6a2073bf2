"""The measure of long conversations, on a small shop: what it counts, not how fast this machine is."""

import json

import pytest

from shopping_assistant.eval.bench import conversation
from shopping_assistant.tools.errors import ShopError


def test_a_long_conversation_is_kept_small(small_store):
    figures = conversation.measure(small_store.path, 60)
    assert figures["turns"] == 60 and figures["latency_ratio"] > 0
    # Over 100 turns it is less still: a file has its tables and free pages from the first turn on.
    assert figures["size_ratio"] < 20, figures
    assert figures["text_bytes"] > 60 * 20


def test_the_command_prints_json_and_leaves_nothing(small_store, capsys):
    assert conversation.main(["--store", str(small_store.path), "--turns", "21", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["turns"] == 21
    assert not small_store.conversations_path.exists()


def test_too_few_turns_are_refused(small_store):
    with pytest.raises(ShopError, match="expected 21 or more"):
        conversation.measure(small_store.path, 5)
