"""The production line: the durable workflow that calls the rooms, its queues and workers."""
