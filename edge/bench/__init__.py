"""`python -m edge bench`: what the analyzers are worth on data that somebody else has."""
