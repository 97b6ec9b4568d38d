"""A residential tower seen from below, with things that fall from it and much else that moves."""
