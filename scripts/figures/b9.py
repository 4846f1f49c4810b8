#!/usr/bin/env python3
"""Figure B.9: inputs that maximise 250 units of layer 2."""
import pictures

pictures.fields("b9", "Figure B.9: what 250 units of layer 2 respond to", 1)
