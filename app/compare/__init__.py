"""The parts of the page Compare, one module a question."""
