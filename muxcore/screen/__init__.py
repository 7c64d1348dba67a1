"""A console's output made a screen: an engine, and the rules of the stream that feeds it."""
