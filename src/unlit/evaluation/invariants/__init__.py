"""The pre-committed safety pack: run on every candidate, without anybody writing a scenario.

Safety, not purpose: it can veto a candidate and never raises satisfaction.
"""
