#!/usr/bin/env python3
"""Figure B.8: inputs that maximise 250 units of layer 1."""
import pictures

pictures.fields("b8", "Figure B.8: what 250 units of layer 1 respond to", 0)
