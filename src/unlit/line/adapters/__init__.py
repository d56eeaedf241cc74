"""What the line's ports are made of: the engine, the evaluator process, the rooms."""
