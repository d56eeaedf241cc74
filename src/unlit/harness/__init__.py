"""Coding agents behind one small adapter, their workspaces, memory and budgets."""
