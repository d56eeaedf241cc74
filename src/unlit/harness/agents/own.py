"""Our own loop: five tools on pydantic-ai, started inside the fence like any other agent.

``own:MODEL`` names the model as pydantic-ai does: ``anthropic:…``, ``openai:…``, ``google:…``,
``bedrock:…``, ``azure:…``, ``openrouter:…``; a local or compatible server is reached by policy and
``OPENAI_BASE_URL``.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from unlit.harness.headless import HeadlessAgent
from unlit.harness.options import AgentOptions
from unlit.harness.recipes import MODEL, RECIPES, Recipe
from unlit.harness.tools import find_program

PROGRAM: Final = Path(__file__).parents[1] / "loop" / "program.py"
_KEYS: Final = {
    "anthropic": ("anthropic", "ANTHROPIC_API_KEY"),
    "openai": ("responses", "OPENAI_API_KEY"),
    "openai-chat": ("chat", "OPENAI_API_KEY"),
    "openai-responses": ("responses", "OPENAI_API_KEY"),
    "google": ("gemini", "GOOGLE_API_KEY"),
    "google-gla": ("gemini", "GOOGLE_API_KEY"),
    "bedrock": ("bedrock", "AWS_BEARER_TOKEN_BEDROCK"),
    "azure": ("chat", "AZURE_OPENAI_API_KEY"),
    "openrouter": ("chat", "OPENROUTER_API_KEY"),
}


def recipe_of(model: str) -> Recipe:
    """Return how the loop is started for a model."""
    provider = model.partition(":")[0]
    protocol, key = _KEYS.get(provider, ("chat", "OPENAI_API_KEY"))
    text = PROGRAM.read_text(encoding="utf-8")
    argv = ("-c", text, MODEL)
    return replace(RECIPES["own"], model=model, protocol=protocol, key=key, argv=argv)


def make(name: str, options: AgentOptions) -> HeadlessAgent:
    """Make the own loop; it runs only in the environment that `unlit agents install own` made."""
    recipe = recipe_of(options.argument or RECIPES["own"].model)
    program = find_program(recipe.command, name, options.tools, "")
    return HeadlessAgent(recipe, program)
