"""A class of phones on one server: how fast votes and sentences are taken and seen, and whether any is lost."""
