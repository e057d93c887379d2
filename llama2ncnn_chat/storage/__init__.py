"""What a person keeps: sessions in one SQLite file, KV snapshots beside. Knows no face."""
