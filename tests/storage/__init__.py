"""What must hold in the database: real SQLite files, real threads, real migrations."""
