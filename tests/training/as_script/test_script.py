"""The scripts for other libraries: they say what the configuration says, and they run and give the same counts."""

import ast
import json
import shlex
import subprocess
import sys

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peft_core.config import RunConfig, TrainConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import AdapterConfig
from peft_core.methods.full.method import FullConfig
from peft_core.methods.lora.method import LoraConfig
from peft_core.methods.soft_prompt.method import SoftPromptConfig
from peft_core.reviews.config import DataConfig
from peft_core.t5.architecture import base_model
from peft_core.training.as_script.script import libraries, notebook, packages, script
from peft_core.training.as_script.written_out import command, literal
from tests.cases import every_config

DATA = DataConfig(train_size=96, max_length=48, test_size=38)
TRAIN = TrainConfig(epochs=3, batch_size=8, learning_rate=0.0125, max_seconds=77, seed=12345)
SETTINGS = {
    "TRAIN_REVIEWS": 96, "TEST_REVIEWS": 38, "MAX_LENGTH": 48, "EPOCHS": 3, "BATCH_SIZE": 8, "LEARNING_RATE": 0.0125,
    "MAX_SECONDS": 77, "SEED": 12345, "WARMUP": 0.06,
}  # fmt: skip


def of(method, base="tiny-t5", data=DATA, train=TRAIN) -> RunConfig:
    return RunConfig(base=base, method=method, data=data, train=train)


def constants(source: str) -> dict:
    """What the script assigns at its top level, as far as it is plain data or a quotient of two numbers."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and not any(isinstance(n, ast.Call) for n in ast.walk(node.value)):
            target, pairs = node.targets[0], [(node.targets[0], node.value)]
            if isinstance(target, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
            found |= {ast.unparse(name): number(value) for name, value in pairs}
    return found


def number(node: ast.expr) -> object:
    """A literal, or the quotient of two; a name otherwise."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return ast.literal_eval(node.left) / ast.literal_eval(node.right)
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.IfExp) else ast.literal_eval(node)


