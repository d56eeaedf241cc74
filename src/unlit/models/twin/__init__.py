"""The model twin: a scripted model server that speaks four vendors' wire formats.

It has no model inside. What it answers is a function of the request alone, so that an agent can be
tested, killed and run again with the same result.
"""
