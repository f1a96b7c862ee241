"""The console: server-rendered pages that work without JavaScript, and one stream of live events for each open page."""
