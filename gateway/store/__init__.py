"""The only room that knows the database: everything others read and write goes through its functions."""
