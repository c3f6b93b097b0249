"""`python -m workers.command`: the same as `tuoke`."""

from workers.command import main

main(prog_name="tuoke")
