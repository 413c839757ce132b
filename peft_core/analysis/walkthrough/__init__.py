"""One forward pass, step by step, with the tensors that were really there.

places.py     where a method can be looked at                    (no torch)
steps.py      what a step is: formula, operands, result          (no torch)
tokens.py     words → tokens
recorder.py   what flows in and out of a module
forward.py    `walk`: run the model once, cut the pass into steps
full.py · soft_prompt.py · adapter.py · lora.py: the steps of one method
"""
