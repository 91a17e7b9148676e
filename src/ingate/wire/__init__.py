"""What goes over the network: one codec a wire format, one normaliser for every stream, errors to and from statuses.

A leaf: it knows dicts and bytes, and nothing of HTTP, credentials, configuration or engines.
"""
