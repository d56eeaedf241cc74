"""The statistics and decisions of a grading: pure functions of counts and facts."""
