"""The steps by which the tables came to be; run by `storage.database.Database.upgrade`."""
