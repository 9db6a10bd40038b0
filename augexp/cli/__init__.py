"""The command line: parse, call, print; one command a module. The door: `main.main`."""
