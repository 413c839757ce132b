"""SVD as motion: two lengths and two angles by hand make the matrix again; a picture's numbers are NumPy's."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from app.kit.drawn.svd_parts import number
from app.kit.formats import percent
from app.rank_lab.motion.by_hand import turned
from app.rank_lab.motion.pictures import MOST_MEGABYTES, NAMES, SIDE, decomposed, greys, shipped
from app.rank_lab.motion.section import PRESETS
from peft_core.errors import PeftClassroomError

entry = st.integers(-30, 30).map(lambda tenths: tenths / 10)


def turn(degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@given(entry, entry, entry, entry)
def test_turned_stretched_and_turned_again_is_the_matrix(a, b, c, d):
    moved = turned(a, b, c, d)
    first, second = moved.sigmas
    sign = -1 if moved.mirrored else 1
    again = turn(moved.alpha) @ np.diag([first, sign * second]) @ turn(-moved.beta)
    assert again == pytest.approx(np.array([[a, b], [c, d]]), abs=1e-9)
    assert np.linalg.svd([[a, b], [c, d]], compute_uv=False) == pytest.approx([first, second], abs=1e-9)


def test_the_presets_are_what_they_are_called():
    moved = {name: turned(*entries) for name, entries in PRESETS.items()}
    assert moved["rotation"].sigmas == pytest.approx((1, 1)) and not moved["rotation"].mirrored
    assert moved["mirror"].sigmas == pytest.approx((1, 1)) and moved["mirror"].mirrored
    assert moved["one"].sigmas[1] == pytest.approx(0) and moved["one"].energy == pytest.approx(1)


def test_the_page_says_of_a_matrix_what_numpy_says(open_page, checked_charts):
    app = open_page("rank_lab", lab="motion", two_a="0.5", two_b="-2", two_c="1", two_d="0.3")
    sigmas = np.linalg.svd([[0.5, -2], [1, 0.3]], compute_uv=False)
    words = " ".join(m.value for m in app.markdown)
    assert f"says {number(sigmas[0])} and {number(sigmas[1])}, too" in words
    assert f"**{percent(sigmas[0] ** 2 / (sigmas**2).sum())}** of the" in words
    app.get_by_key("motion_shear").click().run()
    assert (app.query_params["two_b"], app.get_by_key("two_d").value) == ("1.0", 1.0)
    app = open_page("rank_lab", lab="motion", two_a="99")
    assert app.get_by_key("two_a").value == 3 and "not possible" in app.info[0].value


def test_the_photograph_and_the_update_keep_what_numpy_says(open_page, checked_charts):
    from safetensors.numpy import load_file

    from peft_core.paths import SHIPPED_CHECKPOINTS

    app = open_page("rank_lab", lab="motion", motion="photograph", delta_of="lora-8", photo="flower", photo_rank="2")
    assert not app.exception and not app.error
    picture = shipped("flower")
    squares = np.linalg.svd(picture.u * picture.sigmas @ picture.vt, compute_uv=False) ** 2
    tensors = load_file(SHIPPED_CHECKPOINTS / "lora-8" / "adapter_model.safetensors")
    kept = []
    for name in (name for name in tensors if "lora_B" in name):
        sigmas = np.linalg.svd(tensors[name] @ tensors[name.replace("lora_B", "lora_A")], compute_uv=False) ** 2
        kept += [sigmas[:2].sum() / sigmas.sum()] if sigmas.any() else []
    words = " ".join(m.value for m in app.markdown)
    assert f"k = 2 keeps {percent(squares[:2].sum() / squares.sum())} of the photograph" in words
    assert f"{percent(min(kept))} to {percent(max(kept))}" in words
    assert len(app.get("image")) == 2


# ---------------------------------------------------------------------------------------------------------------------
# Pictures


@pytest.mark.parametrize("name", NAMES)
def test_all_terms_make_the_photograph_and_one_makes_less(name):
    picture = shipped(name)
    assert max(picture.shape) == SIDE
    whole = picture.at_rank(len(picture.sigmas)).astype(float)
    exact = picture.mean + (picture.u * picture.sigmas) @ picture.vt
    assert abs(whole - exact).max() <= 0.5 + 1e-6
    assert np.linalg.matrix_rank(exact - picture.mean, tol=1e-6) > 100


def written(kind: str, size=(40, 30), mode: str = "RGB", **how) -> BytesIO:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(pixels[..., 0] if mode == "L" else pixels).save(file, kind, **how)
    file.seek(0)
    return file


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_ones_own_becomes_greys(kind):
    found = greys(written(kind, (600, 300)))
    assert found.shape == (SIDE // 2, SIDE) and 0 <= found.min() < found.max() <= 255
    assert decomposed(found).mean == pytest.approx(found.mean())


def test_what_is_transparent_is_white_and_a_phone_s_picture_stands_upright():
    clear = BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear, "PNG")
    clear.seek(0)
    assert greys(clear).min() == 255
    turned_by_phone = Image.Exif()
    turned_by_phone[0x0112] = 6
    assert greys(written("JPEG", (40, 30), exif=turned_by_phone)).shape == (40, 30)


def bomb(side: int) -> BytesIO:
    """A PNG that says it has side × side pixels, in a hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return BytesIO(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (bomb(5_100), "million pixels"),
        (bomb(12_000), "million pixels"),
        (bomb(60_000), "million pixels"),
        (BytesIO(written("PNG").getvalue()[:300]), "cannot be read"),
        (BytesIO(b""), "cannot be read"),
        (BytesIO(b"<svg onload='alert(1)'/>"), "cannot be read"),
        (written("GIF", mode="L"), "cannot be read"),
        (written("PNG", (50, 1)), "single line"),
        (BytesIO(bytes(MOST_MEGABYTES * 1_000_000 + 1)), "larger than"),
    ],
    ids=["pixels", "warned", "refused", "cut", "empty", "svg", "gif", "line", "large"],
)
def test_what_is_no_picture_is_a_sentence(file, said):
    with pytest.raises(PeftClassroomError, match=said) as refused:
        greys(file)
    assert "onload" not in str(refused.value)
