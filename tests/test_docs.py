"""What the pages in docs/ show as code does what they say."""

import textwrap
from itertools import takewhile

import torch

from peft_core.checkpoints.files import load_checkpoint
from peft_core.checkpoints.listing import find_checkpoint
from peft_core.paths import ROOT
from peft_core.t5.backbone import load_backbone

IDS = torch.tensor([[2023, 3185, 2001, 1037, 1], [1996, 5436, 102, 1, 0]])
MASK = (IDS != 0).long()


def block(page: str, first_line: str) -> str:
    """The indented code of a page that starts with this line."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    after = lines[lines.index(f"    {first_line}") :]
    return textwrap.dedent("\n".join(takewhile(lambda line: not line or line.startswith("    "), after)))


def first_step(model):
    start = IDS.new_zeros(len(IDS), 1)
    with torch.inference_mode():
        return model(input_ids=IDS, attention_mask=MASK, decoder_input_ids=start, use_cache=False).logits.float()


def test_peft_gives_our_logits_with_the_lines_of_the_page_and_others_in_bf16(monkeypatch):
    monkeypatch.chdir(ROOT)
    code = block("checkpoints.md", "import torch")
    logits = {}
    for dtype in (", dtype=torch.float32", ""):
        assert dtype in code
        made = {}
        exec(compile(code.replace(", dtype=torch.float32", dtype), "docs/checkpoints.md", "exec"), made)
        logits[dtype] = first_step(made["model"].eval())
    ours, _ = load_checkpoint(find_checkpoint("lora-8").path, load_backbone("tiny-t5"))
    exact, half = ((theirs - first_step(ours)).abs().max() for theirs in logits.values())
    assert exact < 1e-5
    assert 0.01 < half < 0.1  # the page says: about 0.05
