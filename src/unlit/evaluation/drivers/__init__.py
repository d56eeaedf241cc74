"""Drivers: how a scenario touches a product (command line, HTTP, browser, files)."""