def arguments(source: str, call: str) -> dict:
    """The keyword arguments of the first call of `call`, as source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == call:
            return {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    raise AssertionError(f"{call} is not called")


def config_of(source: str) -> RunConfig:
    """The configuration that the script for peft_core builds."""
    namespace = {}
    body = ast.parse(source).body
    settings = [
        node
        for node in body
        if (isinstance(node, ast.ImportFrom) and node.module in ("peft_core", "pathlib"))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("config", "OUT"))
    ]
    exec(compile(ast.Module(settings, []), "script", "exec"), namespace)
    return namespace["config"]


# -- what a script says ----------------------------------------------------------------------------------------------
@every_config
@pytest.mark.parametrize("base", ["tiny-t5", "t5-small"])
def test_every_script_compiles_and_has_the_settings(config, base):
    for library in libraries(config):
        source = script(of(config, base), library)
        compile(source, f"{library}.py", "exec")
        assert max(map(len, source.splitlines())) <= 70
        if library == "peft_core":
            assert config_of(source) == of(config, base)
        else:
            found = constants(source)
            assert SETTINGS.items() <= found.items()
            assert found["BASE"] == ("google-t5/t5-small" if base == "t5-small" else "checkpoints/base/tiny-t5")
            assert found["PREFIX"] == base_model(base).prefix
            assert ("load_dataset" in source) == (base == "t5-small")
            for requirement in packages(of(config, base), library):
                assert requirement in source


@every_config
def test_the_style_is_this_projects(config, tmp_path):
    for library in libraries(config):
        for base in ("tiny-t5", "t5-small"):
            (tmp_path / f"{library}_{base.replace('-', '_')}.py").write_text(script(of(config, base), library))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "E,F,I,UP", "--quiet"]
    done = subprocess.run([*ruff, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@every_config
def test_a_notebook_is_valid_and_holds_the_same_code(config):
    for library in libraries(config):
        source = script(of(config), library)
        written = notebook(source)
        assert written == notebook(source)
        made = nbformat.reads(written, as_version=4)
        nbformat.validate(made)
        cells = [(cell["cell_type"], cell["source"]) for cell in made.cells]
        assert [kind for kind, _ in cells] == ["markdown"] + ["markdown", "code"] * ((len(cells) - 1) // 2)
        headings = [text.removeprefix("## ") for _, text in cells[1::2]]
        joined = "".join(f"# %% {title}\n{code}\n" for title, (_, code) in zip(headings, cells[2::2], strict=True))
        after_opening = source[source.index("# %% ") :]
        assert [line for line in joined.splitlines() if line] == [line for line in after_opening.splitlines() if line]
        assert ast.get_docstring(ast.parse(source), clean=False) == cells[0][1].removeprefix("# ") + "\n"
        assert all(len(code) > 0 for _, code in cells[2::2])


@settings(deadline=None)
@given(r=st.integers(1, 1024), alpha=st.floats(0.125, 4096, width=32), dropout=st.floats(0, 0.875, width=16),
       targets=st.sets(st.sampled_from(("q", "k", "v", "o", "wi", "wo")), min_size=1))  # fmt: skip
def test_lora_settings(r, alpha, dropout, targets):
    config = LoraConfig(r=r, alpha=alpha, dropout=dropout, target_modules=tuple(targets))
    assert ("adapters" in libraries(config)) == ("o" not in targets)
    for library in ("peft", "adapters"):
        if library in libraries(config):
            found = constants(script(of(config), library))
            assert (found["R"], found["ALPHA"], found["DROPOUT"]) == (r, alpha, dropout)
            assert library == "adapters" or tuple(found["TARGETS"]) == config.target_modules
    assert config_of(script(of(config), "peft_core")).method == config


def test_the_places_of_lora_in_adapters():
    call = arguments(script(of(LoraConfig(target_modules=("k", "wo"))), "adapters"), "adapters.LoRAConfig")
    assert call["attn_matrices"] == "['k']"
    assert (call["selfattn_lora"], call["intermediate_lora"], call["output_lora"]) == ("True", "False", "True")
    call = arguments(script(of(LoraConfig(target_modules=("wi",))), "adapters"), "adapters.LoRAConfig")
    assert (call["selfattn_lora"], call["intermediate_lora"], call["output_lora"]) == ("False", "True", "False")


@settings(deadline=None)
@given(n=st.integers(1, 200), init=st.sampled_from(("vocab", "random")))
def test_soft_prompt_settings(n, init):
    source = script(of(SoftPromptConfig(num_virtual_tokens=n, prompt_init=init)), "peft")
    assert constants(source)["N"] == n
    call = arguments(source, "PromptTuningConfig")
    assert call["num_transformer_submodules"] == "1"
    assert call["prompt_tuning_init"] == {"vocab": "'SAMPLE_VOCAB'", "random": "'RANDOM'"}[init]


@pytest.fixture(scope="module")
def reduction_factor():
    """What our own checkpoints write; torch comes with it."""
    from peft_core.methods.adapter.folder import reduction_factor

    return reduction_factor


@settings(deadline=None)
@given(
    m=st.integers(1, 4096),
    placement=st.sampled_from(("pfeiffer", "houlsby")),
    act=st.sampled_from(("relu", "gelu", "silu", "tanh")),
    base=st.sampled_from(("tiny-t5", "t5-small", "t5-base")),
)
def test_adapterhub_gives_the_bottleneck_back(reduction_factor, m, placement, act, base):
    source = script(of(AdapterConfig(bottleneck_dim=m, placement=placement, non_linearity=act), base), "adapters")
    found, d_model = constants(source), base_model(base).architecture.d_model
    assert int(d_model // found["REDUCTION_FACTOR"]) == m  # what adapters 1.3.0 computes
    assert found["REDUCTION_FACTOR"] == reduction_factor(d_model, m)
    assert found["NON_LINEARITY"] == {"silu": "swish"}.get(act, act)
    assert ("SeqBnConfig(" in source.replace("DoubleSeqBnConfig", "")) == (placement == "pfeiffer")


def test_a_library_without_the_method_is_refused():
    for method, library in ((AdapterConfig(), "peft"), (SoftPromptConfig(), "adapters"), (FullConfig(), "peft")):
        with pytest.raises(PeftClassroomError, match="Choose: "):
            script(of(method), library)


@pytest.mark.parametrize(
    "words", ['say "good"', "it's", "'\"\\", "two\nlines\r\x0b\x00", '"""\nimport os', "# %% x\n# %% y"]
)
def test_text_stays_text(words):
    method = SoftPromptConfig(prompt_init="text", prompt_text=words)
    assert constants(script(of(method), "peft"))["PROMPT_TEXT"] == words
    assert config_of(script(of(method), "peft_core")).method == method
    assert ast.literal_eval(literal(words)) == words


