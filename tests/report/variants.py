"""Which row of the report each shipped checkpoint stands in, and checkpoints that differ from them in one thing."""

from peft_core.checkpoints.listing import CheckpointInfo

SHIPPED = {
    "full": "full-own",
    "soft-prompt-10": "soft_prompt-10-own",
    "adapter-8": "adapter-8-own",
    "lora-8": "lora-8-own",
}


def variant(info, name="variant", *, method=None, train=None, data=None, **values):
    """A checkpoint like this one, with another method, other settings, or other values in its record."""
    config = info.record.config
    config = config.model_copy(
        update={
            "method": method or config.method,
            "train": config.train.model_copy(update=train or {}),
            "data": config.data.model_copy(update=data or {}),
        }
    )
    record = info.record.model_copy(update={"config": config, **values})
    return CheckpointInfo(name=name, path=info.path, record=record, shipped=False)
