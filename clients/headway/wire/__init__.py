"""The wire: every request and response of the HTTP API, defined once.

The client builds requests from these models and parses responses into them; the server imports the
same classes. Nothing here knows the rules of the service (bounds that make sense, budgets, leases):
those live in the server's domain. Clients ignore unknown fields of a response, and a request with an
unknown field is refused by name, so that a misspelt option is never silently dropped.
"""
