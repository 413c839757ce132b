"""The app as a service for a class: who asks, what may be asked, how the server is.

keys.py     signed cookies, the teacher's key, the class password; what lies beside the runs for them
names.py    what students call themselves
tries.py    how often somebody may be wrong
door.py     what every request passes: a cookie for each browser, the class password, the teacher's key
turns.py    who computes next, and which questions are answered in one go
health.py   queue, workers, disk and versions, as JSON and for Prometheus
start.py    the process of the server, and its address
lines.py    the log of the server as lines of JSON, without anything that a visitor wrote
live/       what a class does together: votes, a wall of sentences; in memory alone

Nothing here knows a page or a model, and importing it loads no torch.
"""
