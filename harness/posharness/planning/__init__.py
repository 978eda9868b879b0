"""Planning: an experiment to its cells, and which parts go together."""
