"""The report read again: what its curves, its printed tree and its hand calculations say when they are worked out.

What is quoted stands in these files as data and is marked so; every other number is computed from it, or from shapes.
"""
