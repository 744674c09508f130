"""The contract between the layers: claims, evidence, verdicts, function batches, rounding bounds."""
