"""Pictures to vectors by a model that is named: CLIP, SigLIP and what else transformers loads and gives one vector for.

Which model it is, the shop decides; none travels with the package. Nothing of a model's folder is run: weights are read
from safetensors alone, and code that a checkpoint brings along is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shopping_assistant.tools.errors import ShopError
from shopping_assistant.tools.first_load import ALONE

if TYPE_CHECKING:
    from PIL.Image import Image

# Pictures encoded at once: more gain nothing on a CPU, and one of CLIP's takes 0.6 MB before the first layer.
BATCH = 16
# How near the probe of a saved index must come to that of the model that is loaded, as a cosine: other hardware moves
# it in the fifth place, other weights give another picture of the world.
SAME_PROBE = 0.999


class ImageEncoderError(ShopError):
    """An image encoder that cannot be loaded, or is none."""


class ImageEncoder:
    """Pictures, and texts where the model reads them, to unit vectors of one space. Load one with `load`."""

    def __init__(
        self, name: str, see: Callable[[list[Any]], np.ndarray], read: Callable[[list[str]], np.ndarray] | None = None
    ):
        """``see`` gives ``(n, dim)`` for RGB pictures, ``read`` for texts; None where the model reads none."""
        self.name = name
        self._see, self._read = see, read
        #: What it makes of a picture that is always the same, ``(dim,)``: two models that agree on it are one.
        self.probe = self.encode([_probe_picture()])[0]

    @property
    def dim(self) -> int:
        return len(self.probe)

    @property
    def reads(self) -> bool:
        """Whether texts have vectors among the pictures'."""
        return self._read is not None

    @classmethod
    def load(cls, name: str, local: bool = False, with_texts: bool = True) -> ImageEncoder:
        """A checkpoint of transformers by name or folder, in single precision on the CPU.

        Args:
            local: take it from this machine or not at all; a name is otherwise looked up where models are published.
            with_texts: whether its text side is kept; half of a CLIP model's memory.

        Raises:
            ImageEncoderError: there is none, it has no safetensors, brings code of its own, or makes no picture a
                vector.
        """
        see, read = _loaded(name, local, with_texts)
        return cls(name, see, read)

    def encode(
        self, pictures: Sequence[Image], batch: int = BATCH, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors ``(n, dim)`` float32 of RGB pictures.

        Args:
            progress: called with (pictures done, pictures in all) after each batch.
        """
        return self._in_batches(self._see, pictures, batch, progress)

    def encode_texts(
        self, texts: Sequence[str], batch: int = 64, progress: Callable[[int, int], None] | None = None
    ) -> np.ndarray:
        """Unit vectors ``(n, dim)`` float32 of texts, to be compared with those of pictures.

        Raises:
            ImageEncoderError: the model sees pictures only.
        """
        if self._read is None:
            raise ImageEncoderError(f"{self.name} reads no text: take a model of pictures and texts, such as a CLIP")
        return self._in_batches(self._read, texts, batch, progress)

    def _in_batches(self, embed, things: Sequence, batch: int, progress) -> np.ndarray:
        parts = []
        for start in range(0, len(things), batch):
            parts.append(_unit(embed(list(things[start : start + batch]))))
            if progress:
                progress(min(start + batch, len(things)), len(things))
        return np.concatenate(parts) if parts else np.empty((0, self.dim), dtype=np.float32)


def is_here(name: str) -> bool:
    """Whether a checkpoint lies on this machine, as a folder or among what was downloaded; nothing is loaded."""
    if Path(name).is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:  # a folder that is gone is no name of a model either
        return False


def _unit(vectors: np.ndarray) -> np.ndarray:
    vectors = np.asarray(vectors, dtype=np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _probe_picture() -> Image:
    """Three gradients that differ in every corner."""
    from PIL import Image

    steps = np.linspace(0, 255, 96)
    across, down = np.meshgrid(steps, steps)
    return Image.fromarray(np.stack([across, down, (across + 2 * down) / 3], axis=-1).astype(np.uint8))


def _loaded(name: str, local: bool, with_texts: bool):
    """The functions ``see`` and ``read`` of `ImageEncoder`."""
    with ALONE:
        from transformers import AutoImageProcessor, AutoModel

    # A folder that is mistyped is not looked for elsewhere.
    is_path = Path(name).is_dir() or Path(name).is_absolute() or name.startswith(".")
    settings = {"trust_remote_code": False, "local_files_only": local or is_path}
    try:
        processor = AutoImageProcessor.from_pretrained(name, **settings)
        model, told = AutoModel.from_pretrained(
            name, use_safetensors=True, dtype="float32", output_loading_info=True, **settings
        )
    except Exception as error:  # configurations, hubs and safetensors raise errors of their own kinds
        raise _not_loaded(name, error) from error
    if told["missing_keys"]:
        some = ", ".join(sorted(told["missing_keys"])[:3])
        raise ImageEncoderError(
            f"{name} lacks {len(told['missing_keys'])} of its weights ({some}): its vectors would be chance; take "
            "another checkpoint"
        )
    if not (hasattr(model, "get_image_features") or model.main_input_name == "pixel_values"):
        raise ImageEncoderError(
            f"{name} is a {type(model).__name__}, which sees no pictures; name a CLIP or SigLIP checkpoint"
        )
    model.eval()
    read = _reader(name, model, settings) if with_texts and hasattr(model, "get_text_features") else None
    if read is None and hasattr(model, "text_model") and hasattr(model, "get_image_features"):
        del model.text_model
    return _seer(model, processor), read


def _not_loaded(name: str, error: Exception) -> ImageEncoderError:
    first = str(error).strip().splitlines()[0][:200] if str(error).strip() else ""
    return ImageEncoderError(
        f"the image encoder {name!r} cannot be loaded ({type(error).__name__}: {first}); expected the name or folder "
        "of a CLIP or SigLIP checkpoint of transformers, with its weights as safetensors and preprocessor_config.json"
    )


def _seer(model, processor):
    import torch

    @torch.inference_mode()
    def see(pictures: list) -> np.ndarray:
        pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
        made = (
            model.get_image_features(pixel_values=pixels)
            if hasattr(model, "get_image_features")
            else model(pixel_values=pixels)
        )
        return _one_each(made).numpy()

    return see


def _reader(name: str, model, settings: dict):
    """The model's text side; None where the checkpoint has no tokenizer."""
    import torch

    with ALONE:
        from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **settings)
    except Exception:  # pictures alone: the text side is one more thing, and not what was asked for
        return None
    longest = getattr(getattr(model.config, "text_config", None), "max_position_embeddings", 64)
    # SigLIP was trained on texts filled up to their full length, and tells them apart only so.
    fill = "max_length" if "siglip" in model.config.model_type else True

    @torch.inference_mode()
    def read(texts: list[str]) -> np.ndarray:
        tokens = tokenizer(texts, padding=fill, truncation=True, max_length=longest, return_tensors="pt")
        taken = {k: v for k, v in tokens.items() if k in ("input_ids", "attention_mask")}
        return _one_each(model.get_text_features(**taken)).numpy()

    return read


def _one_each(made):
    """One vector each: what the model pools, or its first token where it pools nothing."""
    if hasattr(made, "dim"):
        return made
    pooled = getattr(made, "pooler_output", None)
    return pooled if pooled is not None else made.last_hidden_state[:, 0]
