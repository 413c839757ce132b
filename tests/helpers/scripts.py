"""Generated scripts, read back."""

import ast

from peft_core.config import RunConfig, TrainConfig
from peft_core.reviews.config import DataConfig

DATA = DataConfig(train_size=96, max_length=48, test_size=38)
TRAIN = TrainConfig(epochs=3, batch_size=8, learning_rate=0.0125, max_seconds=77, seed=12345)


def of(method, base="tiny-t5", data=DATA, train=TRAIN) -> RunConfig:
    return RunConfig(base=base, method=method, data=data, train=train)


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
