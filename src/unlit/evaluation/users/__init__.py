"""Simulated users: who talks to the product, and over what. Scripted first; a model on request."""
