"""The twins, one plug-in per vendor world; they do not know each other."""
