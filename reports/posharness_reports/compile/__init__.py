"""From frames and sections to the files of a report."""
