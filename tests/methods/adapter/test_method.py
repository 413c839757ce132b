"""How AdapterHub's library is told of an adapter: its start, and a reduction factor that comes back as the width."""

import pytest

from peft_core.config import RunConfig
from peft_core.errors import PeftClassroomError
from peft_core.methods.adapter.method import METHOD, AdapterConfig
from peft_core.t5.architecture import base_model
from peft_core.training.as_script.script import libraries, script

NAMED = {"zero": "mam_adapter", "houlsby": "houlsby", "bert": "bert"}


@pytest.mark.parametrize("init", NAMED)
def test_folder_and_script_name_the_start_as_the_library_does(init):
    config = AdapterConfig(adapter_init=init)
    architecture = base_model("t5-small").architecture
    assert METHOD.description(config, architecture, "t5-small")["config"]["init_weights"] == NAMED[init]
    (line,) = [line for line in script(RunConfig(method=config), "adapters").splitlines() if "init_weights" in line]
    assert line.strip().startswith(f'init_weights="{NAMED[init]}",')


def test_a_start_that_the_library_does_not_have_gets_no_script_for_it():
    config = AdapterConfig(adapter_init="linear")
    assert libraries(config) == ("peft_core",)
    with pytest.raises(PeftClassroomError, match="adapters has no"):
        script(RunConfig(method=config), "adapters")
    assert 'adapter_init="linear"' in script(RunConfig(method=config), "peft_core")
    # a trained one can be stored for it all the same: what is loaded takes the place of what was drawn
    architecture = base_model("t5-small").architecture
    assert METHOD.description(config, architecture, "t5-small")["config"]["init_weights"] == "bert"
