"""Model vendors' wire formats, usage, prices and a thin client.

The one place for judges, interviews, our own agent loop, the gateway's cost reading and the model
twin.
"""
