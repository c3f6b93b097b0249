"""How people ask: pages for the browser and an HTTP API for programs. This room never touches Redis."""
