"""The proof: a ring of compressed packets, pictures and clips on disk, their upload."""
