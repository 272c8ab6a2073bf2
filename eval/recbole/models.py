"""RecBole's five models behind two calls: the loss of a batch of sequences, and the scores of all items.

The one file that knows RecBole. Its model classes are used as they are; its data set, splitter and trainer are not,
because all systems of a benchmark must see the same split. Four of the models read from left to right, so one pass over
a sequence gives the state after each of its prefixes: the loss of every prefix for the price of one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

# RecBole asks for it on torch 2.6 and later.
os.environ.setdefault("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")

import numpy as np
import torch
from recbole.config import Config
from recbole.utils import get_model
from torch.nn.functional import normalize

# Over RecBole's defaults, which are the published values.
SETTINGS = {
    "SASRec": {"hidden_size": 64},
    "CORE": {"embedding_size": 64, "dnn_type": "trm"},
    "GRU4Rec": {"embedding_size": 64},
    "NextItNet": {"embedding_size": 64},
    "BERT4Rec": {"hidden_size": 64},
}


@dataclass(frozen=True)
class _Sizes:
    """The little that RecBole's models ask of a data set."""

    items: int
    longest: int

    def num(self, field: str) -> int:
        return self.items

    @property
    def field2seqlen(self) -> dict[str, int]:
        return {"item_id_list": self.longest}


class CrossEntropy(torch.autograd.Function):
    """Mean cross-entropy of ``states @ table.T + bias``, in slices of rows that stay in the processor's cache.

    The scores of a whole batch against all items are tens of megabytes that torch writes and reads a dozen times; a
    slice's gradient is taken while its scores are at hand. The products are in bfloat16 as under torch's autocast, sums
    and the softmax in float32: three times the speed of float32 products on processors that have it.
    """

    ROWS = 64

    @staticmethod
    def forward(ctx, states, table, bias, targets):
        total = states.new_zeros(())
        d_states, d_table = torch.empty_like(states), torch.zeros_like(table)
        d_bias = None if bias is None else torch.zeros_like(bias)
        short_states, short_table = states.bfloat16(), table.bfloat16()
        for at in range(0, len(states), CrossEntropy.ROWS):
            part = slice(at, at + CrossEntropy.ROWS)
            wanted = targets[part, None]
            scores = (short_states[part] @ short_table.T).float()
            if bias is not None:
                scores += bias
            highest = scores.amax(dim=1, keepdim=True)
            total -= (scores.gather(1, wanted) - highest).sum()
            scores.sub_(highest).exp_()
            sums = scores.sum(dim=1, keepdim=True)
            total += sums.log().sum()
            scores.div_(sums * len(states))
            scores.scatter_add_(1, wanted, scores.new_full(wanted.shape, -1 / len(states)))
            if bias is not None:
                d_bias += scores.sum(dim=0)
            short = scores.bfloat16()
            d_states[part] = short @ short_table
            d_table += short.T @ short_states[part]
        ctx.save_for_backward(d_states, d_table, d_bias)
        return total / len(states)

    @staticmethod
    def backward(ctx, grad):
        d_states, d_table, d_bias = ctx.saved_tensors
        return grad * d_states, grad * d_table, None if d_bias is None else grad * d_bias, None


