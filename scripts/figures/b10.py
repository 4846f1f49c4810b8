#!/usr/bin/env python3
"""Figure B.10: inputs that maximise 250 units of layer 3."""
import pictures

pictures.fields("b10", "Figure B.10: what 250 units of layer 3 respond to", 2)
