"""Two threads of one process: loading one model does not untie another, nor break every load after it."""

import time
from concurrent.futures import ThreadPoolExecutor

from transformers import T5ForConditionalGeneration

from peft_core.t5.backbone import build_on_meta, load_backbone
from tests.cases import TINY


def test_models_are_loaded_one_at_a_time(monkeypatch, base_folder):
    inside, most = [], []
    load = T5ForConditionalGeneration.from_pretrained

    def slowly(*arguments, **named):
        inside.append(None)
        most.append(len(inside))
        time.sleep(0.02)
        try:
            return load(*arguments, **named)
        finally:
            inside.pop()

    monkeypatch.setattr(T5ForConditionalGeneration, "from_pretrained", slowly)
    with ThreadPoolExecutor(3) as threads:
        loaded = list(threads.map(load_backbone, [str(base_folder)] * 3))
    assert max(most) == 1
    assert all(one.model.lm_head.weight is one.model.shared.weight for one in loaded)


def test_a_model_that_is_built_while_another_is_loaded_is_tied(monkeypatch):
    numbers = sum(p.numel() for p in build_on_meta(TINY).parameters())
    monkeypatch.setattr(T5ForConditionalGeneration, "tie_weights", lambda *rest, **named: None)  # as it loads
    assert sum(p.numel() for p in build_on_meta(TINY).parameters()) == numbers
