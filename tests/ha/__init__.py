"""High availability of the TimescaleDB cluster, measured: three nodes from the rendered files, harmed and timed (`make ha`)."""
