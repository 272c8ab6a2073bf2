"""A budget counts work, and in the end the clock on the wall."""

import time

from shopping_assistant.finetune.budget import PATIENCE, Budget


def test_work_counts_in_full():
    budget = Budget(0.1 / 60)
    until = time.thread_time() + 0.11
    while time.thread_time() < until:
        pass
    assert budget.spent() >= 1


def test_waiting_counts_a_third():
    budget = Budget(0.3 / 60)
    time.sleep(0.3)
    assert budget.spent() >= 1 / PATIENCE
    time.sleep(0.7)
    assert budget.spent() >= 1
