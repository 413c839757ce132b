"""Pictures true to scale: frozen weights pale and dashed, trained ones solid. One file a method page."""
