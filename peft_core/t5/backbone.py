"""The base model: load it with its tokenizer, identify it, copy it cheaply, build its shapes without its weights."""

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from safetensors import SafetensorError
from torch import nn
from torch.overrides import TorchFunctionMode
from transformers import AutoTokenizer, PreTrainedTokenizerBase, T5Config, T5ForConditionalGeneration
from transformers.utils import logging as transformers_logging

from peft_core.errors import PeftClassroomError
from peft_core.hub_cache import is_offline
from peft_core.reviews.splits import LABEL_WORDS
from peft_core.t5.architecture import Architecture, BaseModel, base_model
from peft_core.t5.at_hand import at_hand
from peft_core.t5.identity import Identity, identity
from peft_core.validated import shortened

transformers_logging.disable_progress_bar()  # a bar per loaded model would fill every worker's log


@dataclass(frozen=True)
class Backbone:
    """A loaded base model. `model` is shared: never change it, work on `replica()`."""

    base: BaseModel
    model: T5ForConditionalGeneration
    tokenizer: PreTrainedTokenizerBase
    identity: Identity
    label_ids: tuple[int, int]  # token ids of the two words it answers with, at first "negative" and "positive"

    @property
    def fingerprint(self) -> str:
        """Of the weights alone."""
        return self.identity.weights

    def replica(self) -> T5ForConditionalGeneration:
        """New modules over the same weight tensors: methods can be applied to it, and the memory is paid once.

        Only for methods that freeze the backbone; full fine-tuning needs weights of its own, see `own_copy`.
        """
        shared = {id(t): t for t in (*self.model.parameters(), *self.model.buffers())}
        return _copied(self.model, shared)

    def answering(self, words: Sequence[str]) -> "Backbone":
        """The same model and tokenizer, asked for two other words.

        Raises:
            PeftClassroomError: if they are not two different words of one token each.
        """
        return replace(self, label_ids=label_ids(self.tokenizer, words))

    def own_copy(self) -> T5ForConditionalGeneration:
        """A model with weights of its own, for training."""
        return _copied(self.model, {})


def _copied(module: nn.Module, memo: dict[int, object]) -> nn.Module:
    """`copy.deepcopy(module, memo)` in a tenth of the time: most of what a module holds are empty tables of hooks."""
    if id(module) in memo:
        return memo[id(module)]
    memo[id(module)] = new = module.__new__(type(module))
    for name, value in vars(module).items():
        if name == "_modules":
            value = {name: child and _copied(child, memo) for name, child in value.items()}
        else:
            value = type(value)() if isinstance(value, dict) and not value else copy.deepcopy(value, memo)
        new.__dict__[name] = value
    return new


