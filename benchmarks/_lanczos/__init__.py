"""The parts of benchmarks/lanczos.py: problems, products, solvers, contenders, measurement and tables."""
