"""What was to be seen inside a run, moment by moment. Importing this package loads no torch.

`seen.py` has the kinds of pictures, as plain numbers; `reel.py` makes them of a run's snapshots;
`asked_later.py` asks the model of a moment the validation reviews.
"""
