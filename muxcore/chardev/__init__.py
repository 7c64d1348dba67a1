"""The kinds of byte endpoints: one file each, one base, one plain table of them."""
