"""From predictions to numbers: accuracy by distance and by length, intervals, paired differences."""
