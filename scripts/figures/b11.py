#!/usr/bin/env python3
"""Figure B.11: inputs that maximise 250 units of layer 4."""
import pictures

pictures.fields("b11", "Figure B.11: what 250 units of layer 4 respond to", 3)
