"""A shop's pictures seen: where they are looked for, what is listed, what is not seen twice."""

import json
from pathlib import Path

import numpy as np
import pytest

from shopping_assistant.finetune import images
from shopping_assistant.finetune.build import build
from shopping_assistant.finetune.images import ImageChoiceError, ShopPictures
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.image_encoder import ImageEncoder, ImageEncoderError
from shopping_assistant.tools.image_index import DESCRIPTION, ImageIndex, ImageIndexError, encoder_of
from shopping_assistant.tools.importers import import_source
from shopping_assistant.tools.stock_changes import remove_products
from shopping_assistant.tools.store import Store
from tests.tools.tiny_pictures import CLASSES, drawing, title

ONE_EACH = [(*c, f"{i:03}") for i, c in enumerate(CLASSES)]


def shop(folder: Path, urls: dict[str, str] | None = None) -> Store:
    """One product of each kind and colour; ``urls`` gives some an image_url."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.create(folder / "store", name="Drawn")
    products = [
        Product(pid, title(kind, colour), category=kind, color=colour, image_url=(urls or {}).get(pid))
        for kind, colour, pid in ONE_EACH
    ]
    store.write_catalog(Catalog.from_products(products))
    return store


def draw_into(folder: Path, ending: str = ".png", seed: int = 50) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, colour, pid in ONE_EACH:
        drawing(kind, colour, seed).save(folder / f"{pid}{ending}")
    return folder


def built(store: Store):
    (report,) = build(Store.open(store.path), only=("images",))
    return report


@pytest.mark.parametrize("layout", ["beside", "under pictures", "by id", "by H&M's folders", "of the web"])
def test_pictures_are_found_where_shops_keep_them(layout, tmp_path, tiny_clip):
    where = tmp_path / "pictures"
    if layout == "by H&M's folders":
        for kind, colour, pid in ONE_EACH:
            draw = where / pid[:3]
            draw.mkdir(parents=True, exist_ok=True)
            drawing(kind, colour, 50).save(draw / f"{pid}.jpg")
    else:
        draw_into(where / "large" if layout == "of the web" else where)
    urls = {
        "beside": "pictures/{}.png", "under pictures": "{}.png", "of the web": "https://example.com/large/{}.png?w=9",
    }.get(layout)  # fmt: skip
    if layout == "beside":
        lines = [f"{pid},{title(k, c)},{urls.format(pid)}" for k, c, pid in ONE_EACH]
        (tmp_path / "products.csv").write_text("\n".join(["product_id,title,image_url", *lines]))
        import_source("csv", tmp_path / "products.csv", tmp_path / "store")
        store = Store.open(tmp_path / "store")
    else:
        store = shop(tmp_path, {pid: urls.format(pid) for *_, pid in ONE_EACH} if urls else None)
    images.choose(store, str(tiny_clip), None if layout == "beside" else where)
    report = built(store)
    assert report.outcome == "made" and report.figures["pictures"] == len(ONE_EACH), report
    assert Store.open(store.path).damaged() == []
    assert built(store).outcome == "fresh"


def test_a_photo_finds_its_product_also_where_a_title_stands_in(tmp_path, tiny_clip):
    """Half of the products have pictures. Chance of the first place is 0.04."""
    where = draw_into(tmp_path / "pictures")
    for _, _, pid in ONE_EACH[::2]:
        (where / f"{pid}.png").unlink()
    store = shop(tmp_path)
    images.choose(store, str(tiny_clip), where)
    figures = built(store).figures
    assert figures["titles in their place"] == 13 and figures["pictures"] == 12
    store = Store.open(store.path)
    index, catalog = ImageIndex.open(store), store.catalog()
    photos = encoder_of(store, index).encode([drawing(k, c, 300) for k, c, _ in ONE_EACH])
    places = index.places(catalog)
    best = [int(np.nanargmax(index.likeness(p, places, len(catalog)))) for p in photos]
    right = np.array([catalog.ids[row] == pid for row, (*_, pid) in zip(best, ONE_EACH, strict=True)])
    assert right[::2].mean() > 0.4 and right[1::2].mean() > 0.4, (right[::2].mean(), right[1::2].mean())


def test_without_a_model_or_pictures_the_step_says_why_it_is_skipped(tmp_path, tiny_clip):
    store = shop(tmp_path)
    report = built(store)
    assert report.outcome == "skipped" and "--image-encoder" in report.why
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    sees = tmp_path / "vit"
    ViTModel(
        ViTConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=32)
    ).save_pretrained(sees)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(sees)
    images.choose(store, str(sees), None)
    report = built(store)
    assert report.outcome == "skipped" and "no product has a picture" in report.why and "--pictures" in report.why


def test_what_cannot_be_read_or_lies_elsewhere_is_listed_and_nothing_is_fetched(tmp_path, tiny_clip, monkeypatch):
    where = draw_into(tmp_path / "pictures")
    (where / "003.png").write_bytes(b"no picture")
    (where / "004.png").write_bytes((where / "004.png").read_bytes()[:200])
    (where / "005.png").unlink()
    secret = tmp_path / "secret.png"
    drawing("bag", "red", 1).save(secret)
    (where / "006.png").unlink()
    (where / "006.png").symlink_to(secret)
    (where / "007.png").unlink()
    (where / "008.png").unlink()
    urls = {
        "005": "https://example.com/a/b/c.png", "007": secret.as_uri(), "008": "../secret.png", "006": "006.png",
        "009": "file:" + str(where / "009.png"), "010": "x" * 5000, "011": "a\0b",
    }  # fmt: skip
    import socket

    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: pytest.fail("a request"))
    monkeypatch.setattr(socket.socket, "connect", lambda *a, **k: pytest.fail("a request"))
    store = shop(tmp_path, urls)
    images.choose(store, str(tiny_clip), where)
    report = built(store)
    described = json.loads((store.model_dir("images") / DESCRIPTION).read_text())
    assert [u["product_id"] for u in described["unreadable"]] == ["003", "004"]
    assert {u["product_id"] for u in described["not_here"]} == {"005", "006", "007", "008"}
    assert report.figures["pictures"] == 25 - 6 and report.figures["titles in their place"] == 6
    assert DESCRIPTION in report.why and "on the web" in report.why


def test_only_what_is_new_is_seen_and_an_interrupted_build_goes_on(tmp_path, tiny_clip, monkeypatch):
    where = draw_into(tmp_path / "pictures")
    store = shop(tmp_path)
    images.choose(store, str(tiny_clip), where)
    monkeypatch.setattr(images, "BLOCK", 5)

    def interrupted(done, of):
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ShopPictures(Store.open(store.path)).make(interrupted)
    assert not Store.open(store.path).has("images")
    seen = []
    ShopPictures(Store.open(store.path)).make(lambda done, of: seen.append(done))
    assert seen == [15, 20, 25]
    assert not list((store.path / "models").glob(".images*"))
    drawing("dress", "green", 77).save(where / "000.png")
    seen.clear()
    ShopPictures(Store.open(store.path)).make(lambda done, of: seen.append(done))
    assert seen == [25]


def test_a_changed_picture_or_product_is_noticed_by_the_next_build(tmp_path, tiny_clip):
    where = draw_into(tmp_path / "pictures")
    store = shop(tmp_path)
    images.choose(store, str(tiny_clip), where)
    assert built(store).outcome == "made"
    drawing("shirt", "yellow", 3).save(where / "001.png")
    assert built(store).outcome == "made" and built(store).outcome == "fresh"
    remove_products(["002"], store.path)
    report = built(store)
    assert report.outcome == "made" and report.figures["pictures"] == 24


def test_another_model_under_the_same_name_is_refused_until_the_next_build(tmp_path, tiny_clip):
    import shutil

    import torch
    from transformers import CLIPModel

    shutil.copytree(tiny_clip, tmp_path / "model")
    store = shop(tmp_path)
    images.choose(store, str(tmp_path / "model"), draw_into(tmp_path / "pictures"))
    built(store)
    model = CLIPModel.from_pretrained(tmp_path / "model")
    with torch.no_grad():
        model.visual_projection.weight.mul_(-1)
    model.save_pretrained(tmp_path / "model")
    opened = Store.open(store.path)
    with pytest.raises(ImageIndexError, match="another model"):
        encoder_of(opened, ImageIndex.open(opened))
    assert built(store).outcome == "made"
    opened = Store.open(store.path)
    assert isinstance(encoder_of(opened, ImageIndex.open(opened)), ImageEncoder)
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ImageEncoderError):
        encoder_of(opened, ImageIndex.open(opened))


def test_a_model_inside_the_store_travels_with_it(tmp_path, tiny_clip):
    import shutil

    store = shop(tmp_path)
    shutil.copytree(tiny_clip, store.path / "image-model")
    images.choose(store, "image-model", draw_into(tmp_path / "pictures"))
    built(store)
    store.path.rename(tmp_path / "elsewhere")
    moved = Store.open(tmp_path / "elsewhere")
    assert encoder_of(moved, ImageIndex.open(moved)).dim == ImageIndex.open(moved).vectors.shape[1]


def test_a_choice_that_cannot_be_is_refused(tmp_path):
    store = shop(tmp_path)
    with pytest.raises(ImageChoiceError, match="no folder"):
        images.choose(store, "openai/some-clip", tmp_path / "nowhere")
    with pytest.raises(ImageChoiceError, match="--image-encoder"):
        images.choose(store, None, tmp_path)
    assert Store.open(store.path).image_choice == {}


def test_an_encoder_can_be_given_up(tmp_path, tiny_clip):
    store = shop(tmp_path)
    images.choose(store, str(tiny_clip), draw_into(tmp_path / "pictures"))
    assert built(store).outcome == "made"
    images.choose(store, "none", None)
    assert Store.open(store.path).image_choice == {} and built(store).outcome == "skipped"


def test_a_damaged_index_is_refused_with_what_to_do(tmp_path, tiny_clip):
    store = shop(tmp_path)
    images.choose(store, str(tiny_clip), draw_into(tmp_path / "pictures"))
    built(store)
    (store.model_dir("images") / "vectors.safetensors").write_bytes(b"cut off")
    with pytest.raises(ImageIndexError, match="shop build --only images"):
        ImageIndex.open(Store.open(store.path))