def load_backbone(name: str, prefix: str | None = None) -> Backbone:
    """The base model `name` in fp32 on the CPU, frozen, in evaluation mode.

    Bundled models and folders never touch the network; others come from the Hugging Face cache or the Hub.

    Args:
        prefix: the words put in front of a review, where a checkpoint was trained with others than this base has.

    Raises:
        PeftClassroomError: if the model is unknown, neither cached nor reachable, damaged or incomplete, or its label
            words are not one token each.
    """
    base = base_model(name)
    if prefix is not None:
        base = replace(base, prefix=prefix)
    model, tokenizer = _from_disk_or_hub(base)
    model.requires_grad_(False)
    model.eval()
    return Backbone(base, model, tokenizer, identity(model, tokenizer), label_ids(tokenizer))


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of the base model `name` alone: which words are one token.

    Raises:
        PeftClassroomError: if the model is unknown, or neither on this computer nor reachable.
    """
    base = base_model(name)
    source, local = _source(base)
    try:
        return AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False)
    except DAMAGE as error:
        raise _unreadable(source, error) from error


def _from_disk_or_hub(base: BaseModel) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    source, local = _source(base)
    try:
        return _load(source, local)
    except DAMAGE as error:
        if local or not isinstance(error, OSError):
            raise _unreadable(source, error) from error
        if "safetensors" in str(error):
            raise PeftClassroomError(
                f"{source} has no weights in safetensors files, and nothing is unpickled here. "
                "Load it once with transformers, save_pretrained(FOLDER), and give the folder."
            ) from error
        raise PeftClassroomError(f"The Hub could not be reached. {at_hand(base).problem}") from error


def _source(base: BaseModel) -> tuple[str, bool]:
    """What the library is to load: a folder of this computer and True, or an id on the Hub and False.

    Raises:
        PeftClassroomError: if it cannot be loaded from here, and the Hub has not got it or may not be asked.
    """
    here = at_hand(base)
    if here.problem is None:
        return str(here.folder), True
    if base.bundled or is_offline():
        raise PeftClassroomError(here.problem)
    return base.source, False


# What the library raises for a folder whose files are missing, damaged, or do not fit one another.
DAMAGE = (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError)
# While it loads, the library switches the tying of weights off for the whole process; of two threads one leaves it off.
ONE_AT_A_TIME, TIE = threading.Lock(), T5ForConditionalGeneration.tie_weights


def _load(source: str, local: bool) -> tuple[T5ForConditionalGeneration, PreTrainedTokenizerBase]:
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local, trust_remote_code=False)
    with ONE_AT_A_TIME:
        model, told = T5ForConditionalGeneration.from_pretrained(
            source,
            local_files_only=local,
            dtype=torch.float32,
            use_safetensors=True,
            attn_implementation="eager",  # `training/device.py` chooses another where it suits the device
            output_loading_info=True,
        )
    if missing := sorted(told["missing_keys"]):  # the library would draw them at random
        raise PeftClassroomError(
            f"The base model in {source} lacks {len(missing)} tensors that its config.json asks for (first: "
            f"{missing[0]}). Restore its files."
        )
    broken = (name for name, parameter in model.named_parameters() if not torch.isfinite(parameter).all())
    if name := next(broken, None):
        raise PeftClassroomError(
            f"The base model in {source}: tensor {name} holds values that are not finite numbers. Restore it."
        )
    return model, tokenizer


def _unreadable(source: str, error: Exception) -> PeftClassroomError:
    reason = (str(error).strip().splitlines() or [""])[0] or type(error).__name__
    return PeftClassroomError(f"The base model in {source} cannot be read ({shortened(reason)}). Restore its files.")


def label_ids(tokenizer: PreTrainedTokenizerBase, words: Sequence[str] = LABEL_WORDS) -> tuple[int, int]:
    """Token ids of the label words; one decoder step can only score words that are a single token.

    Raises:
        PeftClassroomError: if a label word is split into pieces, or the two are one token.
    """
    ids = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    if any(len(pieces) != 1 for pieces in ids):
        raise PeftClassroomError(f"This base model's tokenizer splits the label words {' and '.join(words)}.")
    if ids[0] == ids[1]:
        raise PeftClassroomError(f"This base model's tokenizer does not tell {' and '.join(words)} apart.")
    return ids[0][0], ids[1][0]


def hf_config(architecture: Architecture, **overrides) -> T5Config:
    """The Transformers configuration of these shapes."""
    a = architecture
    return T5Config(
        **{
            "vocab_size": a.vocab_size,
            "d_model": a.d_model,
            "d_kv": a.d_kv,
            "d_ff": a.d_ff,
            "num_heads": a.num_heads,
            "num_layers": a.encoder_layers,
            "num_decoder_layers": a.decoder_layers,
            "feed_forward_proj": "gated-gelu" if a.gated else "relu",
            "relative_attention_num_buckets": a.relative_attention_num_buckets,
            "tie_word_embeddings": a.tied,
            "decoder_start_token_id": 0,
            **overrides,
        }
    )


class WithoutValues(TorchFunctionMode):
    """Leaves out drawing the values of tensors on the meta device: they have none, and it is a third of the work.

    For this thread alone. The library's own `no_init_weights` changes torch for all threads: another one that builds a
    real layer meanwhile would be left with random memory.
    """

    draws = frozenset({nn.init.kaiming_uniform_, nn.init.uniform_, nn.init.normal_, nn.init.constant_})

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self.draws and (tensor := args[0] if args else kwargs["tensor"]).is_meta:
            return tensor
        return func(*args, **kwargs)


def build_on_meta(architecture: Architecture) -> T5ForConditionalGeneration:
    """The real model class with real shapes and no weights: T5-11b takes a twentieth of a second and no memory."""
    with torch.device("meta"), WithoutValues():
        return untrained_t5(hf_config(architecture), architecture.tied)


def untrained_t5(config: T5Config, tied: bool) -> T5ForConditionalGeneration:
    """A T5 as it is before training; `tied`: its output layer is the token embedding.

    The library ties every T5 that it builds, also where the configuration says otherwise, and unties one when it loads
    two different tables. What it then leaves is what is left here.
    """
    model = T5ForConditionalGeneration(config)
    TIE(model)  # another thread may be loading at this moment
    if not tied:
        model.lm_head.weight = nn.Parameter(torch.empty_like(model.shared.weight))
        nn.init.normal_(model.lm_head.weight, std=config.initializer_factor)
        del model.all_tied_weights_keys["lm_head.weight"]
    return model


def first_step_hidden(model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor):
    """One decoder step: (logits (batch, vocabulary), last hidden state (batch, d_model)).

    The label is one word, so one step from the start token says everything `generate()` would say first.
    """
    start = input_ids.new_full((len(input_ids), 1), model.config.decoder_start_token_id)
    out = model(
        input_ids=input_ids,
        attention_mask=attention_mask,
        decoder_input_ids=start,
        use_cache=False,
        output_hidden_states=True,
    )
    return out.logits[:, 0], out.decoder_hidden_states[-1][:, 0]


def label_logits(
    model: nn.Module, input_ids: torch.Tensor, attention_mask: torch.Tensor, label_ids: tuple[int, int]
) -> torch.Tensor:
    """fp32 logits of the label words, shape (batch, 2), columns negative and positive.

    The last product is redone in fp32: in bf16 two logits near 10 are told apart only in steps of 0.06.
    """
    _, hidden = first_step_hidden(model, input_ids, attention_mask)
    return logits_of_hidden(model, hidden, label_ids)


def logits_of_hidden(model: nn.Module, hidden: torch.Tensor, label_ids: tuple[int, int]) -> torch.Tensor:
    """The same from the decoder's last hidden state at its start token, (batch, d_model)."""
    rows = model.lm_head.weight
    words = torch.stack([rows[one] for one in label_ids]).float()  # a list of numbers would be copied to the device
    scale = model.config.d_model**-0.5 if model.config.scale_decoder_outputs else 1.0
    with torch.autocast(hidden.device.type, enabled=False):
        return (hidden.float() * scale) @ words.T
