"""peft_core: parameter-efficient fine-tuning of T5, written to be read.

Importing this package loads neither torch nor streamlit: counts, configurations and run folders work without them.
Start reading at `configs.py` and `counting.py`, then `methods/`, then `training.py`.
"""

__version__ = "0.1.0"
