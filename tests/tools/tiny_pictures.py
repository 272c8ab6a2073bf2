"""Pictures of invented products, drawn with Pillow, and a CLIP of 50,000 weights that learned from some of them."""

from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

KINDS = ("dress", "boot", "bag", "trousers", "shirt")
COLOURS = {
    "black": (30, 30, 34), "red": (200, 36, 44), "blue": (40, 70, 190), "green": (40, 140, 70),
    "yellow": (230, 200, 50),
}  # fmt: skip
CLASSES = tuple(product(KINDS, COLOURS))
SIDE = 32


def drawing(kind: str, colour: str, seed: int, side: int = 96) -> Image.Image:
    """One product, each seed at another place, size and shade, on another ground."""
    chance = np.random.default_rng((KINDS.index(kind), list(COLOURS).index(colour), seed))
    ground = tuple(int(v) for v in chance.integers(205, 256, 3))
    ink = tuple(int(np.clip(v + chance.normal(0, 12), 0, 255)) for v in COLOURS[colour])
    picture = Image.new("RGB", (side, side), ground)
    scale, left, top = chance.uniform(0.62, 0.9) * side, *(chance.uniform(0.04, 0.12, 2) * side)
    pen = ImageDraw.Draw(picture)

    def shape(*points: float) -> None:
        pen.polygon([(left + x * scale, top + y * scale) for x, y in zip(points[::2], points[1::2], strict=True)], ink)

    if kind == "dress":
        shape(0.35, 0, 0.65, 0, 0.62, 0.4, 0.95, 1, 0.05, 1, 0.38, 0.4)
    elif kind == "boot":
        shape(0.3, 0, 0.62, 0, 0.62, 0.6, 1, 0.8, 1, 1, 0.3, 1)
    elif kind == "bag":
        shape(0.05, 0.4, 0.95, 0.4, 0.9, 0.95, 0.1, 0.95)
        box = [left + 0.3 * scale, top + 0.1 * scale, left + 0.7 * scale, top + 0.7 * scale]
        pen.arc(box, 180, 360, ink, width=max(2, side // 24))
    elif kind == "trousers":
        shape(0.25, 0, 0.75, 0, 0.85, 1, 0.58, 1, 0.5, 0.35, 0.42, 1, 0.15, 1)
    else:
        shape(0.3, 0.05, 0.7, 0.05, 1, 0.3, 0.86, 0.45, 0.72, 0.35, 0.72, 0.95, 0.28, 0.95, 0.28, 0.35, 0.14, 0.45,
              0, 0.3)  # fmt: skip
    return picture


def title(kind: str, colour: str) -> str:
    return f"{colour} {kind}"


def make_model(folder: Path, steps: int = 200, seed: int = 0) -> None:
    """Train a tiny CLIP on drawings of the seeds 0 to 15 and write it into ``folder`` as any checkpoint lies there."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    torch.manual_seed(seed)
    # The end is no token 2: CLIP's configuration reads that as a mark of old checkpoints and pools another place.
    words = ["<pad>", "<eos>", "<bos>", *KINDS, *COLOURS]
    tower = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 1, "num_attention_heads": 4}
    config = CLIPConfig(
        vision_config={**tower, "image_size": SIDE, "patch_size": 8},
        text_config={
            **tower, "vocab_size": len(words), "max_position_embeddings": 8, "pad_token_id": 0, "bos_token_id": 2,
            "eos_token_id": 1,
        },
        projection_dim=32,
    )  # fmt: skip
    model = CLIPModel(config)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}, do_convert_rgb=True
    )
    tokenizer = _tokenizer(words)
    pixels = [_pixels(processor, [drawing(*c, s) for s in range(16)]) for c in CLASSES]
    texts = tokenizer([title(*c) for c in CLASSES], padding=True, return_tensors="pt")
    texts = {k: texts[k] for k in ("input_ids", "attention_mask")}
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    chance = np.random.default_rng(seed)
    for _ in range(steps):
        batch = torch.stack([own[chance.integers(len(own))] for own in pixels])
        loss = model(pixel_values=batch, **texts, return_loss=True).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _pixels(processor, pictures):
    return processor(images=pictures, return_tensors="pt")["pixel_values"]


def _tokenizer(words: list[str]):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    raw.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")
