"""The test suite: unit/ mirrors src, integration/ joins parts, contract/, e2e/ and load/ see the product from outside."""
