"""A real local server that speaks the endpoints' protocols and misbehaves on request."""
