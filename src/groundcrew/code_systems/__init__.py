"""Code systems (ICD-10-CM, ICD-10-GM, OPS, CHOP …) as data: which codes exist, what they mean, how they hang together."""
