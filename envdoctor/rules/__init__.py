"""One module per known problem, found by walking; the docstring is its page, `check` asks the facts."""
