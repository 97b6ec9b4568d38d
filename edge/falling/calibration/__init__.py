"""The installer's drawing of a facade: made in the browser (`page`), checked (`drawing`), shown (`preview`)."""
