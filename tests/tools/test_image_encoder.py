"""Real checkpoints of transformers, made here: what is loaded, what is refused, and that what was learned is found."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from shopping_assistant.tools.image_encoder import ImageEncoder, ImageEncoderError
from tests.tools.tiny_pictures import CLASSES, COLOURS, KINDS, SIDE, drawing, title


@pytest.fixture(scope="module")
def encoder(tiny_clip) -> ImageEncoder:
    return ImageEncoder.load(str(tiny_clip), local=True)


def test_pictures_never_seen_find_their_like(encoder):
    """Chance is one in 25: 0.04."""
    shelf = [(c, seed) for c in CLASSES for seed in (100, 101, 102)]
    vectors = encoder.encode([drawing(*c, seed) for c, seed in shelf])
    asked = encoder.encode([drawing(*c, 200) for c in CLASSES])
    best = np.argsort(-(asked @ vectors.T), axis=1)[:, :3]
    right = np.mean([[shelf[i][0] == c for i in row] for c, row in zip(CLASSES, best, strict=True)])
    assert right > 0.6, f"precision@3 {right:.2f}"


def test_titles_stand_among_the_pictures(encoder):
    """Chance is 0.04."""
    titles = encoder.encode_texts([title(*c) for c in CLASSES])
    asked = encoder.encode([drawing(*c, 201) for c in CLASSES])
    right = np.mean(np.argmax(asked @ titles.T, axis=1) == np.arange(len(CLASSES)))
    assert right > 0.6, f"right titles {right:.2f}"


def test_vectors_are_unit_rows_whatever_the_batch(encoder):
    pictures = [drawing(kind, colour, 7) for kind in KINDS[:2] for colour in COLOURS]
    told = []
    vectors = encoder.encode(pictures, batch=3, progress=lambda done, of: told.append((done, of)))
    assert vectors.dtype == np.float32 and vectors.shape == (10, encoder.dim)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(vectors, encoder.encode(pictures), atol=1e-5)
    assert told == [(3, 10), (6, 10), (9, 10), (10, 10)]
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_the_same_model_has_the_same_probe_and_other_weights_have_not(tiny_clip, tmp_path, encoder):
    assert ImageEncoder.load(str(tiny_clip), local=True).probe @ encoder.probe > 0.9999
    from transformers import CLIPModel

    other = CLIPModel.from_pretrained(tiny_clip)
    with torch.no_grad():
        other.visual_projection.weight.copy_(torch.randn(other.visual_projection.weight.shape))
    shutil.copytree(tiny_clip, tmp_path / "other")
    other.save_pretrained(tmp_path / "other")
    assert ImageEncoder.load(str(tmp_path / "other"), local=True).probe @ encoder.probe < 0.9


def test_without_its_text_side_it_sees_the_same(tiny_clip, encoder):
    sees = ImageEncoder.load(str(tiny_clip), local=True, with_texts=False)
    assert not sees.reads and encoder.reads
    assert np.allclose(sees.probe, encoder.probe, atol=1e-6)
    with pytest.raises(ImageEncoderError, match="reads no text"):
        sees.encode_texts(["red boot"])


def test_siglip_and_a_plain_vision_model_are_loaded_too(tmp_path):
    from transformers import (
        SiglipConfig,
        SiglipImageProcessorPil,
        SiglipModel,
        ViTConfig,
        ViTImageProcessorPil,
        ViTModel,
    )

    tower = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    seen = {**tower, "image_size": SIDE, "patch_size": 8}
    size = {"height": SIDE, "width": SIDE}
    SiglipModel(SiglipConfig(vision_config=seen, text_config={**tower, "vocab_size": 40})).save_pretrained(
        tmp_path / "siglip"
    )
    SiglipImageProcessorPil(size=size).save_pretrained(tmp_path / "siglip")
    ViTModel(ViTConfig(**seen)).save_pretrained(tmp_path / "vit")
    ViTImageProcessorPil(size=size).save_pretrained(tmp_path / "vit")
    for name in ("siglip", "vit"):
        encoder = ImageEncoder.load(str(tmp_path / name), local=True)
        assert encoder.encode([drawing("bag", "red", 1)]).shape == (1, 16) and not encoder.reads


def _no_checkpoint(folder: Path, tiny: Path) -> None:
    (folder / "readme.txt").write_text("nothing here")


def _pickled(folder: Path, tiny: Path) -> None:
    from transformers import CLIPModel

    shutil.copytree(tiny, folder, dirs_exist_ok=True)
    torch.save(CLIPModel.from_pretrained(tiny).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def _of_words(folder: Path, tiny: Path) -> None:
    from transformers import BertConfig, BertModel

    shutil.copy(tiny / "preprocessor_config.json", folder)
    config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1)
    BertModel(config).save_pretrained(folder)


def _with_code(folder: Path, tiny: Path) -> None:
    brought = {"AutoConfig": "code.C", "AutoModel": "code.M"}
    (folder / "config.json").write_text(json.dumps({"model_type": "ours", "auto_map": brought}))
    (folder / "code.py").write_text("open('ran', 'w')")
    (folder / "preprocessor_config.json").write_bytes((tiny / "preprocessor_config.json").read_bytes())


def _lacking(folder: Path, tiny: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny, folder, dirs_exist_ok=True)
    weights = load_file(folder / "model.safetensors")
    save_file(
        {k: w for k, w in weights.items() if "visual_projection" not in k}, folder / "model.safetensors",
        metadata={"format": "pt"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "made, told",
    [(_no_checkpoint, "cannot be loaded"), (_pickled, "safetensors"), (_of_words, "sees no pictures"),
     (_with_code, "cannot be loaded"), (_lacking, "lacks 1 of its weights")],
    ids=["nothing", "pickled", "words only", "own code", "lacking"],
)  # fmt: skip
def test_what_is_no_encoder_is_refused_with_its_reason(made, told, tmp_path, tiny_clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    made(tmp_path / "model", tiny_clip)
    with pytest.raises(ImageEncoderError, match=told):
        ImageEncoder.load(str(tmp_path / "model"), local=True)
    assert not (tmp_path / "ran").exists()


def test_a_name_that_is_not_on_this_machine_is_refused_without_a_request():
    with pytest.raises(ImageEncoderError, match="openai/not-a-model"):
        ImageEncoder.load("openai/not-a-model", local=True)
