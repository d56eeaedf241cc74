"""Coverage-guided fuzzing of what reads untrusted bytes: heads, HTTP/2 frames, chunks, policies."""
