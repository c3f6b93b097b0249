"""What leaves the house: what is written, when it goes, and how it is carried."""
