"""Try it: a candidate in a fence, against a fresh twin world, for a person to use."""

from unlit.review.tryout.model import Choice, TryPlan, plan_of
from unlit.review.tryout.trial import Settings, Trial

__all__ = ["Choice", "Settings", "Trial", "TryPlan", "plan_of"]
