"""From predictions to numbers: accuracy by distance and length, intervals, paired differences."""
