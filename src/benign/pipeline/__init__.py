"""What the scripts share: settings, console, tables, rows, provenance. It knows the studies, they do not know it."""
