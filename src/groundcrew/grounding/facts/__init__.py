"""Reads facts that can be compared from text: quantities with units, dates, times and weekdays."""
