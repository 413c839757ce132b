"""The files of a checkpoint, changed by somebody who means harm, or by a disk: bytes, JSON, heads of safetensors.

Every function here takes the `draw` of a hypothesis strategy and the files of a folder, name → bytes, and changes
them; it returns a word or two on what it did.
"""

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from peft_core.checkpoints.run_json import RECORD, SEAL, seal_of

Draw = Callable[[st.SearchStrategy], Any]
Files = dict[str, bytes]

HUGE = (2**31, 2**53 + 1, 2**63, 10**18, -(2**63), 10**40, 1e308, -1.0, -1, 0, float("inf"), float("nan"))
WORDS = (
    "", " ", "x", "../../etc/passwd", "/etc/passwd", "<script>alert(1)</script>", "=1+1", "\x00", "\x1b[31mred",
    "\u202e",
    "t5-small", "nan", "(" * 50, "(a+)+$", ".*", "a" * 5000, "\ud83d\ude00", "__import__('os')", "C:\\x", "\r\n\r\n",
)  # fmt: skip
LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats()
    | st.sampled_from(HUGE)
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
VALUE = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
# Keys that some library obeys.
KEYS = (
    "auto_map", "tokenizer_class", "trust_remote_code", "_name_or_path", "quantization_config", "torch_dtype",
    "attn_implementation", "architectures", "model_type", "peft_type", "rank_pattern", "alpha_pattern",
    "target_modules",
    "modules_to_save", "layers_to_transform", "vocab_file", "tokenizer_file", "added_tokens_decoder", "chat_template",
    "format", "origin", "method", "base", "config", "__class__", "extra_special_tokens", "processor_class", "backend",
)  # fmt: skip
OBEYED = (
    {"AutoTokenizer": ["evil.Tokenizer", None], "AutoConfig": "evil.Config"}, "evil--evil.Tokenizer", "LlamaTokenizer",
    "BertTokenizer", "PythonBackend", "MBartTokenizer", "NoSuchTokenizer", {"quant_method": "bitsandbytes"}, "float16",
    "T5Tokenizer", "WhisperTokenizer", "/etc/passwd", {"0": {"content": "<x>"}}, {"load_in_8bit": True},
    "mistral-common",
)  # fmt: skip
DTYPES = (
    "F64",
    "F16",
    "BF16",
    "F32",
    "I8",
    "U8",
    "I64",
    "U64",
    "BOOL",
    "F8_E4M3",
    "F8_E5M2",
    "C64",
    "F4",
    "X",
    "",
    3,
    None,
)


def text_of(value: Any) -> bytes:
    """As a file has it; what is no Unicode is written as an escape."""
    return json.dumps(value).encode()


# ---------------------------------------------------------------------------------------------------------------------
# Bytes


def bytes_changed(draw: Draw, files: Files) -> str:
    """A few bytes are others; the file is cut; something stands behind it; a stretch of it is zero; it is empty."""
    name = draw(st.sampled_from(sorted(files)))
    content = bytearray(files[name])
    how = draw(st.sampled_from(("flipped", "flipped", "cut", "longer", "zeros", "empty", "gone", "twice", "inserted")))
    at = draw(st.integers(0, max(0, len(content) - 1)))
    if how == "flipped":
        for place in (
            draw(st.lists(st.integers(0, max(0, len(content) - 1)), min_size=1, max_size=8)) if content else ()
        ):
            content[place] ^= draw(st.integers(1, 255))
    elif how == "cut":
        del content[at:]
    elif how == "longer":
        content += draw(st.binary(min_size=1, max_size=40))
    elif how == "zeros":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    elif how == "inserted":
        content[at:at] = draw(st.binary(min_size=1, max_size=16))
    elif how == "twice":
        content += bytes(content)
    files[name] = b"" if how == "empty" else bytes(content)
    if how == "gone":
        del files[name]
    return f"{name} {how}"


def exchanged(draw: Draw, files: Files) -> str:
    """One file has the content of another."""
    one, other = (draw(st.sampled_from(sorted(files))) for _ in range(2))
    files[one] = files[other]
    return f"{one} is {other}"


