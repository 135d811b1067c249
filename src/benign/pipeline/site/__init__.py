"""results/TIER/site/index.html: all of a tier on one page, in one file that needs no network and nothing beside it.

Each module prepares records, `pages/templates/site*.html.j2` say how they read; scripts and styles are in `assets/`.
"""
