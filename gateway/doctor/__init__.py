"""The doctor: looks at everything an installation needs to send lawfully, and names the cure of what it finds.

One file an area; each is a function that takes what it looks at and yields findings, and changes nothing.
"""
