"""Runs on more machines: the same worker command, handed to a Ray cluster. Nothing here imports ray.

`settings.py` says which cluster, `jobs.py` speaks with it, `ray.py` is the backend, `job.py` is the worker's side: what
it minds on a disk that other machines share.
"""
