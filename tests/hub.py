"""A Hugging Face cache as a download leaves it, with a model of T5-small's layout or the reviews of the Hub in it.

What is not as on the Hub is said here: the model has random weights of few dimensions and a vocabulary of a few words,
and the reviews are short. Files, their names and fields, and the class of the tokenizer are as they are published.
"""

import hashlib
import json
import shutil

VERSION = "df1b051c49625cf57a3d0d8d3863ed4cc13564fe"
WORDS = ("a", "the", "film", "was", "plot", "good", "lively", "funny", "bad", "dull", "sad", "negative", "positive")
# As google-t5/t5-small publishes it, but for the sizes in the first line and the tasks it lists.
CONFIG = {
    "d_ff": 24, "d_kv": 4, "d_model": 16, "num_heads": 3, "num_layers": 2, "vocab_size": 128,
    "architectures": ["T5ForConditionalGeneration"], "decoder_start_token_id": 0, "dropout_rate": 0.1,
    "eos_token_id": 1, "initializer_factor": 1.0, "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06,
    "model_type": "t5", "n_positions": 512, "output_past": True, "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "task_specific_params": {"translation_en_to_de": {"max_length": 300, "prefix": "translate English to German: "}},
}  # fmt: skip


def keep(cache, name, files, kind="model"):
    """Put the files of a folder into the cache as the current version of `name`; returns the folder of that version."""
    entry = cache / f"{kind}s--{name.replace('/', '--')}"
    snapshot = entry / "snapshots" / VERSION
    for file in (path for path in files.rglob("*") if path.is_file()):
        blob = entry / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, blob)
        link = snapshot / file.relative_to(files)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (entry / "refs").mkdir(exist_ok=True)
    (entry / "refs" / "main").write_text(VERSION)
    return snapshot


def make_t5_small(folder, **sizes):
    """A folder of the files that T5-small has on the Hub, as far as they are ever read."""
    import torch
    from safetensors.torch import save_file
    from transformers import T5Config, T5Tokenizer

    from peft_core.t5.backbone import untrained_t5

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | sizes, indent=2))
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((f"▁{word}", -2.0) for word in WORDS)]
    T5Tokenizer(vocab=pieces, model_max_length=512).save_pretrained(folder)
    torch.manual_seed(0)
    model = untrained_t5(T5Config.from_pretrained(folder), tied=True)
    tensors = {name: value.clone() for name, value in model.state_dict().items() if "embed" not in name}
    del tensors["lm_head.weight"]
    # the published file has a table that no T5 reads any more
    buckets = tensors["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    tensors["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = buckets.clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    generation = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    (folder / "spiece.model").write_bytes(b"not read where there is tokenizer.json")
    (folder / "pytorch_model.bin").write_bytes(b"never read")
    return folder


def make_imdb(folder, test_size=40):
    """A folder of the files of stanfordnlp/imdb: all 25,000 training rows, for the splits are cut from that many."""
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    for name, size in (("train", 25_000), ("test", test_size), ("unsupervised", 2)):
        labels = [row * 2 // size for row in range(size)]  # the negative ones first
        texts = [f"a {('bad', 'good')[label]} film<br /><br />the plot was {row}" for row, label in enumerate(labels)]
        file = folder / "plain_text" / f"{name}-00000-of-00001.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict({"text": texts, "label": labels}, features=features).to_parquet(file)
    (folder / "README.md").write_text("---\ndataset_info:\n  config_name: plain_text\n---\n")
    return folder
