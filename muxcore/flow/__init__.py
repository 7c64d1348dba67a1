"""How bytes move: out of a guest to its peers, and from what they type in to it."""
