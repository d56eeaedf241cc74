"""What happened: runs, stages, trajectories, verdicts, costs, looks.

The stored format lives here; scenario content never does.
"""
