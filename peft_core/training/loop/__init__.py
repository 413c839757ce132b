"""How a model is trained: `trainer.py` is the loop, `step.py` a step of it; no method is named here.

`gradients.py` and `masters.py` are what a step is made of, `clock.py` and `remaining.py` its time, `step_log.py` what
is told to whoever watches.
"""
