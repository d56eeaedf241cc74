"""Attempts to get out of a fence; each must leak when there is no fence, or it does not count."""
