"""The command line: everything a user can do without the app.

`parser` knows the verbs and loads what is behind one only when it is wanted.
"""
