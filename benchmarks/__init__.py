"""Measurements that the app quotes, each repeated by one command. Results with their provenance: `results/`."""
