"""Which words stand nearest to the rows that a method puts in front of a review? Importing this package loads no torch.

`nearest.py` is the arithmetic, in NumPy; `checkpoint_rows.py` reads the rows of a checkpoint, as trained and as they
started.
"""
