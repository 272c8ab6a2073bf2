"""Sentences beside shopping by their kind, for those that no rule knows: the nearest by meaning says what kind it is.

Asked only of sentences in which nothing else was understood, so that no wish can be taken for talk.
"""

from __future__ import annotations

import functools

import numpy as np

from shopping_assistant.assistant.language.small_talk import Talk

# Below this cosine nothing is near; unrelated short sentences reach 0.3 with each other.
NEAR = 0.45
# The best kind must be this much nearer than the next one.
MARGIN = 0.03
_EXAMPLES = {
    "joy": """today is my birthday | it is our anniversary next week | I won the lottery | I got the job | we are
        getting married | I am so happy today | I am pregnant | my team won | I passed my exam | what a wonderful day
    """,
    "sorrow": """my cat is sick | I had a fight with my mother | my boyfriend and I split up | I cannot sleep at night
        | I was fired today | nobody cares about me | I had an accident | my dog died | I failed my exam | I am so
        stressed""",
    "browsing": """I do not know what I want | no idea what I am looking for
        | I am just browsing | just looking around | I am not looking for anything special | only having a
        look | no need for help right now | I do not need anything today | maybe later | I will come back another time
    """,
    "wait": """wait a moment | one second please | let me think about it | I need a minute | hold on | give me a
        moment | I have to think it over | I am not sure yet | not yet""",
    "pardon": """could you repeat that | say that again | what do you mean | I do not understand you | huh | come
        again | what did you say | sorry, I did not get that | what are you talking about | are you listening""",
    "complaint": """I want to complain | your prices are a joke | why are you so slow | this takes forever | hurry up
        | I do not like you | you are wrong | that is not what I asked for | this makes no sense | you are not helping
    """,
    "the maker": """what is your favourite colour | do you like your job | what do you do in your free time | do you
        have hobbies | do you get tired | how do you work | how smart are you | are you listening to me | do you store
        my data | is this safe""",
    "the shop": """are you hiring | how do I get to your shop | where can I park | can you gift wrap it | how late are
        you open | who is the owner of the shop | can I try it on in the store | do you have a newsletter | is there a
        fitting room""",
    "paying": """is there a sale on | when is black friday | do you have student discounts | do you accept bitcoin |
        can I pay in cash | give me everything for free | can you make me a better price""",
    "the world": """what should I cook tonight | how do I lose weight | how many people live in China | is the earth
        flat | what is love | who is the best singer | do you think it is wrong to lie | tell me something interesting
        | can you book me a flight | let us talk about something else | what is the tallest mountain | explain gravity
        | what do you think about climate change | which phone should I buy | can you drive me home | help me with my
        taxes""",
    "fun": """let us play a game | entertain me | tell me something funny | do a magic trick | sing something | I am
        bored""",
    "rudeness": """you are so dumb | I hate you | get lost | nobody likes you | you are a waste of time""",
    "praise": """you are the best | that was really helpful | good work | I am impressed | you made my day""",
    "testing": """test | testing one two three | this is only a test | sorry, wrong chat | wrong window | hello world
        | is this thing on | I typed that by accident""",
}  # fmt: skip


@functools.cache
def _known() -> tuple[list[str], np.ndarray]:
    from shopping_assistant.tools.sentence_encoder import SentenceEncoder

    pairs = [(kind, " ".join(s.split())) for kind, text in _EXAMPLES.items() for s in text.split("|")]
    return [kind for kind, _ in pairs], SentenceEncoder.load().encode([s for _, s in pairs])


def nearest(text: str) -> Talk | None:
    """The kind of the nearest sentences by meaning; None when none is near, or when two kinds are as near."""
    from shopping_assistant.tools.sentence_encoder import SentenceEncoder

    kinds, vectors = _known()
    cosines = vectors @ SentenceEncoder.load().encode([text])[0]
    best: dict[str, float] = {}
    for kind, cosine in zip(kinds, cosines.tolist(), strict=True):
        best[kind] = max(best.get(kind, -1.0), cosine)
    (first, near), (_, next_near) = sorted(best.items(), key=lambda item: -item[1])[:2]
    return Talk(first) if near >= NEAR and near - next_near >= MARGIN else None