# ---------------------------------------------------------------------------------------------------------------------
# JSON


def _places(value: Any, path: tuple = ()) -> list[tuple]:
    """The paths of what stands in it, of a long list the first few."""
    inside = value.items() if isinstance(value, dict) else enumerate(value[:5]) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, one in list(inside)[:200]:
        found += _places(one, (*path, key))
    return found


def json_changed(draw: Draw, files: Files) -> str:
    """A value of another type, size or depth; a key that is gone, new, twice; digits without end; other letters."""
    name = draw(st.sampled_from([each for each in sorted(files) if each.endswith(".json")] or sorted(files)))
    try:
        whole = json.loads(files[name])
        places = _places(whole)
    except (ValueError, RecursionError):
        return bytes_changed(draw, files)
    if not isinstance(whole, dict) or not places:
        return bytes_changed(draw, files)
    how = draw(
        st.sampled_from(("value", "value", "value", "gone", "new", "renamed", "deep", "long", "written", "obeyed"))
    )
    path = draw(st.sampled_from(places))
    parent = whole
    for key in path[:-1]:
        parent = parent[key]
    if how == "value":
        parent[path[-1]] = draw(VALUE)
    elif how == "gone":
        del parent[path[-1]]
    elif how == "new":
        whole[draw(st.sampled_from(KEYS) | st.text(max_size=12))] = draw(VALUE)
    elif how == "obeyed":
        whole[draw(st.sampled_from(KEYS))] = draw(st.sampled_from(OBEYED))
    elif how == "renamed":
        moved = parent.pop(path[-1])
        if isinstance(parent, dict):
            parent[draw(st.text(max_size=12))] = moved
        else:
            parent.append(moved)
    elif how == "long":
        parent[path[-1]] = draw(st.sampled_from(("x" * 2_000_000, ["x"] * 100_000, {str(n): n for n in range(50_000)})))
    if how == "deep":
        return f"{name}: {'.'.join(map(str, path))} deep {_deep(draw, files, name, whole, parent, path[-1])}"
    if how == "written":
        return f"{name} written {_written(draw, files, name, whole)}"
    _seal(draw, name, whole)
    files[name] = text_of(whole)
    return f"{name}: {'.'.join(map(str, path))[:60]} {how}"


def _seal(draw: Draw, name: str, whole: dict) -> None:
    """A record may be sealed again by whoever changes it: the digest is no secret."""
    if name == RECORD and draw(st.booleans()):
        whole.pop(SEAL, None)
        try:
            whole[SEAL] = seal_of(whole)
        except (ValueError, TypeError):
            pass


def _deep(draw: Draw, files: Files, name: str, whole: dict, parent: Any, key: Any) -> int:
    depth = draw(st.sampled_from((10, 150, 300, 2000, 100_000)))
    mark = "HERE COMES THE DEEP"
    parent[key] = mark
    opening, closing = draw(st.sampled_from((("[", "]"), ('{"a":', "}"))))
    files[name] = text_of(whole).replace(f'"{mark}"'.encode(), (opening * depth + "1" + closing * depth).encode())
    return depth


def _written(draw: Draw, files: Files, name: str, whole: dict) -> str:
    how = draw(st.sampled_from(("utf-16", "bom", "latin", "twice", "digits", "list", "comment", "lone surrogate")))
    text = json.dumps(whole)
    files[name] = {
        "utf-16": lambda: text.encode("utf-16"),
        "bom": lambda: b"\xef\xbb\xbf" + text.encode(),
        "latin": lambda: text.replace(": ", ': "\xe4", "a": ', 1).encode("latin-1"),
        "twice": lambda: (text[:-1] + ", " + text[1:]).encode(),
        "digits": lambda: text.replace(": ", f': {"9" * 6000}, "n": ', 1).encode(),
        "list": lambda: f"[{text}]".encode(),
        "comment": lambda: f"// {name}\n{text}".encode(),
        "lone surrogate": lambda: text.replace(": ", r': "\ud800", "n": ', 1).encode(),
    }[how]()
    return how


# ---------------------------------------------------------------------------------------------------------------------
# Heads of safetensors


