"""What people look at to do the day's work together: the requests that wait, the rotation, the pool."""
