"""What every section is given: prepared frames, and how they are split."""
