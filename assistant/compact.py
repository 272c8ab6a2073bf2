# ruff: noqa: E501  (the dictionary below is data, and never changes)
"""What is kept of a conversation, packed: JSON repeats its keys in every turn, and deflated it does not."""

from __future__ import annotations

import json
import zlib
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

# What nearly every turn and checkpoint says. Rows that are written already are read with these very bytes: never change
# them; another dictionary would be told from this one by its checksum in each row.
_USUAL = (
    b'"previous_leanings": [], "turned_back": [], "question_word": "", "was_open": false, "previous_act": "search", '
    b'"vague": false, "advice": false, "singular": false, "best": false, "declined": "", "talk": null, "talk_kind": '
    b'{"turn": 1, "shopper": "show me ", "reply": "Here are ", "act": "refine", "asked": ["material"], "targets": [], '
    b'"comparison": {"attributes": ["price", "material", "color"], "rows": [{"product_id": "", "title": "", "values": {}}]}, '
    b'"question": {"attribute": "", "text": "", "choices": [{"label": "", "say": ""}]}, "leanings": [{"attribute": "", '
    b'"direction": "more", "values": [], "said": "", "than": null}], "relaxed": [], "model": "offline", "model_error": null, '
    b'"parts_ms": {"understand": 1.5, "plan": 2.4, "product_details": 0.1, "recommend": 80.1, "recommend.prompt": 0.4, '
    b'"recommend.write": 30.2, "recommend.candidates": 20.1, "recommend.likelihoods": 20.3, "recommend.features": 0.9}, '
    b'"tools": [{"name": "product_details", "arguments": {"product_ids": [""], "attributes": ["size"]}, "ms": 0.1, "error": '
    b'null}, {"name": "recommend", "arguments": {"constraints": [], "more": false}}, {"name": "search_products", "arguments": '
    b'{"query": "", "constraints": [{"attribute": "category", "op": "in", "values": ["ankle boots"], "said": ""}, '
    b'{"attribute": "material", "op": "not in", "values": ["leather"], "said": "not leather"}, {"attribute": "color", "op": '
    b'"in", "values": ["black"], "said": "black"}, {"attribute": "price", "op": "<=", "values": [120.0], "said": "under 120"}'
    b'], "more": false}, "ms": 12.3, "error": null}], "products": [{"product_id": "", "reason": "Matches ", "route": {"id": '
    b'null, "title": null, "memory": null, "search": 1}, "evidence": [{"kind": "query", "attribute": "color", "value": "'
)


def packed(value: Any) -> bytes:
    """A JSON value in few bytes."""
    deflate = zlib.compressobj(9, zdict=_USUAL)
    text = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    return deflate.compress(text.encode()) + deflate.flush()


def unpacked(cell: bytes | str) -> Any:
    """What was packed; the text of a row from before rows were packed is read as it is."""
    if isinstance(cell, str):
        return json.loads(cell)
    return json.loads(zlib.decompressobj(zdict=_USUAL).decompress(cell))


class PackedSerializer(JsonPlusSerializer):
    """LangGraph's serializer with its bytes deflated; checkpoints written without are read, too."""

    _SUFFIX = "+zlib"

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        kind, data = super().dumps_typed(obj)
        return kind + self._SUFFIX, zlib.compress(data, 6)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        kind, packed_bytes = data
        if not kind.endswith(self._SUFFIX):
            return super().loads_typed(data)
        return super().loads_typed((kind.removesuffix(self._SUFFIX), zlib.decompress(packed_bytes)))
