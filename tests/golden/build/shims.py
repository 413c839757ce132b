"""Four modules that OpenDelta 0.3.2 imports and that are no more, or that it needs for its web page alone.

transformers.deepspeed   has moved to transformers.integrations.deepspeed
DeltaCenter              the client of a server for deltas; here nothing is sent anywhere
git                      gitpython: asked for the same
web                      web.py: a page on which modules can be clicked together
"""

import sys
from types import ModuleType


class Nothing:
    """Takes whatever it is made of and does nothing with it."""

    def __init__(self, *arguments, **named) -> None:
        pass


def put_in_place() -> None:
    """Before `import opendelta`."""
    from transformers.integrations import deepspeed

    sys.modules["transformers.deepspeed"] = deepspeed
    for name in ("DeltaCenter", "git", "web"):
        module = ModuleType(name)
        module.OssClient = module.application = module.render = Nothing
        module.template = module  # web.template.render
        sys.modules[name] = module
