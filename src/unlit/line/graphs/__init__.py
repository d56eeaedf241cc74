"""Lines as graph files: Attractor DOT pipelines, read leniently, linted, drawn and executed.

Source: StrongDM's published natural-language specification (strongdm/attractor, attractor-spec.md,
read 2026-11); dialects of other runners are accepted with a warning that names them.
"""
