"""The leak proof: what grades has not reached who writes, shown anew on every run.

Each detector reads a planted control on the same path as the real thing. A control that is not
found means that the detector is blind, and the proof does not count.
"""
