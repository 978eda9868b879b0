"""Planning: the cells of an experiment, and which parts are compatible."""
