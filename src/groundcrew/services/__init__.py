"""The verbs: one module per business area, one call = one transaction that writes the change and its audit entry."""
