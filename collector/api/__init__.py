"""The HTTP side: one file per kind of thing that is asked for. `app` joins them, `guard` decides who may."""