class Baseline:
    """One RecBole model over ``items`` numbered 1 to `items`; 0 is the padding.

    Args:
        name: a key of `SETTINGS`.
        longest: how many items it reads.
        settings: RecBole's own names, over `SETTINGS` and RecBole's defaults.
    """

    def __init__(self, name: str, items: int, longest: int, settings: dict, seed: int):
        torch.manual_seed(seed)
        given = {
            **SETTINGS[name],
            **settings,
            "loss_type": "CE",
            "train_neg_sample_args": None,
            "MAX_ITEM_LIST_LENGTH": longest,
            "MASK_ITEM_SEQ": "masked",
            "POS_ITEMS": "masked_items",
            "NEG_ITEMS": "unused",
            "MASK_INDEX": "masked_at",
            "use_gpu": False,
            "state": "ERROR",
        }
        self.config = Config(model=name, dataset="split", config_dict=given, config_file_list=[])
        self.name, self.items, self.longest = name, items, longest
        self.model = get_model(name)(self.config, _Sizes(items + 1, longest))
        self.rng = np.random.default_rng(seed)

    def loss(self, sequences: np.ndarray, first: np.ndarray, taught: np.ndarray) -> torch.Tensor:
        """Mean cross-entropy over all items.

        Args:
            sequences: ``(batch, width)`` padded with 0 behind. first: ``(batch,)`` the first place that is learned.
            taught: ``(batch, width)`` bool, the places that may be learned at all; the last item of a row is one.
        """
        if self.name == "BERT4Rec":
            return self._masked_loss(sequences, taught)
        targets = np.where(taught & (np.arange(sequences.shape[1]) >= first[:, None]), sequences, 0)[:, 1:]
        learned = torch.from_numpy(targets > 0)
        states = self._states(torch.from_numpy(sequences[:, :-1]))[learned]
        loss = CrossEntropy.apply(states, *self._table(), torch.from_numpy(targets[targets > 0]))
        if self.name == "NextItNet":
            model = self.model
            norms = model.reg_loss([model.item_embedding.weight, model.final_layer.weight])
            loss = loss + model.reg_weight * norms + model.reg_loss_rb()
        return loss

    def scores(self, histories: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Scores of the next item.

        Args:
            histories: ``(batch, width)`` padded with 0 behind. lengths: ``(batch,)``, at least 1.

        Returns:
            ``(batch, items)``, without a column for the padding.
        """
        with torch.inference_mode():
            if self.name == "BERT4Rec":
                histories, last = self._append_mask(histories, lengths)
            else:
                last = lengths - 1
            states = self._states(torch.from_numpy(histories))[torch.arange(len(last)), torch.from_numpy(last)]
            table, bias = self._table()
            found = states @ table.T if bias is None else torch.addmm(bias, states, table.T)
        return found[:, 1:].numpy()

    def _table(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        """What a state is multiplied with: ``(items + 1, d)``, and a bias ``(items + 1,)`` where the model has one."""
        table = self.model.item_embedding.weight
        if self.name == "CORE":
            return normalize(self.model.item_dropout(table), dim=-1) / self.model.temperature, None
        if self.name == "BERT4Rec":
            return table[: self.items + 1], self.model.output_bias
        return table, None

    def _states(self, sequences: torch.Tensor) -> torch.Tensor:
        """``(batch, width, d)``: what the model holds after each item; each line as in RecBole's ``forward``."""
        model = self.model
        if self.name == "BERT4Rec":
            return model(sequences)
        items = model.item_embedding(sequences)
        if self.name == "GRU4Rec":
            return model.dense(model.gru_layers(model.emb_dropout(items))[0])
        if self.name == "NextItNet":
            return model.final_layer(model.residual_blocks(items))
        places = torch.arange(sequences.shape[1])
        if self.name == "SASRec":
            x = model.dropout(model.LayerNorm(items + model.position_embedding(places)))
            return model.trm_encoder(x, model.get_attention_mask(sequences), output_all_encoded_layers=True)[-1]
        items, net = model.sess_dropout(items), model.net
        x = net.dropout(net.LayerNorm(items + net.position_embedding(places)))
        x = net.trm_encoder(x, net.get_attention_mask(sequences), output_all_encoded_layers=True)[-1]
        # CORE's state is a weighted mean of the items read so far: one row of weights for each prefix.
        weights = net.fn(x).transpose(1, 2).expand(-1, sequences.shape[1], -1)
        later = torch.ones(weights.shape[1:], dtype=torch.bool).triu(1)
        return normalize(weights.masked_fill(later, -torch.inf).softmax(dim=-1) @ items, dim=-1)

    def _append_mask(self, histories: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Histories with the mask behind them, the oldest item gone where there is no room; and where it stands."""
        wide = np.concatenate([histories, np.zeros((len(histories), 1), dtype=np.int64)], axis=1)
        at = lengths.copy()
        full = lengths == self.longest
        wide[full] = np.roll(wide[full], -1, axis=1)
        at[full] -= 1
        wide[np.arange(len(wide)), at] = self.items + 1
        return wide[:, : self.longest], at

    def _masked_loss(self, rows: np.ndarray, taught: np.ndarray) -> torch.Tensor:
        """The model's loss on whole sequences, its scores computed at the masked places alone.

        RecBole's data path leaves the last item of a sequence out and its scoring drops the first one of a short
        history, so the masks are laid here, by its settings: a share `ft_ratio` of the batches masks the last item,
        in the others each item that is taught is masked with probability `mask_ratio`.
        """
        if rows.shape[1] > self.longest:
            full = rows[:, -1:] > 0
            rows, taught = (np.where(full, x[:, 1:], x[:, :-1]) for x in (rows, taught))
        last = (rows > 0).sum(axis=1) - 1
        masked = np.zeros(rows.shape, dtype=bool)
        if self.rng.random() >= self.config["ft_ratio"]:
            masked = (self.rng.random(rows.shape) < self.config["mask_ratio"]) & taught
        # A row without a mask would cost a forward pass and teach nothing.
        empty = ~masked.any(axis=1)
        masked[empty, last[empty]] = True
        states = self._states(torch.from_numpy(np.where(masked, self.items + 1, rows)))[torch.from_numpy(masked)]
        return CrossEntropy.apply(states, *self._table(), torch.from_numpy(rows[masked]))
