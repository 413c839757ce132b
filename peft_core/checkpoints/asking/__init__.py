"""Trained models answer: `predictor.py` holds them and takes texts, `passes.py` makes passes of their rows.

`packed_pass.py` and `packed_places.py` compute rows of many checkpoints in one pass; `memory.py` keeps what it frees.
"""
