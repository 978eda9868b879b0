"""From frames and sections to the files of one report."""
