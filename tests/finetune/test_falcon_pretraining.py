"""Pre-training from nothing: what shoppers typed and were shown is read, everything else is predicted."""

import numpy as np
import pytest
import torch

from shopping_assistant.finetune.falcon_pretraining import Given, language_model_loss, small_falcon
from shopping_assistant.finetune.falcon_settings import Shape
from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.prompts import INSTRUCTION

CODES = ItemCodes(np.array([[0, 1], [2, 3], [5, 7]]), 8)
TEXT = (
    "\nsession: may\nsearch: red scarf\nresults:<a0><b1><a2><b3>\nclick:<a2><b3> blue dress\nbuy:<a0><b1>"
    "\nquery: red scarf\nresults:<a5><b7>\nrecommend:<a5><b7> red scarf"
)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([TEXT, "red scarf blue dress"] * 4, CODES, 300)


def tokens_of(tokenizer) -> list[int]:
    return [*tokenizer(INSTRUCTION + TEXT)["input_ids"], tokenizer.eos_token_id]


def test_queries_and_results_are_given_and_their_markers_are_not(tokenizer):
    tokens = tokens_of(tokenizer)
    given = Given(tokenizer)(torch.tensor([tokens, tokens]))
    for row in given.tolist():
        pieces = [tokenizer.decode([t]) for t, is_given in zip(tokens, row, strict=True) if is_given]
        assert "".join(pieces) == " red scarf<a0><b1><a2><b3> red scarf<a5><b7>"


def test_markers_and_the_end_are_given_where_they_are_not_to_be_learned(tokenizer):
    tokens = tokens_of(tokenizer)
    given = Given(tokenizer, markers=True)(torch.tensor([tokens]))[0].tolist()
    learned = [tokenizer.decode([t]) for t, is_given in zip(tokens, given, strict=True) if not is_given]
    told = len(tokenizer(INSTRUCTION)["input_ids"])
    assert "".join(learned[told:]) == " may<a2><b3> blue dress<a0><b1><a5><b7> red scarf"


def test_the_loss_is_of_the_other_tokens_and_padding_changes_nothing(tokenizer):
    model = small_falcon(Shape(hidden=32, layers=2, heads=2, positions=256), tokenizer, seed=1).eval()
    rows = [tokens_of(tokenizer), tokenizer("\nsearch: scarf\nclick:<a0><b1>")["input_ids"]]
    expected = 0.0
    given = Given(tokenizer)
    for row in rows:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            nats = -model(input_ids=torch.tensor([row])).logits[0].float().log_softmax(-1)
        learned = [i for i, read in enumerate(given(torch.tensor([row]))[0].tolist()) if i and not read]
        expected += sum(float(nats[i - 1, row[i]]) for i in learned)
        assert 0 < len(learned) < len(row) - 1
    with torch.no_grad():
        assert float(language_model_loss(model, rows, CPU, given)) == pytest.approx(expected, rel=5e-3)
        everything = float(language_model_loss(model, rows, CPU))
    assert everything > expected + 5
