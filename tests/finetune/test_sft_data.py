"""Training text: what is read of the log, how it is tokenised and batched."""

import numpy as np
import pytest

from shopping_assistant.finetune import sft_data
from shopping_assistant.finetune.tokenizer import END, train_tokenizer
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.memory import QueryProductMemory
from shopping_assistant.tools.prompts import INSTRUCTION, PromptWriter
from shopping_assistant.tools.sessions import leave_one_out, training_examples


@pytest.fixture(scope="module")
def shop(small_shop):
    catalog, events = small_shop
    vectors = np.random.default_rng(0).standard_normal((len(catalog), 8)).astype(np.float32)
    codes = ItemCodes.from_vectors(vectors)
    train = leave_one_out(events).train
    writer = PromptWriter(catalog, codes)
    texts = [writer.sequence(u, full_share=0.5) for u in sft_data.histories(train, None, 0)]
    return train, writer, train_tokenizer(texts, codes, 1000)


class NoMemory(QueryProductMemory):
    def __init__(self):
        super().__init__(None, None)


def nothing_remembered() -> sft_data.Results:
    return sft_data.Results(NoMemory(), 8)


def test_codes_and_markers_are_one_token_each_and_text_survives(shop):
    _, writer, tokenizer = shop
    text = writer.facts(3)[1] + "\nsearch: crème brûlée coloured été-dress\nrecommend:" + writer.response(5)
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert len(tokenizer(writer.codes.text(7))["input_ids"]) == writer.codes.levels
    assert len(tokenizer("\nrecommend:")["input_ids"]) == 1


def test_prompt_and_response_join_as_one_text_would(shop):
    train, writer, tokenizer = shop
    examples = sft_data.sampled(training_examples(train), 50, seed=1)
    made = sft_data.pairs(examples, writer, nothing_remembered(), tokenizer)
    assert len(made) == 50
    for example, pair in zip(examples, made, strict=True):
        target = writer.catalog.index(example.target)
        text = INSTRUCTION + writer.input(example.history) + writer.response(target) + END
        assert [*pair.prompt, *pair.response] == tokenizer(text)["input_ids"]
        assert tokenizer.decode(pair.response) == writer.response(target) + END


def test_the_sample_is_bounded_seeded_and_has_a_history(shop):
    examples = training_examples(shop[0])
    few = sft_data.sampled(examples, 20, seed=3)
    assert len(few) == 20 and all(e.history for e in few)
    assert few == sft_data.sampled(examples, 20, seed=3) != sft_data.sampled(examples, 20, seed=4)


def test_pretraining_rows_fit_the_window_and_hold_every_history(shop):
    train, writer, tokenizer = shop
    users = sft_data.histories(train, None, 0)
    rows = sft_data.pretraining_rows(users, writer, nothing_remembered(), tokenizer, 96, 0.2, 0.5, facts=30, seed=5)
    assert max(map(len, rows)) <= 96
    assert all(row[-1] == tokenizer.eos_token_id for row in rows)
    text = "".join(tokenizer.decode(row) for row in rows)
    assert text.count("\ntext:") == 30
    assert text.count("\nsearch:") == sum(e.action == "search" for u in users for e in u)
    again = sft_data.pretraining_rows(users, writer, nothing_remembered(), tokenizer, 96, 0.2, 0.5, facts=30, seed=5)
    assert rows == again


def test_histories_of_bare_ids_and_without_the_instruction(shop):
    train, writer, tokenizer = shop
    users = sft_data.histories(train, None, 0)

    def text(**shares) -> str:
        rows = sft_data.pretraining_rows(users, writer, nothing_remembered(), tokenizer, 96, 0.0, 0.0, 0, 5, **shares)
        return "".join(tokenizer.decode(row) for row in rows)

    bought = sum(e.action == "purchase" for u in users for e in u)
    assert text(asked_share=1.0).count("\nrecommend:") == bought
    assert text(asked_share=0.0).count("\nbuy:") == bought
    bare = text(asked_share=0.5, answer_titles=0.0, instruction_share=0.5)
    lines = [line for line in bare.split("\n") if line.startswith(("recommend:", "buy:"))]
    assert all(writer.codes.row_of(line.split("<|")[0]) is not None for line in lines)
    assert 0.4 < sum(line.startswith("recommend:") for line in lines) / bought < 0.6
    assert 0.4 < bare.count(INSTRUCTION) / bare.count(END) < 0.6
    some = text(asked_share=1.0, answer_titles=0.3).split("\nrecommend:")[1:]
    titled = sum(len(answer.split("\n")[0].split("<|")[0].split()) > 1 for answer in some)
    assert 0.2 < titled / bought < 0.4


def test_batches_hold_every_row_once_within_the_tokens():
    lengths = np.random.default_rng(2).integers(5, 300, 500).tolist()
    made = sft_data.batches(lengths, 2000, seed=1)
    assert sorted(i for batch in made for i in batch) == list(range(500))
    assert all(max(lengths[i] for i in batch) * len(batch) <= 2000 for batch in made)
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in made)
    assert padded < 1.2 * sum(lengths)
