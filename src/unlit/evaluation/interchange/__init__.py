"""Other people's formats: JUnit, Inspect and Harbor out; OctopusGarden, Gherkin and Hurl in."""
