"""The page that visitors see while no server answers. It needs no other file, and obeys the site's own content policy."""

from __future__ import annotations

MAINTENANCE_PATH = "/maintenance.html"

MAINTENANCE_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Temporarily unavailable</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 34rem; padding: 2rem; }
h1 { font-size: 1.6rem; margin: 0 0 1rem; }
</style>
</head>
<body>
<main role="alert">
<h1>The platform is not answering right now</h1>
<p>We are on it. Orders that a broker has already accepted stay with the broker and are not touched by this page.</p>
<p>Planned maintenance takes place on Sundays between 02:00 and 04:00 UTC. Please try again in a minute.</p>
</main>
</body>
</html>
"""
