"""Builds data sets for customized solutions: a recipe says what a record must be, every dropped one has one named reason."""
