"""Drive: files, permissions, uploads, changes."""
