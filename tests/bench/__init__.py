"""What xsbot and its peers need for the same work, measured. `make bench` and `make bench-rolling` run it."""
