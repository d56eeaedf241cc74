"""Command-line agents by recipe: Claude Code, Codex, Gemini CLI, OpenCode, goose, Aider, mini."""

from unlit.harness.headless import HeadlessAgent
from unlit.harness.options import AgentOptions
from unlit.harness.recipes import RECIPES
from unlit.harness.talking import SteeredAgent
from unlit.harness.tools import find_program


def make(name: str, options: AgentOptions) -> HeadlessAgent:
    """Make a command-line agent; ``NAME:MODEL`` names its model."""
    recipe = RECIPES[name]
    program = find_program(recipe.command, name, options.tools, options.path)
    if recipe.again:
        return SteeredAgent(recipe, program, options.argument)
    return HeadlessAgent(recipe, program, options.argument)
