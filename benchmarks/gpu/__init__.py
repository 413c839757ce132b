"""What a GPU is good for here: `__main__.py` is the command, `parts.py` what is measured, `report.py` what is said."""
