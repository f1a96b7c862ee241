"""The control plane over HTTP: the REST API under /api/v1 and the console under /. It calls services and never the store."""
