"""How alike a twin answers, and what recordings teach: scoring, shapes, tiers, recording."""