def test_a_folder_of_ones_own_is_quoted_and_a_gated_t5_has_two_wi(tmp_path):
    folder = tmp_path / """it's "mine" # %% \\"""
    folder.mkdir()
    shapes = {"vocab_size": 64, "d_model": 16, "d_kv": 4, "d_ff": 24, "num_heads": 3, "num_layers": 2}
    config = {"model_type": "t5", "feed_forward_proj": "gated-gelu", **shapes}
    (folder / "config.json").write_text(json.dumps(config))
    run = of(LoraConfig(target_modules=("q", "wi")), base=str(folder))
    found = constants(script(run, "peft"))
    assert (found["BASE"], found["TARGETS"]) == (str(folder), ["q", "wi_0", "wi_1"])
    assert config_of(script(run, "peft_core")) == run
    assert shlex.split(" ".join(command(run, "x")))[5:7] == ["--base", str(folder)]
    with pytest.raises(PeftClassroomError, match="wi_1 but not on wi_0"):
        script(run, "adapters")


def test_no_limit_of_time_needs_no_clock():
    source = script(of(LoraConfig(), train=TrainConfig()), "peft")
    assert "import time" not in source
    assert "MAX_SECONDS" not in source


# -- OpenDelta -------------------------------------------------------------------------------------------------------
def test_opendelta_is_given_what_it_would_not_take_by_itself():
    """LoRA in cross-attention, too; an adapter behind a sub-layer's last matrix, or behind the whole of it."""
    lora = script(of(LoraConfig()), "opendelta")
    assert constants(lora)["MODULES"] == ["q", "v"]
    assert arguments(lora, "opendelta.LoraModel")["modified_modules"] == "MODULES"
    houlsby = script(of(AdapterConfig(placement="houlsby")), "opendelta")
    assert constants(houlsby)["MODULES"] == ["SelfAttention.o", "DenseReluDense.wo"]
    pfeiffer = script(of(AdapterConfig()), "opendelta")
    assert constants(pfeiffer)["MODULES"] == ["[r]encoder.block.[0-9]+.layer.1", "[r]decoder.block.[0-9]+.layer.2"]


@pytest.mark.parametrize(
    "config",
    [
        AdapterConfig(placement="parallel"),
        AdapterConfig(adapter_scaling=2.0),
        AdapterConfig(leave_out=(0,)),
        AdapterConfig(adapter_init="linear"),
        SoftPromptConfig(prompt_init="text", prompt_text="good"),
        LoraConfig(use_dora=True),
    ],
    ids=repr,
)
def test_what_opendelta_lacks_gets_no_script_for_it(config):
    assert "opendelta" not in libraries(config)


def test_adapters_is_told_of_placement_scaling_and_places():
    config = AdapterConfig(placement="parallel", adapter_scaling=4.0, adapted=("self-attention",), leave_out=(0, 1))
    said = arguments(script(of(config), "adapters"), "adapters.ParBnConfig")
    wanted = {"scaling": "4.0", "mh_adapter": "True", "cross_adapter": "False", "output_adapter": "False"}
    assert wanted.items() <= said.items()
    assert said["leave_out"] == "[0, 1]"
    assert (
        arguments(script(of(AdapterConfig(placement="parallel")), "adapters"), "adapters.ParBnConfig")["scaling"]
        == "1.0"
    )
