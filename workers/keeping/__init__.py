"""Backups and restoring: `archive` is the file, `sqlite` and `postgres` copy the books out and lay them down, `making` and
`restoring` are what the two commands do.

A backup is one zip: the database as its own tools write it, and a manifest that says what it is. It holds no key: what is
sealed in it opens only with the data key, of which the manifest names the fingerprint. What is half written lies in a folder
of its own beside the target and bears its name only when it is whole and on disk.
"""
