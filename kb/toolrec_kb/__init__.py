"""The knowledge base of command-line tools, and the language the model is asked in."""
