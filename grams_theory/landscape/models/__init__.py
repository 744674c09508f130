"""The models of the built-in losses: perceptrons, residual networks for small images, a decoder for text.

Every constructor leaves torch's own initial weights; `initialise(model, generator)` beside it draws the ones that the
losses start from, from that generator alone.
"""
