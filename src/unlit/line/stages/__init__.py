"""The stages of the line, one file each; plain async functions that import no engine."""
