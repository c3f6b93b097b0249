"""Telling people outside the pages, and other systems: what is sent to whom, where, and when. Nothing here sends: rows are
written and claimed here, and the workers carry them out of the house."""
