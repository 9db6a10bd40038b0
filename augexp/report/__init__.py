"""A judged comparison in words, tables, figures and files. The doors: `terminal`, `page.html`, `export`."""
