"""The command line: parse, call a service, print. Heavy modules are imported by the command that needs them."""
