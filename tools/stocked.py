"""The trained models of a store with the products that were added since: what stands in for those until a training."""

from __future__ import annotations

import numpy as np
from safetensors.numpy import load_file

from shopping_assistant.tools.core_model import IdModel
from shopping_assistant.tools.item_codes import ItemCodes
from shopping_assistant.tools.stock import extended, made_at
from shopping_assistant.tools.store import Store
from shopping_assistant.tools.title_encoder import TITLE_VECTORS, TitleEncoder, as_stored, load_title_table, unit_rows


def title_table(store: Store, encoder: TitleEncoder | None = None) -> np.ndarray:
    """The vectors of all titles, ``(n, dim)`` float32 unit rows: of what changed since they were kept, encoded now."""
    folder, catalog = store.model_dir("titles"), store.catalog()
    changed = store.stock.since(made_at(folder))
    if not len(changed) or not (folder / TITLE_VECTORS).is_file():
        return load_title_table(folder, catalog.titles, encoder)
    kept = unit_rows(load_file(folder / TITLE_VECTORS)["vectors"].astype(np.float32))
    texts = [catalog.titles[row] for row in changed.tolist()]
    return extended(kept, len(catalog), changed, as_stored((encoder or TitleEncoder.load(folder)).encode(texts)))


def id_model(store: Store) -> IdModel:
    """The id model with a row for every added product: what a product without events gets in training."""
    model = IdModel.load(store.model_dir("ids"))
    kin = store.stock.kin_from(len(model.table), len(store.catalog()))
    return model.with_kin(kin.seen, kin.closeness, unseen_certainty(store, model.certainty)) if len(kin.rows) else model


def unseen_certainty(store: Store, certainty: np.ndarray) -> float:
    """The certainty of a product without events: 1 - the ``doubt`` of the training, else the lowest there is."""
    doubt = store.made_by("ids").get("figures", {}).get("doubt")
    return float(certainty.min()) if doubt is None else 1.0 - float(doubt)


def item_codes(store: Store) -> ItemCodes:
    """The written ids with those of every added product, under the prefixes of its kin."""
    codes = ItemCodes.load(store.model_dir("recommender"))
    kin = store.stock.kin_from(len(codes), len(store.catalog()))
    return codes.with_kin(kin.alike) if len(kin.rows) else codes