def head_changed(draw: Draw, files: Files) -> str:
    """The head of a weights file: names, types, shapes, places, its length, and numbers that are none."""
    name = draw(st.sampled_from([each for each in sorted(files) if each.endswith(".safetensors")] or sorted(files)))
    content = files[name]
    try:
        length = struct.unpack("<Q", content[:8])[0]
        head, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        tensors = [key for key in head if key != "__metadata__"]
        first = draw(st.sampled_from(tensors))
        about = dict(head[first])
        offsets = start, end = tuple(map(int, about["data_offsets"]))
        assert 0 <= start <= end <= len(data)
    except (
        ValueError,
        struct.error,
        RecursionError,
        TypeError,
        LookupError,
        AttributeError,
        OverflowError,
        AssertionError,
    ):
        return bytes_changed(draw, files)  # it was changed before
    how = draw(
        st.sampled_from(
            (
                "name",
                "dtype",
                "shape",
                "sides",
                "offsets",
                "gone",
                "new",
                "metadata",
                "length",
                "numbers",
                "deep",
                "many",
                "raw",
            )
        )
    )
    said = None
    if how == "name":
        head[draw(st.sampled_from((*WORDS, first + ".weight", "base_model.model." + first)))] = head.pop(first)
    elif how == "dtype":
        head[first] = about | {"dtype": draw(st.sampled_from(DTYPES))}
    elif how == "shape":
        head[first] = about | {"shape": draw(VALUE)}
    elif how == "sides":
        head[first] = about | {"shape": draw(st.lists(st.sampled_from((*HUGE, 1, 2, 3, 16, "x", None)), max_size=5))}
    elif how == "offsets":
        head[first] = about | {
            "data_offsets": draw(VALUE | st.lists(st.sampled_from((*HUGE, 8, len(data))), min_size=2, max_size=2))
        }
    elif how == "gone":
        del head[first]
    elif how == "new":
        head[draw(st.text(min_size=1, max_size=30))] = draw(
            VALUE | st.just({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]})
        )
    elif how == "metadata":
        head["__metadata__"] = draw(VALUE)
    elif how == "length":
        said = draw(
            st.sampled_from((0, 1, 7, length - 1, length + 1, len(content), 10**8, 10**8 + 1, 2**63, 2**64 - 1))
        )
    elif how == "numbers":
        bad = draw(st.sampled_from((float("nan"), float("inf"), -float("inf"), 3.4e38, 1e-40)))
        start, end = offsets
        data = data[:start] + struct.pack("<f", bad) * ((end - start) // 4) + bytes((end - start) % 4) + data[end:]
    elif how == "many":
        number = draw(st.sampled_from((2000, 25_000)))
        head |= {f"t{n}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(number)}
    text = text_of(head)
    if how == "deep":
        depth = draw(st.sampled_from((200, 5000, 200_000)))
        text = text[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
    elif how == "raw":
        text = draw(
            st.sampled_from((b"", b"[]", b"null", b"{", text + b"\x00", b" " + text, text[:-1] + b"," + text[1:], b"7"))
        )
    files[name] = struct.pack("<Q", len(text) if said is None else said) + text + data
    return f"{name}: head {how}"


def bound_again(draw: Draw, files: Files) -> str:
    """The record is bound to the weights as they are now: what the digest would notice, the rest has to."""
    weights = [each for each in files if each.endswith(".safetensors")]
    try:
        record = json.loads(files[RECORD])
        record["weights_sha256"] = hashlib.sha256(files[weights[0]]).hexdigest()
        record.pop(SEAL, None)
        record[SEAL] = seal_of(record)
    except (KeyError, IndexError, ValueError, TypeError, RecursionError):
        return ""
    files[RECORD] = text_of(record)
    return "bound again"


CHANGES = (bytes_changed, json_changed, json_changed, head_changed, head_changed, exchanged)


def changed(draw: Draw, files: Files) -> list[str]:
    """One change, sometimes two or three, of the files; what was done."""
    told = []
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        if files:
            told.append(draw(st.sampled_from(CHANGES))(draw, files))
    if RECORD in files and draw(st.booleans()):
        told.append(bound_again(draw, files))
    return [each for each in told if each]
