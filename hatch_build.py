"""Build hook: placeholder until the page's parts are fetched here."""
