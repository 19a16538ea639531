"""The two DAGs on a whole cluster: a package, so that the cluster is stopped after its last test."""
