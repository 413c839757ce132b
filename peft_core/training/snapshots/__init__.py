"""What a run looked like inside, moment by moment: small files in its folder, `snapshots/STEP.safetensors`.

`moments.py` says which there are and what a file says of itself (no torch), `camera.py` takes them while a run trains,
`pictures.py` makes what is kept where the tensors themselves would be too much, `reading.py` gives them back, checked.
"""
