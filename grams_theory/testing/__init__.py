"""For users to test their own optimizers, families and claims."""
